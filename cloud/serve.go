package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/app"
	"github.com/iscdesk/iscdesk/cloud/internal/certs"
	"github.com/iscdesk/iscdesk/cloud/internal/conns"
	"github.com/iscdesk/iscdesk/cloud/internal/httpapi"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/readings"
	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/internal/clock"
)

// streams are the process's own, handed in so that a command can be run in a test.
type streams struct {
	in       io.Reader
	out, log io.Writer
}

type serveCommand struct {
	Data   string        `help:"Folder with everything the cloud keeps." default:"/var/lib/iscdesk-cloud" type:"path"`
	Listen string        `help:"Address to listen on; port 0 takes a free one." default:"127.0.0.1:8443"`
	Name   []string      `help:"A host name or address that agents use; may be repeated." placeholder:"HOST"`
	Cert   string        `help:"The operator's certificate chain (PEM), instead of one of the cloud's own authority." type:"path" and:"tls"`
	Key    string        `help:"The key of --cert (PEM)." type:"path" and:"tls"`
	Lease  time.Duration `help:"How long a licence works without asking again." default:"168h"`
	Grace  time.Duration `help:"Further time when the cloud cannot be reached." default:"168h"`

	MerchantNetwork []netip.Prefix `help:"A network beside the internet where merchants' servers may be, as 10.1.0.0/16; may be repeated." placeholder:"CIDR"`
	MerchantPort    string         `help:"443, or any: the ports of merchants' servers." enum:"443,any" default:"443"`
	MerchantCA      string         `help:"Certificate authorities of merchants' servers (PEM), beside the system's." name:"merchant-ca" type:"path"`
	RequireSign     bool           `help:"Take no answer of a merchant that is not signed (Body-Sign)."`
	RetryEvery      time.Duration  `help:"The time between two attempts of a call to a merchant; default: as the marketplace's pages say." placeholder:"DURATION"`
	Probe           bool           `help:"Replay the saved debugging cases of what is on sale twice a day (01:00 and 07:00 UTC); --no-probe does not." default:"true" negatable:""`
	ProbeDays       int            `help:"Take a listing off sale after so many failing days of probes in a row; 0 never does." default:"5" placeholder:"DAYS"`
	Reading         []string       `help:"Read the marketplace's pages otherwise where they contradict each other; may be repeated. 'list' for a name shows what there is." placeholder:"NAME"`
	OrderCodes      string         `help:"The prefix of the order query's codes; the marketplace's pages print both." enum:"MKT,CBC" default:"MKT"`
}

// minRetry keeps an operator from calling a merchant that has failed without a pause.
const minRetry = 100 * time.Millisecond

// shutdownTime is what requests get to end by themselves after SIGTERM.
const shutdownTime = 20 * time.Second

// Times of a connection; how many there are is bounded by package conns. A client that does not
// read its answers is cut off.
const (
	greetTime  = 5 * time.Second  // for the TLS handshake, and again for a request's head
	bodyTime   = 10 * time.Second // for head and body of a request that is refused before its body is read; a route has its own time
	idleTime   = 2 * time.Minute  // between requests; whoever is longest there gives way when there is no room
	answerTime = 15 * time.Minute // longer than the longest upload and its answer
)

// Run serves until SIGTERM or SIGINT.
func (s *serveCommand) Run(st *streams) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(st.log, nil))
	data, err := filepath.Abs(s.Data)
	if err != nil {
		return fmt.Errorf("find data folder: %w", err)
	}
	if err := atomicfile.MkdirPrivate(data); err != nil {
		return fmt.Errorf("open data folder: %w", err)
	}
	release, err := lock(filepath.Join(data, "lock"))
	if err != nil {
		return fmt.Errorf("open data folder %s: %w", data, err)
	}
	defer release()
	reach, err := s.reach()
	if err != nil {
		return err
	}
	var plans produce.Plans // nil: the documented ones
	switch {
	case s.RetryEvery < 0 || s.RetryEvery > 0 && s.RetryEvery < minRetry:
		return fmt.Errorf("use --retry-every: at least %s", minRetry)
	case s.ProbeDays < 0:
		return fmt.Errorf("use --probe-days: 0 or more")
	case s.RetryEvery > 0:
		plans = produce.DefaultPlans().Paced(s.RetryEvery)
	}
	others, err := readings.Parse(s.Reading)
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, app.Config{Data: data, Plans: plans, Readings: others, Names: s.Name, Clock: clock.System{}, Log: log, Build: revision(),
		Terms: httpapi.LeaseTerms{Lease: s.Lease, Grace: s.Grace}, Reach: reach, OrderPrefix: s.OrderCodes + ".", RequireSign: s.RequireSign,
		Probe: s.Probe, NoSaleAfter: s.ProbeDays})
	if err != nil {
		return err
	}
	err = s.serve(ctx, st, log, data, a)
	if cerr := a.Close(); err == nil {
		err = cerr
	}
	return err
}

