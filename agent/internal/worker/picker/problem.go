package picker

import (
	"errors"
	"net/http"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// problem is a refusal as a page shows it: cause, next step, and what support asks for.
type problem struct {
	Title  string
	Hint   string
	Code   api.Code
	Detail string
	Retry  string // a path to get again, or empty
}

// explain puts an error into the page's language. The service's own words win:
// they were chosen where the reason was known.
func (p *page) explain(err error) *problem {
	if errors.Is(err, errSlowService) {
		return &problem{Title: p.say("problem.slow"), Hint: p.say("problem.slow.hint"), Code: api.Timeout}
	}
	out := &problem{Code: api.CodeOf(err)}
	out.Title, out.Hint = api.Text(out.Code, p.language.tag())
	var refusal *api.Error
	if errors.As(err, &refusal) {
		out.Detail = refusal.Detail
		if refusal.Message != "" {
			out.Title, out.Hint = refusal.Message, refusal.Hint
		}
	}
	if out.Title == "" {
		out.Title, out.Hint = p.say("problem.other"), p.say("problem.other.hint")
	}
	return out
}

// problemView is a refusal that takes the place of what was asked for.
type problemView struct {
	view
	Problem *problem
	Target  string // where a retry's answer goes
	Page    bool   // as a page of its own, with a way out
}

// refusedList answers a failed request for the page or for a folder: with the
// sign-in form when that is what is missing, else with the reason in place.
func (p *page) refusedList(w http.ResponseWriter, err error, retry string, whole bool) {
	switch api.CodeOf(err) {
	case api.NotSignedIn:
		p.showSignIn(w, http.StatusOK, signInView{Why: p.say("sign.why")})
		return
	case api.SessionExpired:
		p.showSignIn(w, http.StatusOK, signInView{Why: p.say("sign.expired")})
		return
	}
	v := problemView{view: p.view(), Problem: p.explain(err), Target: "#listing", Page: whole}
	v.Problem.Retry = retry
	if whole {
		v.Target = "#main"
	}
	p.show(w, http.StatusOK, "problem", v)
}
