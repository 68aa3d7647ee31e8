package api

// Code says what became of a call. It is the same number in Go, in JSON and
// in iscdesk.h (there spelled ISCDESK_E_…), so an application and a support
// engineer talk about one thing. Zero is success, everything else is negative;
// numbers are grouped with gaps, never re-used, and only ever added.
// A reader must treat a code that it does not know as a failure.
type Code int32

// The codes. Their sentences, in English and Chinese, stand in text.go;
// docs/errors.md is generated from both.
const (
	OK Code = 0

	// What the caller handed in, and the life of the client.
	InvalidArgument Code = -1  // NULL, not in the chosen encoding, too long, unknown value
	Closed          Code = -2  // the handle is closed, stale or was never opened
	Timeout         Code = -3  // the caller's own time-out ran out
	Cancelled       Code = -4  // cancelled by the user or by the application
	Internal        Code = -5  // a defect of ours, caught before it reached the host
	Forked          Code = -6  // called in the child of a fork
	Busy            Code = -7  // a quota of this client is used up; try again later
	TooLarge        Code = -8  // a message or value over its documented limit
	NotSupported    Code = -9  // not on this system or not in this version
	LoaderLock      Code = -10 // Windows: opened in DllMain or in a constructor of a library
	SystemTooOld    Code = -11 // Windows: older than Windows 10
	TextEncoding    Code = -12 // a text that the code page of the application cannot hold
	NoMemory        Code = -13 // no memory or address space left in the process

	// The way to the agent.
	AgentAbsent    Code = -20 // no agent answers at the endpoint
	AgentTooOld    Code = -21 // agent and library share no protocol version
	AgentLost      Code = -22 // the connection broke; the library connects again
	AgentUntrusted Code = -23 // the server is neither the system's nor this user's
	Protocol       Code = -24 // a frame or message that is not of the protocol

	// Who is asking.
	NotSignedIn      Code = -30 // no one is signed in for this OS user
	WrongCredentials Code = -31 // account or password refused
	SessionExpired   Code = -32 // the sign-in has ended or was revoked
	Forbidden        Code = -33 // signed in, but not allowed to do this
	ProductUnknown   Code = -34 // the cloud knows no such product
	ProductDenied    Code = -35 // the product belongs to another executable
	RootCaller       Code = -36 // root gets no file operations

	// The way to the cloud.
	CloudUnreachable Code = -40 // no connection, no route, no answer in time
	CloudUntrusted   Code = -41 // the certificate is not signed by a trusted CA
	CloudAnswer      Code = -42 // an answer that is not the cloud's (HTML, 5xx, bad JSON)
	CloudNotSet      Code = -43 // no cloud address is configured
	CloudFull        Code = -44 // the cloud has no room left to store anything

	// The right to work.
	LicenseNone      Code = -50 // no licence is assigned to this user
	LicenseExpired   Code = -51 // the lease and its grace have ended
	LicenseRefused   Code = -52 // the cloud said no
	ClockSuspect     Code = -53 // the clock was set back
	LicenseUntrusted Code = -54 // a lease whose signature or binding is wrong
	StoreDamaged     Code = -55 // the sealed store cannot be read; set aside
	LicenseUnknown   Code = -56 // no request for it was answered yet: whether there is one is not known
	LicenseLate      Code = -57 // the software's publisher has not made the licence in time

	// Cloud files.
	NotFound       Code = -60 // no such space, folder, object or version
	HeldByOther    Code = -61 // someone else has it checked out
	NotCheckedOut  Code = -62 // opened read-only (CHECKIN + OpenOnly): cannot be saved back
	CheckoutLost   Code = -63 // the check-out ended or was taken over
	NameExists     Code = -64 // the folder already has an object of that name
	NameInvalid    Code = -65 // a name that some system could not store
	NotCloudFile   Code = -66 // the path did not come from the cloud
	Conflict       Code = -67 // a newer version exists than the one that was opened
	ContentDamaged Code = -68 // bytes that do not have their checksum

	// A licence document that is imported from a file.
	ImportNotDocument  Code = -70 // no document of the cloud's: the publisher's own file, or something else
	ImportDamaged      Code = -71 // a document whose text is not what was signed
	ImportKeyUnknown   Code = -72 // signed by a key that this agent does not know
	ImportOtherMachine Code = -73 // for a machine with another fingerprint
	ImportEnded        Code = -74 // its time is over
	ImportNotBegun     Code = -75 // its time has not begun

	// Local files, seen with the user's own rights.
	PathNotFound        Code = -80
	PathDenied          Code = -81
	PathNotRegular      Code = -82 // a link, device, pipe, or a folder where a file is needed
	FileChanging        Code = -83 // the file changed while it was read
	DiskFull            Code = -84
	AssemblyMainMissing Code = -85 // no file in the folder bears the folder's name
	PathInUse           Code = -86 // another operation works on the same path, or a program has it open
)
