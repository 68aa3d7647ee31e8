package picker

import (
	"embed"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

//go:embed assets/app.css assets/app.js assets/icon.svg assets/vendor/htmx.min.js
var assets embed.FS

// handler is the page's whole HTTP surface. The order of its doors: whose
// connection (conns), which host and origin, whose bearer, which method, how
// large; only then is anything parsed.
func (p *page) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.shell)
	for name, kind := range map[string]string{
		"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8",
		"icon.svg": "image/svg+xml", "vendor/htmx.min.js": "text/javascript; charset=utf-8",
	} {
		mux.HandleFunc("GET /assets/"+name, asset(name, kind))
	}
	mux.HandleFunc("POST /session", p.session)
	mux.Handle("POST /alive", p.bearerOnly(p.alive))
	mux.Handle("POST /closed", p.bearerOnly(p.closed))
	mux.Handle("GET /ui/home", p.bearerOnly(p.home))
	mux.Handle("POST /ui/sign-in", p.bearerOnly(p.signIn))
	mux.Handle("POST /ui/cancel", p.bearerOnly(p.cancel))
	mux.Handle("GET /ui/list", p.bearerOnly(p.list))
	switch p.ask.Purpose {
	case purposePick:
		mux.Handle("GET /ui/details", p.bearerOnly(p.details))
		mux.Handle("POST /ui/choose", p.bearerOnly(p.choosePick))
	case purposeSaveAs:
		mux.Handle("POST /ui/folder", p.bearerOnly(p.newFolder))
		mux.Handle("POST /ui/choose", p.bearerOnly(p.chooseSave))
	}
	return harden(p.ours(p.writes(mux)))
}

func asset(name, kind string) http.HandlerFunc {
	data, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic("picker: asset " + name + " is not embedded")
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(data) // the browser's loss only
	}
}

// shell is the page's frame. It holds no secret and nothing of the user: the
// script exchanges the fragment first. After a reload it says what happened.
func (p *page) shell(w http.ResponseWriter, _ *http.Request) {
	p.show(w, http.StatusOK, "shell", shellView{view: p.view(), Used: p.used(), Answered: p.state.now().Answered})
}

// session exchanges the address's token for the bearer.
func (p *page) session(w http.ResponseWriter, r *http.Request) {
	values, ok := form(w, r)
	if !ok {
		return
	}
	bearer, ok := p.exchange(values.Get("token"))
	if !ok {
		http.Error(w, "unknown or used token", http.StatusForbidden)
		return
	}
	p.state.touch()
	writeJSON(w, struct {
		Bearer string `json:"bearer"`
	}{bearer})
}

// pulse answers /alive: what the script needs to follow the page.
type pulse struct {
	Seq   int64  `json:"seq"`
	Phase phase  `json:"phase"`
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
	Text  string `json:"text,omitempty"` // of the progress, in the page's language
}

// alive is the heartbeat. It is held until something changes or holdAlive passes:
// browsers slow the timers of a hidden page down to one a minute, but not the
// answers of requests.
func (p *page) alive(w http.ResponseWriter, r *http.Request) {
	values, ok := form(w, r)
	if !ok {
		return
	}
	known, err := strconv.ParseInt(values.Get("seq"), 10, 64)
	if err != nil {
		http.Error(w, "unreadable seq", http.StatusBadRequest)
		return
	}
	hold := time.NewTimer(holdAlive)
	defer hold.Stop()
	select {
	case <-p.state.next(known):
	case <-hold.C:
	case <-p.ctx.Done():
	case <-r.Context().Done():
		return
	}
	p.state.touch()
	s := p.state.now()
	out := pulse{Seq: s.Seq, Phase: s.Phase, Done: s.Done, Total: s.Total}
	if s.Total > 0 {
		out.Text = p.say("progress.of", size(s.Done), size(s.Total))
	}
	writeJSON(w, out)
}

// closed is what the script sends when its window goes away.
func (p *page) closed(w http.ResponseWriter, _ *http.Request) {
	p.state.close(byUser)
	w.WriteHeader(http.StatusNoContent)
}

func (p *page) cancel(w http.ResponseWriter, _ *http.Request) {
	p.state.close(byUser)
	p.showState(w)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the browser's loss only
}
