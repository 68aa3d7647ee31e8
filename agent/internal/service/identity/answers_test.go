package identity

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// recorded answers as Windows would, from a file of testdata: lines of the firmware's
// structures, drives and adapters, with where each hangs.
type recorded struct {
	table  []byte
	disks  []drive
	rows   []byte
	places map[guid]place
	err    error // of every call
}

func (r *recorded) firmware() ([]byte, error)                 { return r.table, r.err }
func (r *recorded) drives() ([]drive, error)                  { return r.disks, r.err }
func (r *recorded) adapters() ([]byte, map[guid]place, error) { return r.rows, r.places, r.err }
func (r *recorded) osID() string                              { return "guid" }

// replay reads a file of recorded answers.
func replay(t testing.TB, name string) *recorded {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name+".answers"))
	if err != nil {
		t.Fatal(err)
	}
	r := &recorded{places: map[guid]place{}, rows: make([]byte, rowsAt)}
	var structures []byte
	version := []byte{0, 0}
	for _, line := range strings.Split(string(content), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		cells := strings.Split(rest, "|")
		switch word {
		case "version":
			if _, err := fmt.Sscanf(rest, "%d.%d", &version[0], &version[1]); err != nil {
				t.Fatal(err)
			}
		case "structure":
			area, err := hex.DecodeString(strings.ReplaceAll(cells[0], " ", ""))
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			structures = append(append(structures, area...), texts(cells[1:])...)
		case "drive":
			r.disks = append(r.disks, recordedDrive(t, cells))
		case "adapter":
			row, where := recordedAdapter(t, cells, byte(len(r.places)+1))
			r.rows = append(r.rows, row...)
			r.places[guid(row[rowGUID:])] = where
		case "", "#":
		default:
			t.Fatalf("%s: %q", name, line)
		}
	}
	r.table = rawTable(version[0], version[1], structures)
	binary.LittleEndian.PutUint32(r.rows, uint32(len(r.places)))
	return r
}

// texts are a structure's texts, each with its zero, and the end.
func texts(all []string) []byte {
	all[0] = strings.TrimPrefix(all[0], " ")
	b := []byte(strings.Join(all, "\x00"))
	if len(b) == 0 {
		return []byte{0, 0}
	}
	return append(bytes.TrimRight(b, "\x00"), 0, 0)
}

func rawTable(major, minor byte, structures []byte) []byte {
	head := []byte{0, major, minor, 0, 0, 0, 0, 0}
	binary.LittleEndian.PutUint32(head[4:], uint32(len(structures)))
	return append(head, structures...)
}

// recordedDrive reads "name | bus n | removable | serial text | place"; cells but the first may be missing.
func recordedDrive(t testing.TB, cells []string) drive {
	t.Helper()
	d := drive{name: strings.TrimSpace(cells[0])}
	bus, removable, serial := 0, false, ""
	for _, cell := range cells[1:] {
		word, rest, _ := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(cell, " "), " "), " ")
		switch word {
		case "bus":
			bus, _ = strconv.Atoi(rest)
		case "removable":
			removable = true
		case "serial":
			serial = strings.TrimSuffix(rest, "none")
		case "error":
			d.err = fs.ErrPermission
		default:
			d.place = recordedPlace(t, cell)
		}
	}
	d.answer = description(bus, removable, serial)
	return d
}

// description is a STORAGE_DEVICE_DESCRIPTOR with the serial number behind it.
func description(bus int, removable bool, serial string) []byte {
	b := make([]byte, 40)
	binary.LittleEndian.PutUint32(b, 40)
	if removable {
		b[10] = 1
	}
	binary.LittleEndian.PutUint32(b[28:], uint32(bus))
	if serial != "" {
		binary.LittleEndian.PutUint32(b[24:], 40)
		b = append(append(b, serial...), 0)
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)))
	return append(b, "what was in the buffer before"...)
}

// recordedAdapter reads "name | flags n | medium n | addr a | permanent a | place".
func recordedAdapter(t testing.TB, cells []string, number byte) ([]byte, place) {
	t.Helper()
	row := make([]byte, rowSize)
	row[rowGUID] = number
	for i, unit := range utf16.Encode([]rune(strings.TrimSpace(cells[0]))) {
		binary.LittleEndian.PutUint16(row[rowDescription+2*i:], unit)
	}
	value := func(i int) string { return strings.Fields(cells[i])[1] }
	flags, err := strconv.Atoi(value(1))
	medium, err2 := strconv.Atoi(value(2))
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	row[rowFlags] = byte(flags)
	binary.LittleEndian.PutUint32(row[rowMedium:], uint32(medium))
	addr, _ := net.ParseMAC(value(3))
	permanent, _ := net.ParseMAC(value(4))
	binary.LittleEndian.PutUint32(row[rowAddrLength:], uint32(len(addr)))
	copy(row[rowAddr:], addr)
	copy(row[rowPermanent:], permanent)
	return row, recordedPlace(t, cells[5])
}

// recordedPlace reads "id = capabilities service > id = …", from the device up.
func recordedPlace(t testing.TB, text string) place {
	t.Helper()
	var p place
	for _, one := range strings.Split(text, ">") {
		id, rest, ok := strings.Cut(strings.TrimSpace(one), " = ")
		if !ok {
			continue
		}
		caps, service, _ := strings.Cut(rest, " ")
		bits, err := strconv.ParseUint(caps, 16, 32)
		if err != nil {
			t.Fatalf("%q: %v", one, err)
		}
		p = append(p, node{id, service, uint32(bits)})
	}
	return p
}

