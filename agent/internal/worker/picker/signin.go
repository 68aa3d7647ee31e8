package picker

import (
	"net/http"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// signInView is the sign-in form, on its own page or in the way of another.
type signInView struct {
	view
	Why     string
	Account string
	Problem *problem
}

// showSignIn puts the form in the whole page's place.
func (p *page) showSignIn(w http.ResponseWriter, status int, v signInView) {
	v.view = p.view()
	if v.Account == "" {
		v.Account = p.ask.Account
	}
	retarget(w, "#main")
	p.show(w, status, "signin", v)
}

// signIn sends what was typed to the service. The password is kept nowhere and is
// never part of an answer.
func (p *page) signIn(w http.ResponseWriter, r *http.Request) {
	values, ok := form(w, r)
	if !ok {
		return
	}
	if p.state.now().Phase != phaseAsking {
		retarget(w, "#main")
		p.showState(w)
		return
	}
	account, password := values.Get("account"), values.Get("password")
	if account == "" || password == "" {
		p.showSignIn(w, http.StatusUnprocessableEntity, signInView{Account: account, Problem: &problem{Title: p.say("sign.empty"), Code: api.InvalidArgument}})
		return
	}
	var status api.AuthStatus
	err := p.call(workerapi.MethodSignIn, workerapi.SignIn{
		Operation: p.ask.Operation,
		AuthLogin: api.AuthLogin{Account: account, Password: password},
	}, &status)
	if err != nil {
		p.showSignIn(w, http.StatusUnprocessableEntity, signInView{Account: account, Problem: p.explain(err)})
		return
	}
	retarget(w, "#main")
	if p.ask.Purpose == purposeSignIn {
		p.state.signedIn(status.Account)
		p.showState(w)
		return
	}
	p.state.setAccount(status.Account)
	p.showHome(w)
}
