// Package store is what an ISV's production server keeps so that a repeat returns what the first
// request returned, also after a crash: the calls that were begun and done, and the
// nonces that were seen. Package merchant calls it; an ISV opens a back end (package sqlite) and
// hands it over, or writes one of its own and runs package storetest against it.
//
// A store knows nothing of messages: keys, digests and answers are bytes to it. It
// must never forget a finished call, and never let two holders work on one key. Its methods may be
// called by any number of goroutines. All that a method changed is durable when it returns nil.
package store

import (
	"context"
	"database/sql"
	"time"
)

// Turn is who may work on a key.
type Turn int

// Turns.
const (
	Yours     Turn = iota // the caller works now and ends with Finish or GiveUp
	Elsewhere             // another living holder works: ask again later
	Done                  // the work is done: State.Answer
)

// Begin asks for the turn on a key.
type Begin struct {
	Key        string // of at most 1 KiB, see package merchant: what makes two calls the same
	Test       bool
	Digest     string // of the fields that are not in the key; stands with the first attempt
	InstanceID string // proposed id for what is created, "" when nothing is
	SpareID    string // taken instead when another key has InstanceID already
	Request    []byte // what the work can be begun again from; stands with the first attempt until it is done
	// Owed says that nobody may ask for the key again, so that it is listed by Store.Owed until Finish or
	// GiveUp ends that. A finished key gives the turn again, with State.Kept and State.Answer.
	Owed bool
	Now  time.Time
}

// State is what there is of a key.
type State struct {
	Key        string
	Turn       Turn
	InstanceID string    // the first proposal that was stored; never changes again
	Attempt    int       // how often the turn was given, this one included
	Ordered    bool      // finished once, as Finish.Open; the work is to go on
	Cut        bool      // a turn was given and has not ended with Finish, whether somebody is at it or not
	Digest     string    // of the first attempt
	Request    []byte    // of the first attempt; nil when it gave none, and when the work is done
	Kept       []byte    // of Keep
	Answer     []byte    // of the last Finish, for Done and Ordered
	Since      time.Time // when it began to be owed; zero when it is not
	Due        time.Time // when an owed key is to be tried again: at once, or as GiveUp said
}

// Finish records a success.
type Finish struct {
	Key    string
	Answer []byte // what a repeat is told
	Open   bool   // the next call of the key gets the turn again, with State.Ordered
	Now    time.Time
}

// Store is what a back end implements.
type Store interface {
	// Begin gives the turn when nobody has it and the key is not done. Before it returns Yours,
	// the instance id and the attempt's number are durable: after a crash the same key gets
	// the same id. A turn whose holder's process has ended is free again; the back end
	// knows who lives (sqlite: one process at a time has the file).
	Begin(ctx context.Context, b Begin) (State, error)

	// Keep stores what the work has made so far; later turns find it in State.Kept.
	Keep(ctx context.Context, key string, made []byte) error

	// Finish ends the turn with a success. Doing it again changes nothing.
	Finish(ctx context.Context, f Finish) error

	// GiveUp ends the turn without a success: the next call gets it. After Finish it changes nothing.
	// What is owed stays so and is due at again; the zero time says that it is no longer owed.
	GiveUp(ctx context.Context, key string, again time.Time) error

	// Owed lists keys that are owed and that nobody is at, at most limit, those that are due first in front;
	// also what a dead process has begun. It takes no turn. Kept and Answer, which may be long, are left out.
	Owed(ctx context.Context, limit int) ([]State, error)

	// Find tells the state of the key that holds an instance id, false when none does. It takes no turn;
	// Turn is Yours when the work is not done and nobody is at it.
	Find(ctx context.Context, test bool, instanceID string) (State, bool, error)

	// Remember tells whether a nonce is new, and keeps it until a time. Nonces whose time
	// has come are forgotten.
	Remember(ctx context.Context, nonce string, until, now time.Time) (fresh bool, err error)
}

// Execer is a transaction of database/sql, or anything that executes in one.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Transactional is implemented by stores that lie in a database where the ISV has tables too: the
// ISV's own write and the record that the call has succeeded become one transaction.
type Transactional interface {
	FinishIn(ctx context.Context, tx Execer, f Finish) error
}