func TestRecordedAnswers(t *testing.T) {
	intel := func() (uint32, uint32, bool) { return 0xBFEBFBFF, 0x00090672, true }
	for _, c := range []struct {
		name    string
		want    string
		absent  [4]string // mac, disk, board, cpu: the whole reason
		product string
	}{
		{"windows-laptop", "A4:C3:F0:12:34:56|001B_444A_488B_5CEC.|/L1HF04A01B2/CN0123456/|BFEBFBFF00090672", [4]string{
			"Intel(R) Ethernet Controller I225-LM is behind a removable port (a dock); Realtek USB GbE Family Controller is on USB; Bluetooth Device (Personal Area Network) is Bluetooth",
			"PhysicalDrive1 is behind a removable port (a dock); PhysicalDrive2 is on USB; PhysicalDrive3 is a file"}, "4c4c4544-0043-3010-8052-b4c04f564231"},
		{"windows-whitebox", "04:7C:16:5E:E3:5D|S2ABCD0Z123456,WD-WCAV69914275||BFEBFBFF00090672", [4]string{
			"IEEE 1394 has no Ethernet address; Radio without a known place is Bluetooth; Network of a docking station of its time is " + inDock,
			`PhysicalDrive5: "To be filled by O.E.M." is a placeholder; PhysicalDrive6: ` + reserved + `; PhysicalDrive7 has none; PhysicalDrive8 is removable`,
			`mainboard serial: "To be filled by O.E.M." is a placeholder`}, "00112233-4455-6677-8899-aabbccddeeff"},
		{"windows-guest", "00:15:5D:01:02:03,52:54:00:6B:3C:58|VOL-0A1B2C3D||BFEBFBFF00090672", [4]string{
			"", `PhysicalDrive1: "QM00001" is a placeholder`, "mainboard serial has none"}, "abcd1234-5678-ab90-0123-456789abcdef"},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := answers{replay(t, c.name)}
			fp := collect(t, Config{source: src, cpuid: intel})
			if fp.Fingerprint != c.want {
				t.Errorf("got  %s\nwant %s", fp.Fingerprint, c.want)
			}
			for i, p := range fp.Parts {
				if p.Absent != c.absent[i] {
					t.Errorf("%s: reason %q, want %q", p.Name, p.Absent, c.absent[i])
				}
			}
			parts := machine(context.Background(), src)
			if parts[partProduct] != c.product || parts[partMachine] != "guid" || placeholder(parts[partBoard]) != (fp.Parts[2].Values == nil) {
				t.Errorf("machine parts %v", parts)
			}
		})
	}
}

// TestWineAnswers: Wine 8's own table of the firmware, as it was recorded; its system's UUID was exchanged
// for one that counts up. It says version 2.4, so the UUID is big-endian.
func TestWineAnswers(t *testing.T) {
	raw, err := os.ReadFile("testdata/wine8.smbios")
	if err != nil {
		t.Fatal(err)
	}
	f, err := parseFirmware(raw)
	if err != nil || f.product != "00010203-0405-0607-0809-0a0b0c0d0e0f" || f.board != "" {
		t.Errorf("got %+v, %v", f, err)
	}
}

// TestCallsThatFail: every slot says why it is empty, and the processor is there.
func TestCallsThatFail(t *testing.T) {
	for err, want := range map[error]string{fs.ErrPermission: reserved, fs.ErrNotExist: "this system does not have it", errors.New("a device is broken"): "a device is broken"} {
		fp := collect(t, Config{source: answers{&recorded{err: err}}})
		for _, p := range fp.Parts[:3] {
			if len(p.Values) != 0 || !strings.Contains(p.Absent, want) {
				t.Errorf("%v: %+v", err, p)
			}
		}
	}
}

// stuck is a machine with a drive whose driver never answers.
type stuck struct {
	*recorded
	until chan struct{}
}

func (s stuck) drives() ([]drive, error) { <-s.until; return s.recorded.drives() }

// TestDriveThatHangs: its slot stays empty and says so, the others are there, and one goroutine
// is held by it, however often anyone asks.
func TestDriveThatHangs(t *testing.T) {
	src := stuck{replay(t, "windows-laptop"), make(chan struct{})}
	before := runtime.NumGoroutine()
	r := New(Config{source: answers{src}, limit: 100 * time.Millisecond})
	for range 10 {
		fp, err := r.Fingerprint(context.Background())
		if err != nil || !strings.HasPrefix(fp.Fingerprint, "A4:C3:F0:12:34:56||/L1HF04A01B2/") || !strings.Contains(fp.Parts[1].Absent, "not read within") {
			t.Fatalf("got %s, %+v, %v", fp.Fingerprint, fp.Parts[1], err)
		}
	}
	held := runtime.NumGoroutine() - before
	for range 1000 { // the collection's own and those of tests before may be about to end
		if held <= 1 {
			break
		}
		time.Sleep(5 * time.Millisecond)
		held = runtime.NumGoroutine() - before
	}
	if held > 1 {
		t.Errorf("%d goroutines are held", held)
	}
	close(src.until)
}
