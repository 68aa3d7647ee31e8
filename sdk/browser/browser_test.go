package browser

import "testing"

func TestCheck(t *testing.T) {
	tests := []struct {
		name, address string
		ok            bool
	}{
		{"loopback", "http://127.0.0.1:4711/open#token", true},
		{"https", "https://cloud.example.com/", true},
		{"empty", "", false},
		{"option", "--help", false},
		{"file", "file:///etc/passwd", false},
		{"script", "javascript:alert(1)", false},
		{"no host", "http:///x", false},
		{"two lines", "http://127.0.0.1/\nx", false},
		{"blank", "http://127.0.0.1/a b", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := check(tt.address); (err == nil) != tt.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}
