package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// attempt is one content that an application was told to save.
type attempt struct {
	n      int
	kind   string
	doc    string // name of the document, which is its object's
	digest string
	op     api.Operation // 0: no number reached the application

	tried    bool // its bytes were laid on the disk, whole
	promised bool // it was told that the save is queued and will be sent
	ended    bool // it was told a result
	success  bool
	asked    bool  // the result was fetched with operation.get, not heard
	version  int64 // what it was told with success
	object   string
	code     string // with failure
	copied   string // conflict copy
}

// knowledge is all that applications were told, kept outside of everything that
// is killed, and what is wrong with it.
type knowledge struct {
	attempts []*attempt // n-1
	byOp     map[api.Operation]*attempt
	faults   []string
}

func newKnowledge() *knowledge { return &knowledge{byOp: make(map[api.Operation]*attempt)} }

func (k *knowledge) fault(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(k.faults, text) {
		k.faults = append(k.faults, text)
	}
}

// try notes a content before anybody is told to save it.
func (k *knowledge) try(kind, doc, digest string) *attempt {
	a := &attempt{n: len(k.attempts) + 1, kind: kind, doc: doc, digest: digest}
	k.attempts = append(k.attempts, a)
	return a
}

// given notes an operation's number.
func (k *knowledge) given(n int, op api.Operation) {
	if n < 1 || n > len(k.attempts) {
		k.fault("operation %d is of save %d, which nobody made", op, n)
		return
	}
	a, other := k.attempts[n-1], k.byOp[op]
	if a.op != 0 && a.op != op {
		k.fault("save %d has the numbers %d and %d", n, a.op, op)
	}
	if other != nil && other != a {
		k.fault("operation %d is of the saves %d and %d", op, other.n, n)
	}
	a.op, k.byOp[op] = op, a
}

// told takes a save's result as it was heard (asked is false) or asked for.
func (k *knowledge) told(e api.Event, asked bool) {
	var of note
	if json.Unmarshal(e.Envelope.ComeBack, &of) != nil || of.N == 0 {
		k.fault("operation %d ended with a result that the agent did not make: %v", e.Operation, e.Envelope.Params)
		return
	}
	k.given(of.N, e.Operation)
	if of.N > len(k.attempts) {
		return
	}
	a, p := k.attempts[of.N-1], e.Envelope.Params
	if p["queued"] == "true" {
		if a.ended {
			k.fault("save %d was told its end, then that it is queued", a.n)
		}
		a.promised = true
		return
	}
	version, _ := strconv.ParseInt(p["version"], 10, 64)
	now := attempt{success: p[api.ParamStatus] == api.StatusSuccess, version: version, object: p["object"], code: p[api.ParamCode]}
	switch {
	case a.ended && !asked && !a.asked:
		k.fault("save %d (operation %d) was told its end twice", a.n, a.op)
	case a.ended && (a.success != now.success || a.version != now.version || a.code != now.code):
		k.fault("save %d was told success %v version %d code %q, then success %v version %d code %q",
			a.n, a.success, a.version, a.code, now.success, now.version, now.code)
	}
	a.asked = asked && (a.asked || !a.ended)
	a.ended, a.success, a.version, a.object, a.code, a.copied = true, now.success, now.version, now.object, now.code, p["conflictCopy"]
}

// answered takes what operation.get and operation.list said. An operation of a save
// whose number did not arrive is that of the save last made.
func (k *knowledge) answered(states []api.OperationState) {
	for _, s := range states {
		if s.Event != nil && s.Event.Type == api.EventSaveResult {
			k.told(*s.Event, true)
		}
		a := k.byOp[s.Operation]
		if last := len(k.attempts); a == nil && last > 0 && k.attempts[last-1].op == 0 && s.Method != api.MethodOpen && s.State != api.OpUnknown {
			a = k.attempts[last-1]
			k.given(a.n, s.Operation)
		}
		switch {
		case a == nil:
		case s.State == api.OpUnknown && !a.ended:
			k.fault("save %d was given the number %d, which the agent does not know", a.n, s.Operation)
		case s.State == api.OpQueued:
			a.promised = true
		}
	}
}

// open lists operations that were given out and have no end yet.
func (k *knowledge) open() []api.Operation {
	var ops []api.Operation
	for _, a := range k.attempts {
		if a.op != 0 && !a.ended {
			ops = append(ops, a.op)
		}
	}
	return ops
}

// visible is an object as the cloud shows it; the digests of its versions, oldest first.
type visible struct {
	name, id string
	numbers  []int64
	digests  []string
}

// acknowledged lists the saves that were told success.
func (k *knowledge) acknowledged() []*attempt {
	return slices.DeleteFunc(slices.Clone(k.attempts), func(a *attempt) bool { return !a.ended || !a.success })
}

// compare holds all that is visible in the cloud against all that was told; acked
// is what was acknowledged before the cloud was read.
func (k *knowledge) compare(objects []visible, acked []*attempt) {
	byName := make(map[string]visible)
	for _, o := range objects {
		if _, twice := byName[o.name]; twice {
			k.fault("there are two objects %s", o.name)
		}
		byName[o.name] = o
		k.compareObject(o)
	}
	for _, a := range acked {
		o := byName[a.doc]
		i := slices.Index(o.numbers, a.version)
		switch {
		case i < 0:
			k.fault("save %d (%s) was acknowledged as version %d of %s, which does not exist", a.n, a.kind, a.version, a.doc)
		case o.digests[i] != a.digest:
			k.fault("save %d (%s) was acknowledged as version %d of %s, which holds other bytes", a.n, a.kind, a.version, a.doc)
		case o.id != a.object:
			k.fault("save %d was acknowledged as object %s, %s is %s", a.n, a.object, a.doc, o.id)
		}
	}
}

func (k *knowledge) compareObject(o visible) {
	last := 0
	for i, d := range o.digests {
		if o.numbers[i] != int64(i+1) {
			k.fault("%s: version %d stands in place %d", o.name, o.numbers[i], i+1)
		}
		at := slices.IndexFunc(k.attempts, func(a *attempt) bool { return a.doc == o.name && a.digest == d })
		if at < 0 {
			k.fault("version %d of %s holds a content that nobody saved", o.numbers[i], o.name)
			continue
		}
		a := k.attempts[at]
		switch {
		case a.n == last:
			k.fault("save %d is two versions of %s", a.n, o.name)
		case a.n < last:
			k.fault("%s: save %d comes behind the later save %d", o.name, a.n, last)
		case a.ended && !a.success:
			k.fault("save %d (%s) was told failure %s and is version %d of %s", a.n, a.kind, a.code, o.numbers[i], o.name)
		}
		last = max(last, a.n)
	}
	if len(o.digests) == 0 {
		k.fault("object %s has no version", o.name)
	}
}

// final adds what must hold when nothing is under way any more.
func (k *knowledge) final() {
	for _, a := range k.attempts {
		switch {
		case a.op != 0 && !a.ended:
			k.fault("save %d (%s) was given the number %d and no end", a.n, a.kind, a.op)
		case a.promised && a.ended && !a.success:
			k.fault("save %d (%s) was promised to be sent and failed: code %s, conflict copy %q", a.n, a.kind, a.code, a.copied)
		}
	}
}

// has says that the cloud, as it was last seen, shows a content of a document.
func has(objects []visible, doc, digest string) bool {
	return slices.ContainsFunc(objects, func(o visible) bool { return o.name == doc && slices.Contains(o.digests, digest) })
}
