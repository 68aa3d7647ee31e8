package pages

import (
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"slices"

	"github.com/iscdesk/iscdesk/cloud/internal/cases"
	"github.com/iscdesk/iscdesk/cloud/internal/issue"
	"github.com/iscdesk/iscdesk/cloud/internal/limit"
	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/members"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/seal"
	"github.com/iscdesk/iscdesk/internal/clock"
)

// Root is the path that the console stands below; it belongs to this package whole.
const Root = "/console/"

// Config is what the console is made of. All are required.
type Config struct {
	Store    meta.Store
	Members  *members.Room
	Orders   *market.Room
	Licenses *market.Licenses
	Codes    *market.Codes
	Issuer   *issue.Issuer // signs the documents that a buyer carries away
	Box      *seal.Box     // seals what a merchant is shown once
	Caller   *produce.Caller
	Cases    *cases.Room
	Gates    *limit.Gates
	Clock    clock.Clock
	Log      *slog.Logger
}

// Need says who may see a page.
type Need int

// The needs.
const (
	Anyone     Need = iota // without a session
	OfMember               // any account
	OfAdmin                // an administrator of an organisation
	OfMerchant             // an administrator of an organisation that sells; Visit.Merchant is set
	OfOperator             // an administrator of the organisation that runs the cloud
)

// Page is one method and path.
type Page struct {
	Pattern string // net/http's, below Root
	Need    Need
	Nav     string // key of its words in the navigation; "" does not stand there
	Handle  func(*Visit) error
	// Back shows the page that a POST came from, with the refusal on top; nil takes the page of errors.
	Back func(*Visit) error
}

// Console is the whole of the pages. It implements http.Handler.
type Console struct {
	c         Config
	mux       *http.ServeMux
	list      []Page
	words     map[string][2]string
	templates *template.Template
	version   string // of the assets
}

// New builds the console. It starts nothing and owns nothing of the configuration.
func New(c Config) (*Console, error) {
	p := &Console{c: c, mux: http.NewServeMux(), words: map[string][2]string{}}
	for _, s := range sentences() {
		if _, twice := p.words[s.key]; twice {
			return nil, fmt.Errorf("open console: sentence %s stands twice", s.key)
		}
		p.words[s.key] = [2]string{s.en, s.zh}
	}
	var err error
	if p.templates, err = template.New("").Funcs(template.FuncMap{"sub": View.Sub}).ParseFS(templates, "templates/*.html"); err != nil {
		return nil, fmt.Errorf("open console: %w", err)
	}
	if err := p.mountAssets(); err != nil {
		return nil, fmt.Errorf("open console: %w", err)
	}
	p.list = p.pages()
	for _, page := range p.list {
		p.mux.HandleFunc(page.Pattern, p.serve(page))
	}
	p.mux.HandleFunc(Root, p.serve(Page{Pattern: "/", Need: Anyone, Handle: nowhere}))
	return p, nil
}

// pages lists everything that can be opened; the navigation has their order.
func (c *Console) pages() []Page {
	return slices.Concat(
		c.homePages(),
		c.signInPages(),
		c.memberPages(),
		c.departmentPages(),
		c.licencePages(),
		c.resourcePages(),
		c.applicationPages(),
		c.orderPages(),
		c.sellerPages(),
		c.listingPages(),
		c.debuggingPages(),
		c.salePages(),
		c.callPages(),
		c.codePages(),
		c.merchantPages(),
	)
}

// Pages lists what is served, for the tests that try every page with every role.
func (c *Console) Pages() []Page { return slices.Clone(c.list) }
