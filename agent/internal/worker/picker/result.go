package picker

import "net/http"

// stateView shows how an answer goes on and how the operation ended.
type stateView struct {
	view
	snapshot
	Head    string
	Text    string
	Problem *problem
	Path    string
	Busy    bool
	Good    bool
	Of      string // how far the transfer is
}

// shellView is the page's frame; Used when the address was opened before.
type shellView struct {
	view
	Used     bool
	Answered bool
}

// showState replaces the page by what became of it.
func (p *page) showState(w http.ResponseWriter) {
	s := p.state.now()
	v := stateView{view: p.view(), snapshot: s}
	verb := map[string]string{purposePick: "pick", purposeSaveAs: "save", purposeSignIn: "sign"}[p.ask.Purpose]
	switch {
	case s.Phase != phaseEnded:
		v.Busy, v.Head, v.Text = true, p.say("busy.pick"), p.say("busy.note")
		if verb == "save" {
			v.Head = p.say("busy.save")
		}
		if s.Total > 0 {
			v.Of = p.say("progress.of", size(s.Done), size(s.Total))
		}
	case s.Answered && s.By != byService:
		v.Head, v.Text = v.Title(), p.say("used.answered", v.Product())
	case s.By == byUser:
		v.Head, v.Text = p.say("ended.user"), p.say("ended.user.hint")
	case s.By == bySilence:
		v.Head, v.Text = p.say("ended.silence"), p.say("ended.silence.hint", v.Product())
	case s.Result.Error != nil:
		v.Head, v.Problem = p.say("failed."+verb), p.explain(s.Result.Error)
		v.Text = p.say("failed.next", v.Product())
	default:
		v.Good, v.Path = true, s.Result.Path
		v.Head, v.Text = p.say("done."+verb), p.say("done.close")
		if verb == "pick" {
			v.Head = p.say("done.pick", v.Product())
		}
	}
	retarget(w, "#main")
	p.show(w, http.StatusOK, "state", v)
}
