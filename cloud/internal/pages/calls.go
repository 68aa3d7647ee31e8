package pages

import (
	"slices"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
)

// callPages: the calls that the merchant's server gets, and the notices of what went wrong.
func (c *Console) callPages() []Page {
	return []Page{
		{Pattern: "GET /console/calls", Need: OfMerchant, Nav: "calls.nav", Handle: c.getCalls},
		{Pattern: "POST /console/calls/again", Need: OfMerchant, Handle: c.postAgain, Back: c.getCalls},
		{Pattern: "GET /console/notices", Need: OfMerchant, Nav: "notices.nav", Handle: c.getNotices},
		{Pattern: "POST /console/notices/read", Need: OfMerchant, Handle: c.postRead, Back: c.getNotices},
	}
}

type callsData struct {
	Rows         []meta.Call
	State        string
	States       []string
	Older, First string
}

func (c *Console) getCalls(v *Visit) error {
	d := callsData{State: v.Query("state"), States: []string{meta.CallWaiting, meta.CallDone, meta.CallFailed, meta.CallStopped}}
	if !slices.Contains(d.States, d.State) {
		d.State = ""
	}
	list, err := c.c.Store.Calls(v.R.Context(), meta.CallFilter{Merchant: v.Merchant.ID, State: d.State, Page: listPage(v)})
	if err != nil {
		return err
	}
	if v.Query("before") != "" {
		d.First = Link(Root+"calls", "state", d.State)
	}
	d.Rows, d.Older = newest(list, Root+"calls", func(m meta.Call) string { return m.ID }, "state", d.State)
	return v.Show("calls", d)
}

// postAgain is "send again".
func (c *Console) postAgain(v *Visit) error {
	id := v.In("call")
	if _, err := c.c.Orders.Queue.Restart(v.R.Context(), v.Merchant.ID, id, v.Why("call.restarted", "call", id)); err != nil {
		return err
	}
	return v.Done(Root+"calls", "done.again")
}

type noticesData struct {
	Rows         []meta.Notice
	Older, First string
}

func (c *Console) getNotices(v *Visit) error {
	list, err := c.c.Store.Notices(v.R.Context(), v.Merchant.ID, listPage(v))
	if err != nil {
		return err
	}
	var d noticesData
	if v.Query("before") != "" {
		d.First = Root + "notices"
	}
	d.Rows, d.Older = newest(list, Root+"notices", func(n meta.Notice) string { return n.ID })
	return v.Show("notices", d)
}

func (c *Console) postRead(v *Visit) error {
	ids := v.form["id"]
	if len(ids) > pageSize {
		ids = ids[:pageSize]
	}
	if err := c.c.Store.ReadNotices(v.R.Context(), v.Merchant.ID, ids, v.Now); err != nil {
		return err
	}
	return v.Done(Root+"notices", "done.read")
}
