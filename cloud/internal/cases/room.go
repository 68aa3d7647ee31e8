package cases

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/seal"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Store is what debugging needs of the metadata.
type Store interface {
	meta.Cases
	meta.Merchants
	MerchantCodes(ctx context.Context, merchant string, test bool, after string, limit int) ([]meta.Code, error)
}

// Config is what a room is made of; Store, Box, Sender, Clock and Log are required.
type Config struct {
	Store  Store
	Box    *seal.Box
	Sender *produce.Sender
	Clock  clock.Clock
	Log    *slog.Logger
	Wait   time.Duration // how long an upload or the end of asynchronous work is waited for; 0 takes 10 s
	NoSale int           // failing days in a row of probes that take a listing off sale; 0 for never
}

// atOnce is how many runs of one merchant may be under way.
const atOnce = 4

// Room is the debugging. Its methods may be called from several goroutines.
type Room struct {
	Config
	stop context.CancelFunc
	wg   sync.WaitGroup

	// mu guards busy: how many runs of each merchant are under way.
	mu   sync.Mutex
	busy map[string]int
}

// New makes a room.
func New(c Config) *Room {
	if c.Wait == 0 {
		c.Wait = 10 * time.Second
	}
	return &Room{Config: c, busy: map[string]int{}}
}

// Wish is one call to be tried.
type Wish struct {
	Merchant string
	Product  string // a listing of the merchant; or
	URL      string // a verified address of it with a path
	Key      string // MerchantKey.ID; "" takes the listing's, or the newest of the scene's category
	Scene    string
	Params   map[string]string // by the names of Scene.Fields; the pre-set ones stand in for nothing
}

// aim is a wish that was checked.
type aim struct {
	Wish
	scene Scene
	to    produce.Target
}

// noKey refuses a scene for which the merchant has no key.
func noKey(category string) error {
	return meta.Refuse(cloudapi.ErrConflict, "there is no key of the category "+category, "reason", "no_key", "category", category)
}

// aim finds where a wish goes and who signs. Refusals: invalid_argument with member scene, product, url
// or key; not_found for a product that the merchant does not list; conflict with reason no_key.
func (r *Room) aim(ctx context.Context, w Wish) (a aim, err error) {
	var ok bool
	if a.scene, ok = SceneOf(w.Scene); !ok {
		return a, invalid("scene", "there is no such scene")
	}
	a.Wish = w
	switch {
	case (w.Product == "") == (w.URL == ""):
		return a, invalid("product", "a call goes to a listing's address or to another one")
	case w.Product != "":
		err = r.aimListing(ctx, &a)
	default:
		err = r.aimAddress(ctx, &a)
	}
	if err != nil {
		return a, err
	}
	if a.scene.Kit() {
		base, _ := meta.BaseOf(a.to.URL)
		a.to.URL = base + wire.KitV2Path + a.scene.Activity
	}
	key, err := r.key(ctx, &a)
	if err != nil {
		return a, err
	}
	a.to.Key, err = r.Box.Open(seal.MerchantKey, key.ID, key.Sealed)
	return a, err
}

func (r *Room) aimListing(ctx context.Context, a *aim) error {
	l, err := r.Store.Listing(ctx, a.Product)
	if err != nil {
		return err
	}
	if l.Merchant != a.Merchant {
		return meta.Refuse(cloudapi.ErrNotFound, "the product is not listed")
	}
	a.to.URL = l.URL
	category := meta.KeyBase
	if l.Kind == meta.KindCode {
		category = meta.KeyCode
	}
	if a.Key == "" && a.scene.Category == category {
		a.Key = l.Key
	}
	if a.scene.Category == meta.KeyNotify && l.NotifyURL != "" {
		a.to.URL = l.NotifyURL
		if a.Key == "" {
			a.Key = l.NotifyKey
		}
	}
	return nil
}

func (r *Room) aimAddress(ctx context.Context, a *aim) error {
	base, ok := meta.BaseOf(a.URL)
	if !ok || len(a.URL) > 512 {
		return invalid("url", "the URL is https, a verified address and a path")
	}
	list, err := r.Store.Addresses(ctx, a.Merchant)
	if err != nil {
		return err
	}
	for _, address := range list {
		if address.Base == base && !address.Verified.IsZero() {
			a.to.URL = a.URL
			return nil
		}
	}
	return invalid("url", "the URL is not below a verified address")
}

