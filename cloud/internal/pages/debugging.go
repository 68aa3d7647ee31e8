package pages

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/cases"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// debuggingPages: a merchant tries each call on its own server. Rules and words of verdicts are package cases'.
func (c *Console) debuggingPages() []Page {
	return []Page{
		{Pattern: "GET /console/debugging", Need: OfMerchant, Nav: "debug.nav", Handle: c.getDebugging},
		{Pattern: "POST /console/debugging/show", Need: OfMerchant, Handle: c.postShow, Back: c.getDebugging},
		{Pattern: "POST /console/debugging/send", Need: OfMerchant, Handle: c.postSend, Back: c.getDebugging},
		{Pattern: "POST /console/debugging/all", Need: OfMerchant, Handle: c.postSendAll, Back: c.getDebugging},
		{Pattern: "GET /console/debugging/cases", Need: OfMerchant, Nav: "cases.nav", Handle: c.getCases},
		{Pattern: "POST /console/debugging/cases/replay", Need: OfMerchant, Handle: c.postReplay, Back: c.getCases},
		{Pattern: "POST /console/debugging/cases/forget", Need: OfMerchant, Handle: c.postForget, Back: c.getCases},
	}
}

// debugField is one parameter of the form.
type debugField struct {
	wire.Field
	Value  string
	Large  bool // a box of several lines
	Secret bool
}

// exchange is one request and its answer as a page shows it.
type exchange struct {
	produce.Exchange
	Sent, Given []string // headers, one a line
	Body, Back  string
	Millis      int64
}

type report struct {
	Scene     string
	Passed    bool
	Text, Do  string
	Exchanges []exchange
	Event     *meta.TestEvent
	Sum, Head string // of the event's licence
	Saved     bool
}

type debugData struct {
	Listings  []meta.Listing
	Keys      []meta.MerchantKey
	Scenes    []cases.Scene
	Product   string
	URL       string
	Key       string
	Scene     cases.Scene
	Fields    []debugField
	PublicKey string
	Shown     *exchange
	Reports   []report
	All       bool
}

// wish reads what is to be tried, from the address or the form.
func (c *Console) wish(v *Visit) (cases.Wish, cases.Scene) {
	get := v.Query
	if v.form != nil {
		get = v.In
	}
	w := cases.Wish{Merchant: v.Merchant.ID, Product: get("product"), URL: get("url"), Key: get("key"), Scene: get("scene")}
	s, ok := cases.SceneOf(w.Scene)
	if !ok {
		s, _ = cases.SceneOf("newInstance")
		w.Scene = s.ID
	}
	if w.Product != "" { // the address is for those without a listing
		w.URL = ""
	}
	if v.form != nil {
		w.Params = map[string]string{}
		for _, f := range s.Fields {
			w.Params[f.Name] = v.Secret(f.Name)
		}
		if key := v.Secret(cases.PublicKey); key != "" && s.Activity == wire.KitApplicationSync {
			w.Params[cases.PublicKey] = key
		}
	}
	return w, s
}

// debugView is the page's data for a wish.
func (c *Console) debugView(v *Visit) (debugData, cases.Wish, error) {
	w, s := c.wish(v)
	d := debugData{Scenes: cases.Scenes(), Product: w.Product, URL: w.URL, Key: w.Key, Scene: s, PublicKey: w.Params[cases.PublicKey]}
	var err error
	if d.Listings, err = c.c.Store.Listings(v.R.Context(), v.Merchant.ID); err != nil {
		return d, w, err
	}
	keys, err := c.c.Store.MerchantKeys(v.R.Context(), v.Merchant.ID)
	if err != nil {
		return d, w, err
	}
	for _, k := range keys {
		if k.Revoked.IsZero() {
			d.Keys = append(d.Keys, k)
		}
	}
	if d.Product == "" && d.URL == "" && len(d.Listings) > 0 && v.form == nil {
		d.Product = d.Listings[0].Product
		w.Product = d.Product
	}
	params, err := c.c.Cases.Params(v.R.Context(), w)
	if err != nil {
		return d, w, err
	}
	for _, f := range s.Fields {
		value := params[f.Name]
		d.Fields = append(d.Fields, debugField{Field: f, Value: value, Secret: f.Name == "clientSecret",
			Large: slices.Contains([]wire.Kind{wire.Item, wire.Items, wire.ItemOrItems}, f.Kind) || f.Max > 512})
	}
	return d, w, nil
}

func (c *Console) getDebugging(v *Visit) error {
	d, _, err := c.debugView(v)
	if err != nil {
		return err
	}
	return v.Show("debugging", d)
}

func (c *Console) postShow(v *Visit) error {
	d, w, err := c.debugView(v)
	if err != nil {
		return err
	}
	x, err := c.c.Cases.Show(v.R.Context(), w)
	if err != nil {
		return err
	}
	shown := exchangeOf(x)
	d.Shown = &shown
	return v.Show("debugging", d)
}

