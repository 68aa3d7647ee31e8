package cloudhttp

import (
	"net/http"
	"net/url"

	"golang.org/x/net/http/httpproxy"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// Settings of Config.Proxy beside a URL.
const (
	ProxySystem = "system"
	ProxyDirect = "direct"
)

// parseProxy turns the setting into the transport's function; nil is no proxy.
func parseProxy(setting string) (func(*http.Request) (*url.URL, error), error) {
	switch setting {
	case ProxyDirect:
		return nil, nil
	case "", ProxySystem:
		of := httpproxy.FromEnvironment().ProxyFunc()
		return func(r *http.Request) (*url.URL, error) { return of(r.URL) }, nil
	}
	u, err := url.Parse(setting)
	if err != nil {
		return nil, refuse(api.InvalidArgument, "proxy: %v", err)
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
	default:
		return nil, refuse(api.InvalidArgument, "proxy %q: use direct, system or http://host:port", u.Redacted())
	}
	if u.Host == "" {
		return nil, refuse(api.InvalidArgument, "proxy %q names no host", u.Redacted())
	}
	return http.ProxyURL(u), nil
}

// resolveProxy names the proxy that calls to base take.
func resolveProxy(proxy func(*http.Request) (*url.URL, error), base *url.URL) (string, error) {
	if proxy == nil || base == nil {
		return ProxyDirect, nil
	}
	u, err := proxy(&http.Request{URL: base})
	if err != nil {
		return "", refuse(api.InvalidArgument, "proxy of the environment: %v", err)
	}
	if u == nil {
		return ProxyDirect, nil
	}
	return u.String(), nil
}
