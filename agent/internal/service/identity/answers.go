package identity

import "context"

// probes gives the raw answers of Windows' calls. The one real form makes the calls; tests
// fill one with recorded and made-up answers, on every system.
type probes interface {
	firmware() ([]byte, error)                 // GetSystemFirmwareTable 'RSMB'
	drives() ([]drive, error)                  // by number
	adapters() ([]byte, map[guid]place, error) // MIB_IF_TABLE2, and where each interface hangs
	osID() string                              // as source's
}

// drive is one physical drive's answer.
type drive struct {
	name   string // PhysicalDrive0
	answer []byte // STORAGE_DEVICE_DESCRIPTOR
	err    error  // why there is none
	place  place
}

// answers is the hardware as Windows tells it. Network hardware that is switched off in the
// device manager is in no table, so its address is not there.
type answers struct{ probes }

// macs takes the permanent addresses of built-in network hardware, connected or not.
func (a answers) macs(context.Context) slot {
	var s slot
	table, places, err := a.adapters()
	if err != nil {
		s.miss("network links: %s", why(err))
		return s
	}
	all, err := parseAdapters(table)
	if err != nil {
		s.miss("network links: %v", err)
		return s
	}
	for _, one := range all {
		s.adapter(one, places[one.id])
	}
	s.settle("no built-in network hardware")
	return s
}

// disks takes the serial numbers of built-in disks.
func (a answers) disks(context.Context) slot {
	var s slot
	all, err := a.drives()
	if err != nil {
		s.miss("disks: %s", why(err))
		return s
	}
	for _, d := range all {
		s.disk(d)
	}
	s.settle("no built-in disk")
	return s
}

// boardSerial and productUUID hold also where the firmware's table is damaged behind them.
func (a answers) boardSerial() (string, error) {
	f, err := a.read()
	if f.board != "" {
		err = nil
	}
	return f.board, err
}

func (a answers) productUUID() (string, error) {
	f, err := a.read()
	if f.product != "" {
		err = nil
	}
	return f.product, err
}

func (a answers) read() (firmware, error) {
	raw, err := a.firmware()
	if err != nil {
		return firmware{}, err
	}
	return parseFirmware(raw)
}