// key is the one that was named, or the newest that fits.
func (r *Room) key(ctx context.Context, a *aim) (meta.MerchantKey, error) {
	list, err := r.Store.MerchantKeys(ctx, a.Merchant)
	if err != nil {
		return meta.MerchantKey{}, err
	}
	var found meta.MerchantKey
	for _, k := range list {
		if k.Revoked.IsZero() && k.Category == a.scene.Category && (a.Key == "" || a.Key == k.ID) {
			found = k
		}
	}
	switch {
	case found.ID != "":
		return found, nil
	case a.Key != "":
		return found, invalid("key", "the key is not the merchant's, is revoked, or is of another category than "+a.scene.Category)
	}
	return found, noKey(a.scene.Category)
}

// Params are the parameters of a wish as they would be sent: what the wish says, the rest pre-set for
// its target. Its refusals are those of Show but for the target's.
func (r *Room) Params(ctx context.Context, w Wish) (map[string]string, error) {
	s, ok := SceneOf(w.Scene)
	if !ok {
		return nil, invalid("scene", "there is no such scene")
	}
	saved, err := r.Store.Cases(ctx, w.Merchant)
	if err != nil {
		return nil, err
	}
	answered := map[string]string{}
	for _, c := range saved {
		if c.Product == w.Product && c.URL == w.URL && c.Instance != "" {
			answered[c.Scene] = c.Instance
		}
	}
	first := func(scenes ...string) string {
		for _, s := range scenes {
			if answered[s] != "" {
				return answered[s]
			}
		}
		return ""
	}
	out := map[string]string{}
	for name, v := range s.preset {
		switch v {
		case presetInstance:
			v = first("newInstance", "newInstance.TRIAL", "newInstance.ONE_TIME")
		case presetTrial:
			v = first("newInstance.TRIAL", "newInstance")
		case presetOnce:
			v = first("newInstance.ONE_TIME", "newInstance")
		case presetEvent:
			v = meta.NewID("tev")
		case presetNow:
			v = wire.FormatLicenseTime(r.Clock.Now())
		case presetCode:
			codes, err := r.Store.MerchantCodes(ctx, w.Merchant, true, "", 1)
			if err != nil {
				return nil, err
			}
			if v = "PLTESTMOCK"; len(codes) > 0 {
				v = codes[0].Code
			}
		}
		out[name] = v
	}
	for name, v := range w.Params {
		out[name] = v
	}
	return out, nil
}

// Show makes the signed request of a wish and sends nothing.
func (r *Room) Show(ctx context.Context, w Wish) (produce.Exchange, error) {
	a, err := r.ready(ctx, w)
	if err != nil {
		return produce.Exchange{}, err
	}
	return r.request(a)
}

// ready checks a wish and completes its parameters.
func (r *Room) ready(ctx context.Context, w Wish) (aim, error) {
	a, err := r.aim(ctx, w)
	if err != nil {
		return a, err
	}
	if a.Params, err = r.Params(ctx, w); err != nil {
		return a, err
	}
	a.Params, err = a.scene.settle(a.Params)
	return a, err
}

func (r *Room) request(a aim) (produce.Exchange, error) {
	body, err := a.scene.body(a.Params, r.Clock.Now())
	if err != nil {
		return produce.Exchange{}, err
	}
	if a.scene.Kit() {
		return r.Sender.SignKit(a.to, body), nil
	}
	return r.Sender.Sign(a.to, body, r.stamp()), nil
}

// enter counts a run of the merchant in; leave must follow.
func (r *Room) enter(merchant string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy[merchant] >= atOnce {
		return meta.Refuse(cloudapi.ErrRateLimited, "other calls of the merchant are being tried", "seconds", "5")
	}
	r.busy[merchant]++
	return nil
}

func (r *Room) leave(merchant string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy[merchant]--; r.busy[merchant] == 0 {
		delete(r.busy, merchant)
	}
}

// wishOf is a saved case as a wish.
func wishOf(c meta.Case) (Wish, error) {
	w := Wish{Merchant: c.Merchant, Product: c.Product, URL: c.URL, Key: c.Key, Scene: c.Scene}
	if err := json.Unmarshal([]byte(c.Params), &w.Params); err != nil {
		return w, fmt.Errorf("read case %s: %w", c.ID, err)
	}
	if s, ok := SceneOf(c.Scene); ok { // what was left empty stays empty
		for name := range s.preset {
			if _, there := w.Params[name]; !there {
				w.Params[name] = ""
			}
		}
	}
	return w, nil
}

// target names where a case goes, for the sentences of notices.
func target(c meta.Case) string { return strings.TrimSpace(c.Product + c.URL) }
