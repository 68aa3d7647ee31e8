package workerapi

// Rights are what a process may do beside being its user's.
type Rights struct {
	Logon      uint64   `json:"logon"`   // the logon session, which has its own mapped drives
	Session    uint32   `json:"session"` // of the desktop; 0 is the services'
	Elevated   bool     `json:"elevated"`
	Privileges []string `json:"privileges"` // those that the token holds, enabled or not
}
