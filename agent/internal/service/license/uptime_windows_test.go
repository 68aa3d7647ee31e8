package license

import (
	"testing"

	"golang.org/x/sys/windows/registry"
)

// TestRunOfTheSystem: a later agent of the same run finds the same name and a count that went on.
func TestRunOfTheSystem(t *testing.T) {
	first, second := uptime(), uptime()
	boot, since := first()
	if boot == "" || since <= 0 {
		t.Fatalf("run %q, %v old", boot, since)
	}
	if again, later := second(); again != boot || later < since {
		t.Errorf("run %q, %v old; then %q, %v", boot, since, again, later)
	}
}

// TestRunIsNamedInMemoryOnly: the key cannot hold what is to stay, which is what makes the system
// forget it; without it there is another name.
func TestRunIsNamedInMemoryOnly(t *testing.T) {
	const path = `SOFTWARE\ISCDesk-Run-Test`
	forget := func() {
		if err := registry.DeleteKey(registry.CURRENT_USER, path); err != nil && err != registry.ErrNotExist {
			t.Fatal(err)
		}
	}
	forget()
	defer forget()
	name, err := runName(registry.CURRENT_USER, path)
	if err != nil {
		t.Fatal(err)
	}
	if stays, _, err := registry.CreateKey(registry.CURRENT_USER, path+`\stays`, registry.SET_VALUE); err == nil {
		stays.Close()
		t.Error("a key that stays was made below it: it would be there after a restart")
	}
	forget()
	if other, err := runName(registry.CURRENT_USER, path); err != nil || other == name {
		t.Errorf("after it was forgotten: %q, %v; before: %q", other, err, name)
	}
}

// TestRunNameThatIsNone: what is no name is replaced, and a place that cannot be written is an error.
func TestRunNameThatIsNone(t *testing.T) {
	const path = `SOFTWARE\ISCDesk-Run-Test-Empty`
	key, err := createVolatile(registry.CURRENT_USER, path)
	if err != nil {
		t.Fatal(err)
	}
	defer registry.DeleteKey(registry.CURRENT_USER, path)
	defer key.Close()
	if err := key.SetStringValue(runValue, ""); err != nil {
		t.Fatal(err)
	}
	if name, err := runName(registry.CURRENT_USER, path); err != nil || name == "" {
		t.Errorf("got %q, %v", name, err)
	}
	if name, err := runName(registry.CURRENT_USER, `SOFTWARE\none\below\`+"\x00"); err == nil {
		t.Errorf("got %q from a path that is none", name)
	}
}