func (c *Console) postSend(v *Visit) error {
	d, w, err := c.debugView(v)
	if err != nil {
		return err
	}
	v.unhurried()
	rep, err := c.c.Cases.Run(v.R.Context(), w, v.Why("case.run", "product", w.Product, "scene", w.Scene))
	if err != nil {
		return err
	}
	d.Reports = []report{c.reportOf(v, rep)}
	return v.Show("debugging", d)
}

func (c *Console) postSendAll(v *Visit) error {
	d, w, err := c.debugView(v)
	if err != nil {
		return err
	}
	v.unhurried()
	list, err := c.c.Cases.RunAll(v.R.Context(), cases.Wish{Merchant: w.Merchant, Product: w.Product}, v.Why("case.run", "product", w.Product))
	if err != nil {
		return err
	}
	for _, rep := range list {
		d.Reports = append(d.Reports, c.reportOf(v, rep))
	}
	d.All = true
	return v.Show("debugging", d)
}

// unhurried lets the answer take as long as a merchant's servers do.
func (v *Visit) unhurried() {
	_ = http.NewResponseController(v.W).SetReadDeadline(time.Time{}) // a server that has none needs none
}

func (c *Console) reportOf(v *Visit, rep cases.Report) report {
	r := report{Scene: rep.Scene, Passed: rep.Passed, Text: rep.Verdict.English(), Do: rep.Verdict.EnglishStep(), Saved: rep.Case.ID != ""}
	if v.language == chinese {
		r.Text, r.Do = rep.Verdict.Chinese(), rep.Verdict.ChineseStep()
	}
	for _, x := range rep.Exchanges {
		r.Exchanges = append(r.Exchanges, exchangeOf(x))
	}
	if e := rep.Event; !e.Received.IsZero() {
		r.Event, r.Sum, r.Head = &e, hex.EncodeToString(e.Sum[:]), printable(e.Head)
	}
	return r
}

func exchangeOf(x produce.Exchange) exchange {
	return exchange{Exchange: x, Sent: headerLines(x.Header), Given: headerLines(x.Given), Body: printable(x.Request), Back: printable(x.Answer), Millis: x.Took.Milliseconds()}
}

func headerLines(h http.Header) (out []string) {
	for name, values := range h {
		for _, value := range values {
			out = append(out, name+": "+printable([]byte(value)))
		}
	}
	slices.Sort(out)
	return out
}

// maxShown bounds what a page shows of a text of the other side, in bytes.
const maxShown = 16 << 10

func printable(b []byte) string {
	text := string(b[:min(len(b), maxShown)])
	if len(b) > maxShown {
		text += "…"
	}
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\uFFFD"), "\uFFFD")
}

type caseRow struct {
	meta.Case
	Text string
}

type casesData struct {
	Rows    []caseRow
	Reports []report
}

func (c *Console) casesView(v *Visit) (casesData, error) {
	var d casesData
	list, err := c.c.Store.Cases(v.R.Context(), v.Merchant.ID)
	if err != nil {
		return d, err
	}
	for _, m := range list {
		row := caseRow{m, m.Text}
		if v.language == chinese {
			row.Text = v.T("case.failed", m.Verdict)
			if m.Passed {
				row.Text = v.T("case.passed")
			}
		}
		d.Rows = append(d.Rows, row)
	}
	return d, nil
}

func (c *Console) getCases(v *Visit) error {
	d, err := c.casesView(v)
	if err != nil {
		return err
	}
	return v.Show("cases", d)
}

// postReplay replays the case that the form names, or all.
func (c *Console) postReplay(v *Visit) error {
	v.unhurried()
	var list []cases.Report
	var err error
	if id := v.In("case"); id != "" {
		list = make([]cases.Report, 1)
		list[0], err = c.c.Cases.Replay(v.R.Context(), v.Merchant.ID, id)
	} else {
		list, err = c.c.Cases.ReplayAll(v.R.Context(), v.Merchant.ID, "")
	}
	if err != nil {
		return err
	}
	d, err := c.casesView(v)
	if err != nil {
		return err
	}
	for _, rep := range list {
		d.Reports = append(d.Reports, c.reportOf(v, rep))
	}
	return v.Show("cases", d)
}

func (c *Console) postForget(v *Visit) error {
	id := v.In("case")
	if err := c.c.Store.DeleteCase(v.R.Context(), v.Merchant.ID, id, v.Why("case.deleted", "case", id)); err != nil {
		return err
	}
	return v.Done(Root+"debugging/cases", "done.forgotten")
}

// Preset says what the case's parameters were, for the link that opens it again.
func (r caseRow) Preset() string {
	var params map[string]string
	if json.Unmarshal([]byte(r.Params), &params) != nil {
		return ""
	}
	names := make([]string, 0, len(params))
	for name, value := range params {
		if len(value) > 64 {
			value = value[:64] + "…"
		}
		names = append(names, name+"="+strings.ToValidUTF8(value, ""))
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}
