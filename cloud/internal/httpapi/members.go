package httpapi

import (
	"net/http"
	"strconv"

	"github.com/iscdesk/iscdesk/cloud/internal/members"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// memberRoutes: the accounts of the caller's organisation. Everyone may see their
// colleagues (a space's owner gives them roles); only administrators change them.
func (a *API) memberRoutes() []Route {
	return []Route{
		{Pattern: "GET /v1/members", Need: OfUser, Handle: a.getMembers},
		{Pattern: "POST /v1/members", Need: OfAdmin, Handle: a.postMember},
		{Pattern: "DELETE /v1/members/{account}", Need: OfAdmin, Handle: a.deleteMember},
		{Pattern: "POST /v1/members/{account}/revoke", Need: OfAdmin, Handle: a.postRevoke},
	}
}

func (a *API) getMembers(c *Call) error {
	list, err := a.c.Store.Members(c.Context(), c.User.Org)
	if err != nil {
		return err
	}
	out := cloudapi.Members{Members: make([]cloudapi.Member, 0, len(list))}
	for _, m := range list {
		out.Members = append(out.Members, cloudapi.Member{Account: m.Account, Name: m.Name, Role: m.Role})
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) postMember(c *Call) error {
	var in cloudapi.NewMember
	if err := c.Decode(&in); err != nil {
		return err
	}
	acc, err := a.c.Members.Add(c.Context(), who(c), members.Candidate{Account: in.Account, Name: in.Name, Password: in.Password, Role: in.Role})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, cloudapi.Member{Account: acc.Account, Name: acc.Name, Role: acc.Role})
}

func (a *API) deleteMember(c *Call) error {
	if err := a.c.Members.Remove(c.Context(), who(c), c.Path("account")); err != nil {
		return err
	}
	return c.None()
}

func (a *API) postRevoke(c *Call) error {
	acc, err := accountName("account", c.Path("account"))
	if err != nil {
		return err
	}
	if err := a.c.Store.RevokeMember(c.Context(), c.User.Org, acc, c.Why("member.revoked", "member", acc)); err != nil {
		return err
	}
	return c.None()
}

// auditPage is how many entries one answer of GET /v1/audit has at most.
const auditPage = 500

// auditRoutes: the trail of the caller's organisation.
func (a *API) auditRoutes() []Route {
	return []Route{{Pattern: "GET /v1/audit", Need: OfAdmin, Handle: a.getAudit}}
}

func (a *API) getAudit(c *Call) error {
	var after int64
	if q := c.R.URL.Query().Get("after"); q != "" {
		n, err := strconv.ParseInt(q, 10, 64)
		if err != nil || n < 0 {
			return Invalid("after", "after is the id of an audit entry")
		}
		after = n
	}
	list, err := a.c.Store.Audit(c.Context(), c.User.Org, after, auditPage)
	if err != nil {
		return err
	}
	out := cloudapi.Audit{Entries: make([]cloudapi.AuditEntry, 0, len(list))}
	for _, e := range list {
		out.Entries = append(out.Entries, cloudapi.AuditEntry{ID: e.ID, Time: e.Time, Account: e.Account, Device: e.Device, Action: e.Action, Params: e.Params})
	}
	return c.JSON(http.StatusOK, out)
}
