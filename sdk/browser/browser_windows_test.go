package browser

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// TestMain lets this program be the browser of the prefix that the tests run in: it
// writes down how it was called, and what a handle of its starter means in it.
func TestMain(m *testing.M) {
	if len(os.Args) > 4 && os.Args[1] == "browse" {
		browse(os.Args[2], os.Args[3], os.Args[4:])
		return
	}
	os.Exit(m.Run())
}

func browse(record, handle string, args []string) {
	number, err := strconv.ParseUint(handle, 10, 64)
	if err != nil {
		os.Exit(1)
	}
	dir, _ := os.Getwd()
	out := strings.Join(append([]string{objectName(windows.Handle(number)), dir}, args...), "\n")
	if os.WriteFile(record+".part", []byte(out), 0o600) != nil || os.Rename(record+".part", record) != nil {
		os.Exit(1)
	}
}

// objectName is the name of what a handle means in this process, if it means anything.
func objectName(h windows.Handle) string {
	var answer struct {
		name windows.NTUnicodeString
		text [512]uint16
	}
	query := windows.NewLazySystemDLL("ntdll.dll").NewProc("NtQueryObject")
	const nameInformation = 1
	if status, _, _ := query.Call(uintptr(h), nameInformation, uintptr(unsafe.Pointer(&answer)), unsafe.Sizeof(answer), 0); status != 0 {
		return ""
	}
	return answer.name.String()
}

// wineOnly keeps a test's registry entries off a machine that somebody works on.
func wineOnly(t *testing.T) {
	t.Helper()
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() != nil {
		need.Missing(t, "makes this program the system's browser, which only a Wine prefix is for")
	}
}

// register makes command the program for http addresses, until the test's end.
func register(t *testing.T, command string) {
	t.Helper()
	const path = `http\shell\open\command`
	key, _, err := registry.CreateKey(registry.CLASSES_ROOT, path, registry.ALL_ACCESS)
	if err != nil {
		t.Fatal(err)
	}
	before, _, err := key.GetStringValue("")
	if err != nil && !errors.Is(err, registry.ErrNotExist) {
		t.Fatal(err)
	}
	if err := key.SetStringValue("", command); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(key.SetStringValue("", before), key.Close()); err != nil {
			t.Error(err)
		}
	})
}

// careless is the name of an event that a host left open to its children.
const careless = "iscdesk-test-careless"

func inheritable(t *testing.T) windows.Handle {
	t.Helper()
	name, err := windows.UTF16PtrFromString(careless)
	if err != nil {
		t.Fatal(err)
	}
	security := windows.SecurityAttributes{InheritHandle: 1}
	event, err := windows.CreateEvent(&security, 1, 0, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = windows.CloseHandle(event) })
	return event
}

// told waits for what the browser wrote down: the object behind the handle, its
// folder, its arguments.
func told(t *testing.T, record string) []string {
	t.Helper()
	for range 2000 {
		if got, err := os.ReadFile(record); err == nil {
			return strings.Split(string(got), "\n")
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("no browser came")
	return nil
}

func TestOpenStartsTheBrowserWithTheAddressAndNothingElse(t *testing.T) {
	wineOnly(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	record := filepath.Join(t.TempDir(), "record")
	event := inheritable(t)
	register(t, fmt.Sprintf(`"%s" browse "%s" %d "%%1"`, program, record, event))
	system, err := windows.GetSystemDirectory()
	if err != nil {
		t.Fatal(err)
	}
	const address = "http://127.0.0.1:4711/?a=$(calc)&b=%20;c,d'e#to%41ken"
	if err := Open(address); err != nil {
		t.Fatal(err)
	}
	lines := told(t, record)
	if len(lines) != 3 || !strings.EqualFold(lines[1], system) || lines[2] != address {
		t.Errorf("the browser saw %q", lines)
	}
	if strings.Contains(lines[0], careless) {
		t.Error("the browser holds a handle of the host")
	}
}

// The look at the handle would see a handle that was inherited.
func TestInheritedHandleIsSeen(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	record := filepath.Join(t.TempDir(), "record")
	event := inheritable(t)
	cmd := exec.Command(program, "browse", record, fmt.Sprint(uintptr(event)), "x")
	cmd.SysProcAttr = &syscall.SysProcAttr{AdditionalInheritedHandles: []syscall.Handle{syscall.Handle(event)}}
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if lines := told(t, record); !strings.HasSuffix(lines[0], careless) {
		t.Errorf("an inherited handle went unseen: %q", lines)
	}
}

func TestOpenWithoutAProgram(t *testing.T) {
	wineOnly(t)
	register(t, `"C:\none\browser.exe" "%1"`)
	if err := Open("http://127.0.0.1:1/"); err == nil {
		t.Error("a browser that is not there was started")
	}
}

func TestQuotable(t *testing.T) {
	for _, c := range []struct {
		name, address string
		ok            bool
	}{
		{"all that stands in addresses", "https://a.b:1/c-d_e~f?g=h&i=%20;[j]@k!$'()*+,#l", true},
		{"longest", "http://127.0.0.1/" + strings.Repeat("a", longest-17), true},
		{"one longer", "http://127.0.0.1/" + strings.Repeat("a", longest-16), false},
		{"ends the argument", `http://127.0.0.1/" --load "`, false},
		{"back slash", `http://127.0.0.1/\`, false},
		{"tab", "http://127.0.0.1/\t", false},
		{"other letters", "http://127.0.0.1/é", false},
		{"not UTF-8", "http://127.0.0.1/\xff", false},
		{"cmd's marks", "http://127.0.0.1/^|<>", false},
	} {
		if err := quotable(c.address); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestServicesHaveNoScreen(t *testing.T) {
	if err := screen(0); api.CodeOf(err) != api.NotSupported {
		t.Errorf("session 0: %v", err)
	}
	if err := screen(1); err != nil {
		t.Errorf("session 1: %v", err)
	}
}
