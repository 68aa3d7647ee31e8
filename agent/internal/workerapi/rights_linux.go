package workerapi

// Rights are what a process may do beside being its user's.
type Rights struct {
	GID    int    `json:"gid"`
	Groups []int  `json:"groups"`
	Caps   string `json:"caps"` // CapEff of /proc/self/status
}
