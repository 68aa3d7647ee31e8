package merchant

import (
	"errors"
	"fmt"
	"slices"
)

// categories lists the keys by category, production's first.
func (k Keys) categories() []struct {
	name string
	keys []string
} {
	return []struct {
		name string
		keys []string
	}{{"base", k.Base}, {"code", k.Code}, {"notify", k.Notify}, {"kit", k.Kit}}
}

// all lists every key; New has made sure that there is one.
func (k Keys) all() []string { return slices.Concat(k.Base, k.Code, k.Notify, k.Kit) }

// check finds what would make the handler useless or unsafe. Its errors name no key.
func (o Options) check() error {
	if len(o.Keys.all()) == 0 {
		return errors.New("Options.Keys: no key, so no call could be proved")
	}
	seen := map[string]string{}
	for _, c := range o.Keys.categories() {
		for _, key := range c.keys {
			if key == "" {
				return fmt.Errorf("Options.Keys: an empty key of category %s", c.name)
			}
			if other, twice := seen[key]; twice && other != c.name {
				return fmt.Errorf("Options.Keys: one key in two categories, %s and %s", other, c.name)
			}
			seen[key] = c.name
		}
	}
	if err := errors.Join(o.V1.check(), o.Kit.check()); err != nil {
		return err
	}
	if o.Store == nil {
		return errors.New("Options.Store is nil: repeats would create twice")
	}
	if o.Calls.GetLicenseAsync != nil && o.Upload == nil {
		return errors.New("Options.Upload is nil: a licence would never reach the marketplace")
	}
	return nil
}
