package cloudapi

import "time"

// Lists here are newest first, with query parameters before (the id of the last row that the caller has)
// and limit (1 to 100, default 50).

// NewOrder is POST /v1/market/orders (operator).
type NewOrder struct {
	Organisation string `json:"organisation"`       // id of the buyer
	Type         string `json:"type"`               // NEW, TRIAL, TRIAL_TO_FORMAL, RENEW, CHANGE, UNSUBSCRIBE
	Spec         string `json:"spec,omitempty"`     // productId; needed for NEW and TRIAL, else "" keeps the resource's
	Amount       int    `json:"amount,omitempty"`   // needed for NEW and TRIAL, else 0 keeps the resource's
	Periods      int    `json:"periods,omitempty"`  // of the specification's period
	Resource     string `json:"resource,omitempty"` // for all but NEW and TRIAL
	Undoes       string `json:"undoes,omitempty"`   // UNSUBSCRIBE: the renewal that is undone, instead of the whole resource
	Repeat       string `json:"repeat,omitempty"`   // chosen by the caller: again with it, the order that stands is answered
}

// Order is an order. GET /v1/market/orders (buyer's administrators, also with query parameter
// resource), GET /v1/market/sales (the merchant's staff).
type Order struct {
	ID           string     `json:"id"`
	Organisation string     `json:"organisation"`
	Type         string     `json:"type"`
	Line         string     `json:"line"`
	Spec         string     `json:"spec"`
	Product      string     `json:"product"`
	Merchant     string     `json:"merchant"`
	Amount       int        `json:"amount"`
	Periods      int        `json:"periods,omitempty"`
	Resource     string     `json:"resource"`
	Expire       *time.Time `json:"expire,omitempty"`
	State        string     `json:"state"`            // processing, done, failed
	Reason       string     `json:"reason,omitempty"` // why it failed: a result code of the merchant, time, released
	Undoes       string     `json:"undoes,omitempty"`
	Created      time.Time  `json:"created"`
}

// Orders answers the lists of orders.
type Orders struct {
	Orders []Order `json:"orders"`
}

// Resource is what an order became. GET /v1/market/resources, GET /v1/market/resources/{id} (buyer's
// administrators), GET /v1/market/deliveries (the merchant's staff: those that are being delivered).
type Resource struct {
	ID           string     `json:"id"` // for licences also the licence instance's
	Organisation string     `json:"organisation"`
	Product      string     `json:"product"`
	Merchant     string     `json:"merchant"`
	Kind         string     `json:"kind"`
	Spec         string     `json:"spec"`
	Instance     string     `json:"instance,omitempty"` // the merchant's instanceId
	Order        string     `json:"order"`
	InForce      string     `json:"inForce"`           // order whose amount and dates count
	Pending      string     `json:"pending,omitempty"` // order that is not settled
	Charging     string     `json:"charging"`
	Trial        bool       `json:"trial,omitempty"`
	Amount       int        `json:"amount"`
	State        string     `json:"state"` // ordered, delivering, active, frozen, releasing, released, unobtainable
	From         time.Time  `json:"from"`
	Until        *time.Time `json:"until,omitempty"`
	FrozenAt     *time.Time `json:"frozenAt,omitempty"`
	Delivery     *Delivery  `json:"delivery,omitempty"` // of a supervised order
	Created      time.Time  `json:"created"`
}

// Delivery is where a supervised order stands.
type Delivery struct {
	State           string    `json:"state"` // submitted (the buyer's turn), confirm, deliver (the merchant's), accept (the buyer's), done
	Since           time.Time `json:"since"`
	Rejected        int       `json:"rejected"`
	Requirement     string    `json:"requirement,omitempty"`
	Proof           string    `json:"proof,omitempty"`
	Reason          string    `json:"reason,omitempty"` // of the last rejection
	BuyerAppeals    bool      `json:"buyerAppeals"`     // may appeal now
	MerchantAppeals bool      `json:"merchantAppeals"`
}

// Resources answers the lists of resources.
type Resources struct {
	Resources []Resource `json:"resources"`
}

// DeliveryText is POST /v1/market/resources/{id}/requirement (buyer) and POST
// /v1/market/deliveries/{id}/proof (merchant): 1 to 4096 characters.
type DeliveryText struct {
	Text string `json:"text"`
}

// DeliveryVerdict is POST /v1/market/resources/{id}/acceptance (buyer) and POST
// /v1/market/deliveries/{id}/confirmation (merchant). A no has a reason, a yes has none.
type DeliveryVerdict struct {
	Accepted bool   `json:"accepted"`
	Reason   string `json:"reason,omitempty"` // 1 to 1024 characters
}

// MerchantCall is a call to the merchant. GET /v1/market/calls (also with query parameters state
// and subject), GET /v1/market/calls/{id}, POST /v1/market/calls/{id}/restart: "send again", for one that has failed.
type MerchantCall struct {
	ID       string     `json:"id"`
	Product  string     `json:"product"`
	Activity string     `json:"activity"`
	Subject  string     `json:"subject"` // resource, order, application or code
	Body     string     `json:"body"`    // of the request; a newInstance has another businessId on each attempt
	State    string     `json:"state"`   // waiting, done, failed, stopped
	Attempts int        `json:"attempts"`
	Created  time.Time  `json:"created"`
	Next     *time.Time `json:"next,omitempty"`
	End      time.Time  `json:"end"`
	Last     *time.Time `json:"last,omitempty"`   // attempt
	Status   int        `json:"status,omitempty"` // HTTP status of the last answer
	Result   string     `json:"result,omitempty"` // result code of the last answer
	Error    string     `json:"error,omitempty"`  // what is wrong with it, one English sentence
}

// MerchantCalls answers GET /v1/market/calls.
type MerchantCalls struct {
	Calls []MerchantCall `json:"calls"`
}

// Notice tells a merchant of something; the same thing again is counted. GET /v1/market/notices.
type Notice struct {
	ID       string            `json:"id"`
	Category string            `json:"category"` // 501, 101, renewal
	Event    string            `json:"event"`    // call.failing, call.given_up, order.failed, resource.renewed, resource.released, delivery.waiting
	Params   map[string]string `json:"params"`
	Count    int               `json:"count"`
	Time     time.Time         `json:"time"`
	Read     *time.Time        `json:"read,omitempty"`
}

// Notices answers GET /v1/market/notices.
type Notices struct {
	Notices []Notice `json:"notices"`
}

// ReadNotices is POST /v1/market/notices/read: at most 100 ids.
type ReadNotices struct {
	IDs []string `json:"ids"`
}
