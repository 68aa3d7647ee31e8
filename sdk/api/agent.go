package api

import "time"

// Status answers agent.status.
type Status struct {
	Build     string     `json:"build"`
	Protocol  int        `json:"protocol"`
	System    bool       `json:"system"`
	Started   time.Time  `json:"started"`
	Endpoint  string     `json:"endpoint"`
	Cloud     string     `json:"cloud,omitempty"`
	Reachable bool       `json:"reachable"`
	Device    string     `json:"device,omitempty"`
	Auth      AuthStatus `json:"auth"`
	Queued    int        `json:"queued"` // saves that wait for the cloud
}

// Check is one line of the doctor: what was tried, what came out, what to do.
type Check struct {
	Name   string `json:"name"`   // agent, cloud, tls, proxy, clock, disk, …
	Result string `json:"result"` // "ok", "warning", "failed", "skipped"
	Tried  string `json:"tried"`
	Found  string `json:"found"`
	Do     string `json:"do,omitempty"`
	Code   Code   `json:"code,omitempty"`
}

// Doctor answers agent.doctor.
type Doctor struct {
	Checks []Check `json:"checks"`
}
