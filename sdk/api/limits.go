package api

import "time"

// ProtocolVersion is the local protocol this tree speaks. MinProtocolVersion
// is the oldest one that both ends still accept. hello settles which is used.
const (
	ProtocolVersion    = 1
	MinProtocolVersion = 1
)

// Bounds of the local protocol. Whatever is over one ends in TooLarge or Busy,
// never in a larger allocation.
const (
	MaxRequestFrame = 128 << 10 // bytes, application to agent
	MaxAnswerFrame  = 1 << 20   // bytes, agent to application
	MaxInFlight     = 16        // unanswered requests of one connection
	MaxConnections  = 128       // open connections of one user
	MaxSessions     = 256       // sessions of one user, live or waiting for a reconnect
	MaxOperations   = 64        // unfinished operations of one session

	MaxDevInfo     = 5120     // bytes of devInfo and of the fingerprint string
	MaxPath        = 4096     // bytes of a local path
	MaxText        = 4096     // bytes of any other text member (error messages, names)
	MaxLicenseText = 1024     // characters of an ISV's licence string
	MaxComeBack    = 8192     // bytes of the opaque comeBackParams
	MaxImport      = 3 << 20  // bytes of a licence document
	MaxImportPart  = 64 << 10 // bytes of one part of it
	RingEvents     = 1024     // events kept for one session
)

// Times of the local protocol.
const (
	HeartbeatPeriod = 30 * time.Second   // EVENT_HEARTBEAT while a session is idle
	SessionKeep     = 10 * time.Minute   // a session waits this long for its application to come back
	OperationKeep   = 7 * 24 * time.Hour // an undelivered result is kept this long
	WriteTimeout    = 10 * time.Second   // a peer that does not read is disconnected
	HelloTimeout    = 5 * time.Second    // from accept to hello
	PageSilence     = 60 * time.Second   // a page closed or silent this long is cancelled
)
