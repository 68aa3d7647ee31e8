package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name, text string
		want       string // part of the error, "" for none
	}{
		{"nothing", "", ""},
		{"all", "cloud = \"https://x\"\nproxy = \"direct\"\nca = \"/c\"\nstate = \"/s\"\nsocket = \"/k\"\nproducts = \"/p\"\nlog = \"debug\"\n", ""},
		{"an unknown key", "# one\n\nclout = \"https://x\"\n", `line 3: unknown setting "clout"`},
		{"a key that begins like a known one", "cloud = \"https://x\"\ncloud_url = \"y\"\n", `line 2: unknown setting "cloud_url"`},
		{"an unknown table", "cloud = \"https://x\"\n[tls]\nverify = false\n", `line 2: unknown setting`},
		{"a wrong type", "log = \"info\"\nproxy = 3128\n", "line 2"},
		{"a list for a text", "ca = [\"/a\", \"/b\"]\n", "ca"},
		{"not TOML", "cloud: https://x\n", "line 1"},
		{"a path of Windows in double quotes", "log = \"info\"\nstate = \"D:\\Programs\"\n", "line 2"},
		{"the same, with the reason", "state = \"D:\\Programs\"\n", "write a path in single quotes"},
		{"the same, a user's", "state = \"C:\\Users\\a\"\n", "write a path in single quotes"},
		{"a path of Windows in single quotes", "state = 'C:\\Users\\temp'\r\n", ""},
		{"an unknown key behind line ends of Windows", "log = 'info'\r\n\r\nclout = 'x'\r\n", `line 3: unknown setting "clout"`},
		{"twice", "log = \"info\"\nlog = \"warn\"\n", "line 2"},
		{"there is no way around verification", "insecure = true\n", `unknown setting "insecure"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c Config
			err := c.parse(tt.text)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	good := Config{State: folderHere, Socket: socketHere, Products: folderHere, Log: "info"}
	tests := []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"the least", func(*Config) {}, ""},
		{"a cloud", func(c *Config) { c.Cloud = "https://desk.example.com:8443/base" }, ""},
		{"http", func(c *Config) { c.Cloud = "http://desk.example.com" }, "setting cloud"},
		{"no scheme", func(c *Config) { c.Cloud = "desk.example.com" }, "setting cloud"},
		{"a password in the address", func(c *Config) { c.Cloud = "https://u:p@desk.example.com" }, "setting cloud"},
		{"a relative CA", func(c *Config) { c.CA = "ca.pem" }, "setting ca"},
		{"relative keys", func(c *Config) { c.LicenseKeys = "keys.json" }, "setting license_keys"},
		{"no state", func(c *Config) { c.State = "" }, "setting state"},
		{"a relative socket", func(c *Config) { c.Socket = "agent.sock" }, "setting socket"},
		{"a tab that was meant as a folder", func(c *Config) { c.State = folderHere + "\temp" }, "in single quotes"},
		{"an unknown level", func(c *Config) { c.Log = "loud" }, "setting log"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := good
			tt.change(&c)
			err := c.Check()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	var c Config
	if err := c.Load(filepath.Join(dir, "none"), false); err != nil {
		t.Errorf("a file that nobody named: %v", err)
	}
	if err := c.Load(filepath.Join(dir, "none"), true); err == nil {
		t.Error("a named file may not be missing")
	}
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, []byte(strings.Repeat("# x\n", maxFile)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Load(large, true); err == nil {
		t.Error("a file over the bound is read")
	}
}

// commented is agent.toml as this system's installation lays it down.
func commented(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(installed)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The commented file is what people see first: its defaults are the real ones.
func TestCommentedFileShowsTheDefaults(t *testing.T) {
	text := commented(t)
	want, err := Defaults(true)
	if err != nil {
		t.Fatal(err)
	}
	got := want
	if err := got.parse(text); err != nil || got != want {
		t.Errorf("the file as it is changes something: %+v, %v", got, err)
	}
	uncommented := regexp.MustCompile(`(?m)^# ([a-z_]+ = )`).ReplaceAllString(text, "$1")
	var shown Config
	if err := shown.parse(uncommented); err != nil {
		t.Fatal(err)
	}
	if shown.Cloud == "" || shown.CA == "" || shown.LicenseKeys == "" {
		t.Error("the file shows no cloud, no CA or no keys")
	}
	shown.Cloud, shown.CA, shown.LicenseKeys, shown.System = "", "", "", true
	if shown != want {
		t.Errorf("the file shows %+v, the defaults are %+v", shown, want)
	}
}

func TestTextOfAFile(t *testing.T) {
	for _, c := range []struct {
		name, bytes, text, want string
	}{
		{"nothing", "", "", ""},
		{"plain", "log = \"info\"\n", "log = \"info\"\n", ""},
		{"with a byte order mark", "\xef\xbb\xbflog = 'info'", "log = 'info'", ""},
		{"nothing but a mark", "\xef\xbb\xbf", "", ""},
		{"Chinese", "# 配置\n", "# 配置\n", ""},
		{"UTF-16", "\xff\xfel\x00o\x00", "", "UTF-16; save it as UTF-8"},
		{"UTF-16, the other way round", "\xfe\xff\x00l\x00o", "", "UTF-16; save it as UTF-8"},
		{"UTF-16 without a mark", "l\x00o\x00", "", "UTF-16; save it as UTF-8"},
		{"GBK in line 2", "log = 'info'\n# \xc5\xe4\xd6\xc3\n", "", "line 2: it is not UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Text([]byte(c.bytes))
			if got != c.text || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q, %v; want %q, %q", got, err, c.text, c.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(commented(f))
	f.Add("cloud = \"https://x\"\n[a.b]\nc = 1\n")
	f.Add("x = \n")
	f.Add("\xef\xbb\xbfstate = \"C:\\Users\"\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		plain, err := Text([]byte(text))
		if err != nil {
			return
		}
		var c Config
		if err := c.parse(plain); err == nil {
			_ = c.Check()
		}
	})
}
