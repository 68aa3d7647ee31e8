package identity

import (
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// Device classes that Windows is installed with.
var (
	classDisk = windows.GUID{Data1: 0x4d36e967, Data2: 0xe325, Data3: 0x11ce, Data4: [8]byte{0xbf, 0xc1, 0x08, 0x00, 0x2b, 0xe1, 0x03, 0x18}}
	classNet  = windows.GUID{Data1: 0x4d36e972, Data2: 0xe325, Data3: 0x11ce, Data4: [8]byte{0xbf, 0xc1, 0x08, 0x00, 0x2b, 0xe1, 0x03, 0x18}}
)

const (
	maxDevices = 1024 // of a class
	maxDepth   = 32   // of a device below the root
)

// each calls do with every present device of a class. Where the system does not list them
// there is no place, and what the devices say of themselves decides.
func each(class *windows.GUID, do func(windows.DevInfo, *windows.DevInfoData)) {
	set, err := windows.SetupDiGetClassDevsEx(class, "", 0, windows.DIGCF_PRESENT, 0, "")
	if err != nil {
		return
	}
	defer set.Close()
	for i := range maxDevices {
		device, err := set.EnumDeviceInfo(i)
		if err != nil {
			return
		}
		do(set, device)
	}
}

// diskPlaces says where each physical drive hangs, by its number.
func diskPlaces() map[uint32]place {
	places := map[uint32]place{}
	each(&classDisk, func(set windows.DevInfo, device *windows.DevInfoData) {
		object, err := set.DeviceRegistryProperty(device, windows.SPDRP_PHYSICAL_DEVICE_OBJECT_NAME)
		name, isText := object.(string)
		if err != nil || !isText {
			return
		}
		if n, ok := number(`\\?\GLOBALROOT` + name); ok {
			places[n] = chain(device.DevInst)
		}
	})
	return places
}

// linkPlaces says where each network adapter hangs, by its interface's id.
func linkPlaces() map[guid]place {
	places := map[guid]place{}
	each(&classNet, func(set windows.DevInfo, device *windows.DevInfoData) {
		handle, err := set.OpenDevRegKey(device, windows.DICS_FLAG_GLOBAL, 0, windows.DIREG_DRV, registry.QUERY_VALUE)
		if err != nil {
			return
		}
		key := registry.Key(handle)
		defer key.Close()
		text, _, err := key.GetStringValue("NetCfgInstanceId")
		if err != nil {
			return
		}
		if id, err := windows.GUIDFromString(text); err == nil {
			places[*(*guid)(unsafe.Pointer(&id))] = chain(device.DevInst)
		}
	})
	return places
}

var (
	cfgmgr      = windows.NewLazySystemDLL("cfgmgr32.dll")
	getParent   = cfgmgr.NewProc("CM_Get_Parent")
	getDeviceID = cfgmgr.NewProc("CM_Get_Device_IDW")
	getProperty = cfgmgr.NewProc("CM_Get_DevNode_Registry_PropertyW")
)

// chain walks from a device node up to the root. Its calls' results are CONFIGRET, 0 when
// all is well.
func chain(device windows.DEVINST) place {
	var p place
	for range maxDepth {
		var id [201]uint16 // MAX_DEVICE_ID_LEN and its zero
		if r, _, _ := getDeviceID.Call(uintptr(device), uintptr(unsafe.Pointer(&id[0])), uintptr(len(id)), 0); r != 0 {
			break
		}
		n := node{id: windows.UTF16ToString(id[:])}
		var service [128]uint16
		property(device, 5, unsafe.Pointer(&service), unsafe.Sizeof(service)-2)              // CM_DRP_SERVICE
		property(device, 16, unsafe.Pointer(&n.capabilities), unsafe.Sizeof(n.capabilities)) // CM_DRP_CAPABILITIES
		n.service = windows.UTF16ToString(service[:])
		p = append(p, n)
		if r, _, _ := getParent.Call(uintptr(unsafe.Pointer(&device)), uintptr(device), 0); r != 0 {
			break
		}
	}
	return p
}

// property fills what it is given, or leaves it as it is.
func property(device windows.DEVINST, which uintptr, into unsafe.Pointer, size uintptr) {
	room := uint32(size)
	_, _, _ = getProperty.Call(uintptr(device), which, 0, uintptr(into), uintptr(unsafe.Pointer(&room)), 0)
}