func (s *serveCommand) serve(ctx context.Context, st *streams, log *slog.Logger, data string, a *app.App) error {
	conf, ca, err := s.tls(data)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	bounded := conns.Listen(l, conns.Limits{})
	conf.GetConfigForClient = bounded.Hello
	srv := &http.Server{Handler: a, TLSConfig: conf, ConnState: bounded.State, ReadHeaderTimeout: greetTime, ReadTimeout: bodyTime, IdleTimeout: idleTime,
		WriteTimeout: answerTime, MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	srv.RegisterOnShutdown(a.Stopping)
	base := s.base(l.Addr())
	if err := atomicfile.WriteFile(filepath.Join(data, "address"), []byte(base+"\n"), 0o644); err != nil {
		l.Close()
		return fmt.Errorf("write address: %w", err)
	}
	code, err := a.SetupCode(ctx)
	if err != nil {
		l.Close()
		return err
	}
	fmt.Fprintf(st.out, "address: %s\n", base)
	if ca != "" {
		fmt.Fprintf(st.out, "ca file: %s\n", ca)
	}
	if code != "" {
		fmt.Fprintf(st.out, "one-time code for the first administrator (24 hours): %s\n", code)
	}
	fmt.Fprintln(st.out, "ready: connections are taken")
	served := make(chan error, 1)
	go func() { served <- srv.ServeTLS(bounded, "", "") }() // ends with Shutdown or Close below
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping")
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := srv.Shutdown(end); err != nil {
		log.Warn("requests were cut off", "error", err)
		srv.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// reach is where calls to merchants may go.
func (s *serveCommand) reach() (produce.Reach, error) {
	r := produce.Reach{Networks: s.MerchantNetwork, AnyPort: s.MerchantPort == "any"}
	if s.MerchantCA == "" {
		return r, nil
	}
	pem, err := os.ReadFile(s.MerchantCA)
	if err != nil {
		return r, fmt.Errorf("read --merchant-ca: %w", err)
	}
	if r.Roots, err = x509.SystemCertPool(); err != nil {
		return r, fmt.Errorf("read the system's certificate authorities: %w", err)
	}
	if !r.Roots.AppendCertsFromPEM(pem) {
		return r, fmt.Errorf("read --merchant-ca: %s holds no certificate", s.MerchantCA)
	}
	return r, nil
}

// tls is the certificate to serve with and, for our own authority, the file to give to agents.
func (s *serveCommand) tls(data string) (*tls.Config, string, error) {
	if s.Cert != "" {
		conf, err := certs.Files(s.Cert, s.Key)
		return conf, "", err
	}
	own, err := certs.Open(data, s.Name, clock.System{})
	if err != nil {
		return nil, "", err
	}
	return own.TLS(), filepath.Join(data, certs.CAFile), nil
}

// base is the address that agents are told: the first --name when there is one, else what was
// listened on, with the loopback address in place of "any".
func (s *serveCommand) base(at net.Addr) string {
	host, port, err := net.SplitHostPort(at.String())
	if err != nil {
		return "https://" + at.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	if len(s.Name) > 0 {
		host = s.Name[0]
	}
	return "https://" + net.JoinHostPort(host, port)
}

// revision is the build as GET /v1/server tells it, with the commit where Go knows it.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return build
	}
	for _, v := range info.Settings {
		if v.Key == "vcs.revision" && len(v.Value) >= 12 {
			return build + "+" + v.Value[:12]
		}
	}
	return build
}
