//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/e2e/desk"
	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

const (
	assemblyParts = 40
	assemblyBytes = 275 << 20
	fileRuns      = 3
)

// files measures first save and first open of an assembly against a plain copy
// with SHA-256 of the same bytes on the same disk.
func (r *run) files(ctx context.Context) error {
	home := r.Users[0].Home
	var saves, opens, copies []time.Duration
	spent := map[string][]time.Duration{}
	for n := range fileRuns {
		// A new assembly each time: the cloud must not know its chunks.
		name := fmt.Sprintf("flange%d", n)
		source := filepath.Join(r.Dir, name)
		if err := makeAssembly(source, name, uint64(n)); err != nil {
			return err
		}
		took, err := copyAndHash(source, filepath.Join(r.Dir, "copy"))
		if err != nil {
			return err
		}
		copies = append(copies, took)
		cmd := r.Command(0, r.self, "save-and-open", r.Agent.Socket, r.Space, source)
		cmd.Dir, cmd.Stderr = home, os.Stderr
		before, err := r.processorTimes()
		if err != nil {
			return err
		}
		f, between, err := r.saveThenOpen(cmd)
		if err != nil {
			return fmt.Errorf("save and open %s: %w", name, err)
		}
		after, err := r.processorTimes()
		if err != nil {
			return err
		}
		for who := range after {
			spent["save "+who] = append(spent["save "+who], between[who]-before[who])
			spent["open "+who] = append(spent["open "+who], after[who]-between[who])
		}
		save, _ := strconv.ParseFloat(f[0], 64)
		open, _ := strconv.ParseFloat(f[1], 64)
		saves = append(saves, time.Duration(save*1e9))
		opens = append(opens, time.Duration(open*1e9))
		if err := os.RemoveAll(source); err != nil {
			return err
		}
	}
	peer := median(copies)
	row("first save, 275 MB in 40 parts (peer: copy + SHA-256)", ms(median(saves)), ms(peer), ratio(median(saves), peer), "goal 3 x")
	row("first open, 275 MB in 40 parts (peer: copy + SHA-256)", ms(median(opens)), ms(peer), ratio(median(opens), peer), "goal 3 x")
	for _, what := range []string{"save", "open"} {
		row("processor time of a "+what+": worker, cloud", ms(median(spent[what+" worker"])), ms(median(spent[what+" cloud"])), 0, "")
	}
	return nil
}

// saveThenOpen runs the application and returns what it printed: the seconds of
// the save and of the open. between is the processor time when the save had ended.
func (r *run) saveThenOpen(cmd *exec.Cmd) (seconds []string, between map[string]time.Duration, err error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if seconds = append(seconds, lines.Text()); between == nil && err == nil {
			between, err = r.processorTimes()
		}
	}
	if err = firstError(err, cmd.Wait()); err == nil && len(seconds) != 2 {
		err = fmt.Errorf("it printed %q", seconds)
	}
	return seconds, between, err
}

// processorTimes of the cloud and of the agent's workers, which live on between
// two runs (a new one begins at zero).
func (r *run) processorTimes() (map[string]time.Duration, error) {
	cloud, err := processorTime(r.Cloud.PID())
	if err != nil {
		return nil, err
	}
	all := map[string]time.Duration{"cloud": cloud, "worker": 0}
	for _, pid := range r.Workers() {
		if t, err := processorTime(pid); err == nil { // one that ended counts no more
			all["worker"] += t
		}
	}
	return all, nil
}

// saveAndOpen is the application: it prints the seconds of a first save and of a
// first open of the assembly.
func saveAndOpen(args []string) error {
	socket, space, path := args[0], args[1], args[2]
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	c, err := sdk.Init(ctx, sdk.Options{Endpoint: socket, Product: desk.Product, Timeout: 10 * time.Second})
	if err != nil {
		return err
	}
	defer c.ShutOut()
	if _, err := c.Login(ctx, desk.Engineer1, desk.Password); err != nil {
		return err
	}
	begin := time.Now()
	op, err := c.SaveTo(ctx, api.SaveTo{Path: path, Assembly: true, Space: space})
	if err != nil {
		return err
	}
	saved, err := result(ctx, c, op, api.EventSaveResult)
	if err != nil {
		return err
	}
	fmt.Println(time.Since(begin).Seconds())
	begin = time.Now()
	if op, err = c.OpenObject(ctx, api.Open{Object: saved["object"]}); err != nil {
		return err
	}
	opened, err := result(ctx, c, op, api.EventOpenResult)
	if err != nil {
		return err
	}
	open := time.Since(begin)
	if err := sameTree(path, opened["mainFile"]); err != nil {
		return err
	}
	fmt.Println(open.Seconds())
	return os.RemoveAll(opened["mainFile"])
}

func result(ctx context.Context, c *sdk.Client, op api.Operation, typ string) (map[string]string, error) {
	for {
		ev, err := c.NextEvent(ctx)
		if err != nil {
			return nil, err
		}
		if ev.Operation != op || ev.Type != typ {
			continue
		}
		p := ev.Envelope.Params
		if p[api.ParamReason] != "" {
			return nil, fmt.Errorf("%s: %s %s", typ, p[api.ParamCode], p[api.ParamReason])
		}
		return p, nil
	}
}

// makeAssembly writes parts of exchange-format text: lines of coordinates, which
// compress as such files do.
func makeAssembly(dir, name string, seed uint64) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	rnd := rand.New(rand.NewPCG(seed, 7))
	for n := range assemblyParts {
		part := fmt.Sprintf("part%02d.dxf", n)
		if n == 0 {
			part = name + ".dxf" // the main file bears the folder's name
		}
		f, err := os.OpenFile(filepath.Join(dir, part), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		w := bufio.NewWriterSize(f, 1<<20)
		for size := 0; size < assemblyBytes/assemblyParts; {
			k, err := fmt.Fprintf(w, "  0\nLINE\n 10\n%.6f\n 20\n%.6f\n 11\n%.6f\n 21\n%.6f\n",
				rnd.Float64()*500, rnd.Float64()*500, rnd.Float64()*500, rnd.Float64()*500)
			if err != nil {
				return err
			}
			size += k
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// copyAndHash is the peer: read, hash, write, nothing else.
func copyAndHash(from, to string) (time.Duration, error) {
	defer os.RemoveAll(to)
	begin := time.Now()
	if err := os.MkdirAll(to, 0o755); err != nil {
		return 0, err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		in, err := os.Open(filepath.Join(from, e.Name()))
		if err != nil {
			return 0, err
		}
		out, err := os.Create(filepath.Join(to, e.Name()))
		if err != nil {
			return 0, err
		}
		_, err = io.Copy(out, io.TeeReader(in, sha256.New()))
		if err = firstError(err, in.Close(), out.Close()); err != nil {
			return 0, err
		}
	}
	return time.Since(begin), nil
}

// sameTree fails unless both folders hold the same files.
func sameTree(a, b string) error {
	entries, err := os.ReadDir(a)
	if err != nil {
		return err
	}
	for _, e := range entries {
		x, err1 := os.ReadFile(filepath.Join(a, e.Name()))
		y, err2 := os.ReadFile(filepath.Join(b, e.Name()))
		if err := firstError(err1, err2); err != nil {
			return err
		}
		if !bytes.Equal(x, y) {
			return fmt.Errorf("%s came back different", e.Name())
		}
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func median(d []time.Duration) time.Duration {
	s := slices.Sorted(slices.Values(d))
	return s[len(s)/2]
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }
