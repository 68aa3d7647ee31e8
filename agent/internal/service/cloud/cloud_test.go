package cloud

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"io/fs"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/cloud/cloudtest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

type memory struct {
	mu sync.Mutex // guards m
	m  map[string][]byte
}

func (s *memory) SaveSealed(name string, v any) error {
	b, err := json.Marshal(v)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[name] = b
	return err
}

func (s *memory) LoadSealed(name string, v any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.m[name]
	if !ok {
		return fs.ErrNotExist
	}
	return json.Unmarshal(b, v)
}

type shifted struct{ by time.Duration }

func (s shifted) Now() time.Time { return time.Now().Add(s.by) }

type bench struct {
	fake  *cloudtest.Cloud
	key   ed25519.PrivateKey
	store *memory
}

func newBench(t *testing.T) *bench {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{cloudtest.New(t), key, &memory{m: map[string][]byte{}}}
}

func (b *bench) cloud(t *testing.T, clockOff time.Duration) *Cloud {
	t.Helper()
	http, err := cloudhttp.New(cloudhttp.Config{Base: b.fake.Server.URL, CAPEM: b.fake.CAPEM(), Proxy: "direct"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(http.Close)
	return New(Config{HTTP: http, Key: b.key, Identity: "", Name: "desk", Platform: "linux/amd64", Clock: shifted{clockOff}, Store: b.store})
}

var ctx = context.Background()

func TestEnrolOnce(t *testing.T) {
	b := newBench(t)
	c := b.cloud(t, 0)
	if c.DeviceID() != "" {
		t.Error("a device before the first enrolment")
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := c.DeviceToken(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := b.fake.Count("/v1/devices"); n != 1 {
		t.Errorf("enrolled %d times", n)
	}
	if n := b.fake.Count("/v1/devices/" + c.DeviceID() + "/token"); n != 1 {
		t.Errorf("fetched %d device tokens", n)
	}
	again := b.cloud(t, 0) // the next start of the agent
	if again.DeviceID() != c.DeviceID() {
		t.Error("the device was forgotten")
	}
	b.store.m = map[string][]byte{} // and even without memory the key is the same device
	if d, err := b.cloud(t, 0).Device(ctx); err != nil || d.ID != c.DeviceID() {
		t.Errorf("got %v, %v", d, err)
	}
}

func TestClockThatIsWrong(t *testing.T) {
	for _, off := range []time.Duration{0, 9 * time.Minute, -3 * time.Hour, 10 * 365 * 24 * time.Hour, -56 * 365 * 24 * time.Hour} {
		b := newBench(t)
		c := b.cloud(t, off)
		if _, err := c.DeviceToken(ctx); err != nil {
			t.Errorf("clock off by %v: %v", off, err)
		}
		if d := time.Until(c.Now()).Abs(); off.Abs() > wrongClock && d > 3*time.Second {
			t.Errorf("clock off by %v: the cloud's time is missed by %v", off, d)
		}
	}
}

func TestCloudSetUpAnew(t *testing.T) {
	b := newBench(t)
	c := b.cloud(t, 0)
	if _, err := c.Login(ctx, cloudtest.Account, cloudtest.Password); err != nil {
		t.Fatal(err)
	}
	b.fake.ForgetDevices()
	next := b.cloud(t, 0) // no device token in memory
	if _, err := next.Login(ctx, cloudtest.Account, cloudtest.Password); err != nil {
		t.Errorf("sign-in at a cloud that forgot the device: %v", err)
	}
}

func TestUserRenewsARefusedToken(t *testing.T) {
	b := newBench(t)
	c := b.cloud(t, 0)
	tokens, err := c.Login(ctx, cloudtest.Account, cloudtest.Password)
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	u := c.User(func(_ context.Context, refused string) (string, error) {
		asked = append(asked, refused)
		if len(asked) == 1 {
			return "stale", nil
		}
		return tokens.AccessToken, nil
	})
	s, err := u.Spaces(ctx)
	if err != nil || len(s.Spaces) != 1 || len(asked) != 2 || asked[1] != "stale" {
		t.Errorf("got %v, %v after %q", s, err, asked)
	}
	bad := c.User(func(context.Context, string) (string, error) { return "stale", nil })
	if _, err := bad.Me(ctx); api.CodeOf(err) != api.SessionExpired {
		t.Errorf("a token that stays refused: %v", err)
	}
}

func TestProofOfAnotherKeyIsNoUsersFault(t *testing.T) {
	b := newBench(t)
	c := b.cloud(t, 0)
	if _, err := c.Device(ctx); err != nil {
		t.Fatal(err)
	}
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b.key = other // with the first key's device id in the store
	if _, err := b.cloud(t, 0).DeviceToken(ctx); api.CodeOf(err) != api.CloudAnswer || cloudhttp.CloudCode(err) == cloudapi.ErrUnauthenticated {
		t.Errorf("got %v", err)
	}
}
