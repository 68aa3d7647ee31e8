package identity

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// reserved is why an ordinary user's agent lacks something. No call here asks for more
// rights than everybody has.
const reserved = "only an administrator may read it"

// Bounds of what the system may tell.
const (
	maxFirmware = 1 << 20
	maxDrives   = 64 // numbers that are tried: one is free again when its drive is gone
	maxAnswer   = 4096
	maxRows     = 4096
)

// calls are the running system's answers.
type calls struct{}

// here is the running system.
func here() source { return answers{calls{}} }

var getSystemFirmwareTable = windows.NewLazySystemDLL("kernel32.dll").NewProc("GetSystemFirmwareTable")

// firmware gives the firmware's table whole; it may have grown between the two calls.
func (calls) firmware() ([]byte, error) {
	const rsmb = 0x52534D42 // 'RSMB'
	size, _, err := getSystemFirmwareTable.Call(rsmb, 0, 0, 0)
	if size == 0 {
		return nil, fmt.Errorf("read the firmware's table: %w", err)
	}
	if size > maxFirmware {
		return nil, fmt.Errorf("the firmware's table has %d bytes", size)
	}
	table := make([]byte, size)
	got, _, err := getSystemFirmwareTable.Call(rsmb, 0, uintptr(unsafe.Pointer(&table[0])), size)
	if got == 0 || got > size {
		return nil, fmt.Errorf("read the firmware's table again: %w", err)
	}
	return table[:got], nil
}

// drives asks each physical drive. Nothing is read of a drive's content: it is opened with
// no access at all, which needs no administrator.
func (calls) drives() ([]drive, error) {
	places := diskPlaces()
	var all []drive
	for n := range uint32(maxDrives) {
		d := drive{name: fmt.Sprintf("PhysicalDrive%d", n), place: places[n]}
		d.answer, d.err = ask(`\\.\`+d.name, queryDescriptor)
		if errors.Is(d.err, windows.ERROR_FILE_NOT_FOUND) {
			continue
		}
		all = append(all, d)
	}
	return all, nil
}

// question is an IOCTL that everybody may send.
type question struct {
	code uint32
	in   []byte
}

var (
	// queryDescriptor is IOCTL_STORAGE_QUERY_PROPERTY with PropertyStandardQuery (0) of
	// StorageDeviceProperty (0); drivers answer it from memory.
	queryDescriptor = question{0x2D1400, make([]byte, 12)}
	// queryNumber is IOCTL_STORAGE_GET_DEVICE_NUMBER.
	queryNumber = question{0x2D1080, nil}
)

// ask opens a device without access and gives its answer.
func ask(path string, q question) ([]byte, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	device, err := windows.CreateFile(name, 0, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		return nil, err
	}
	defer windows.CloseHandle(device)
	answer := make([]byte, maxAnswer)
	var n uint32
	err = windows.DeviceIoControl(device, q.code, unsafe.SliceData(q.in), uint32(len(q.in)), &answer[0], maxAnswer, &n, nil)
	if err != nil {
		return nil, err
	}
	return answer[:min(n, maxAnswer)], nil
}

// number asks for the N of PhysicalDriveN.
func number(path string) (n uint32, ok bool) {
	const disk = 7 // FILE_DEVICE_DISK
	b, err := ask(path, queryNumber)
	if err != nil || len(b) < 12 || binary.LittleEndian.Uint32(b) != disk {
		return 0, false
	}
	return binary.LittleEndian.Uint32(b[4:]), true
}

// adapters gives the table of links and where each hangs.
func (calls) adapters() ([]byte, map[guid]place, error) {
	var table *windows.MibIfTable2
	if err := windows.GetIfTable2Ex(windows.MibIfTableNormal, &table); err != nil {
		return nil, nil, err
	}
	defer windows.FreeMibTable(unsafe.Pointer(table))
	if table.NumEntries > maxRows {
		return nil, nil, fmt.Errorf("%d network links", table.NumEntries)
	}
	size := rowsAt + rowSize*int(table.NumEntries)
	return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(table)), size)...), linkPlaces(), nil
}

func (calls) osID() string {
	id, _ := protectedID()
	return id
}
