package browserless

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// maxAnswer bounds an answer of the page's server.
const maxAnswer = 8 << 20

// Page is an open page. It is used from one goroutine.
type Page struct {
	base   string // http://127.0.0.1:port
	bearer string
	http   *http.Client
	main   *html.Node // the page's content as it stands
	seq    int64
}

// Open opens an address as the application's side hands it to a browser, and
// waits for the first view.
func Open(ctx context.Context, address string) (*Page, error) {
	base, token, ok := strings.Cut(address, "/#")
	if !ok || !strings.HasPrefix(base, "http://127.0.0.1:") {
		return nil, fmt.Errorf("open page: %q is no address of a page", address)
	}
	p := &Page{base: base, http: &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}}
	frame, _, err := p.send(ctx, http.MethodGet, "/", nil)
	if err != nil {
		return nil, fmt.Errorf("open page: %w", err)
	}
	if !strings.Contains(frame, "htmx-config") {
		return nil, errors.New("open page: not a page of ISCDesk")
	}
	answer, _, err := p.send(ctx, http.MethodPost, "/session", url.Values{"token": {token}})
	if err != nil {
		return nil, fmt.Errorf("exchange token: %w", err)
	}
	var got struct{ Bearer string }
	if err := json.Unmarshal([]byte(answer), &got); err != nil {
		return nil, fmt.Errorf("exchange token: %w", err)
	}
	p.bearer = got.Bearer
	p.main = &html.Node{Type: html.ElementNode, Data: "main", Attr: []html.Attribute{{Key: "id", Val: "main"}}}
	return p, p.follow(ctx, http.MethodGet, "/ui/home", nil, "#main", "innerHTML")
}

// Status is an answer that is no view, such as 401 or 403.
type Status struct {
	Code int
	Path string
}

func (s *Status) Error() string { return fmt.Sprintf("%s answered %d", s.Path, s.Code) }

// send makes one request with what a browser adds by itself. Views come with 2xx
// and 422; anything else is a *Status.
func (p *Page) send(ctx context.Context, method, path string, form url.Values) (string, http.Header, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, p.base+path, body)
	if err != nil {
		return "", nil, err
	}
	if method == http.MethodPost {
		req.Header.Set("Origin", p.base)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if path == "/" {
		req.Header.Set("Sec-Fetch-Site", "none")
		req.Header.Set("Sec-Fetch-Mode", "navigate")
	}
	if p.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+p.bearer)
		req.Header.Set("HX-Request", "true")
	}
	res, err := p.http.Do(req)
	if err != nil {
		return "", nil, err
	}
	defer res.Body.Close()
	out, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return "", nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if res.StatusCode/100 != 2 && res.StatusCode != http.StatusUnprocessableEntity {
		return "", nil, &Status{Code: res.StatusCode, Path: path}
	}
	return string(out), res.Header, nil
}

// follow sends a request and swaps the answer in, as htmx does.
func (p *Page) follow(ctx context.Context, method, path string, form url.Values, target, swap string) error {
	answer, h, err := p.send(ctx, method, path, form)
	if err != nil {
		return err
	}
	if to := h.Get("HX-Retarget"); to != "" {
		target = to
	}
	if how := h.Get("HX-Reswap"); how != "" {
		swap = how
	}
	old := byID(p.main, strings.TrimPrefix(target, "#"))
	if old == nil {
		return fmt.Errorf("%s: the page has no %s", path, target)
	}
	around := &html.Node{Type: html.ElementNode, Data: "div"}
	if old.Data == "tr" {
		around = &html.Node{Type: html.ElementNode, Data: "tbody"}
	}
	nodes, err := html.ParseFragment(strings.NewReader(answer), withAtom(around))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	p.swap(old, nodes, swap)
	return nil
}

// Finish keeps the heartbeat until the operation has ended and returns the last
// view's heading; Good tells whether it went well.
func (p *Page) Finish(ctx context.Context) (string, error) {
	for {
		answer, _, err := p.send(ctx, http.MethodPost, "/alive", url.Values{"seq": {fmt.Sprint(p.seq)}})
		if err != nil {
			return "", fmt.Errorf("follow the operation: %w", err)
		}
		var pulse struct {
			Seq   int64
			Phase string
		}
		if err := json.Unmarshal([]byte(answer), &pulse); err != nil {
			return "", fmt.Errorf("follow the operation: %w", err)
		}
		p.seq = pulse.Seq
		if pulse.Phase == "ended" {
			err := p.follow(ctx, http.MethodGet, "/ui/home", nil, "#main", "innerHTML")
			return p.Title(), err
		}
	}
}

// Close tells the page that its window was closed.
func (p *Page) Close(ctx context.Context) error {
	_, _, err := p.send(ctx, http.MethodPost, "/closed", url.Values{})
	p.http.CloseIdleConnections()
	return err
}
