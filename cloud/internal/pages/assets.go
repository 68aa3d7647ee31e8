package pages

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"slices"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed assets/app.css assets/app.js assets/icon.svg assets/vendor/htmx.min.js
var assets embed.FS

// mountAssets serves what does not depend on who asks. Its addresses carry a checksum, so
// that a browser may keep it and still never mixes two builds.
func (c *Console) mountAssets() error {
	kinds := map[string]string{
		"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8",
		"icon.svg": "image/svg+xml", "vendor/htmx.min.js": "text/javascript; charset=utf-8",
	}
	sum := sha256.New()
	for _, name := range sorted(kinds) {
		data, err := assets.ReadFile("assets/" + name)
		if err != nil {
			return err
		}
		sum.Write(data)
		kind := kinds[name]
		c.mux.HandleFunc("GET "+Root+"assets/"+name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Cache-Control", "public, max-age=86400")
			_, _ = w.Write(data) // the browser's loss only
		})
	}
	c.version = hex.EncodeToString(sum.Sum(nil)[:6])
	return nil
}

func sorted(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
