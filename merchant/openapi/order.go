package openapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Order asks for an order, or one line of it when lineID is not "" (marketplace: order query). An
// error is an *Error.
func (c *Client) Order(ctx context.Context, orderID, lineID string) (*wire.OrderInfo, error) {
	if err := (wire.OrderQuery{OrderID: orderID, OrderLineID: lineID}).Check(); err != nil {
		return nil, refuse(callOrder, err)
	}
	query := url.Values{"orderId": {orderID}}
	if lineID != "" {
		query.Set("orderLineId", lineID)
	}
	body, failed := c.do(ctx, callOrder, message{target: callOrder.path + "?" + query.Encode()})
	if failed != nil {
		return nil, failed
	}
	info, failed := readOrder(body, orderID)
	if failed != nil {
		return nil, failed
	}
	return info, nil
}

func readOrder(body []byte, orderID string) (*wire.OrderInfo, *Error) {
	var a wire.OrderAnswer
	if err := json.Unmarshal(body, &a); err != nil || a.OrderInfo == nil {
		return nil, unusable(callOrder, body, "no order in it")
	}
	// What id the answer to a mock order bears is printed nowhere.
	if a.OrderInfo.OrderID != orderID && !strings.HasPrefix(orderID, "MOCK") {
		return nil, unusable(callOrder, body, "another order in it")
	}
	return a.OrderInfo, nil
}

// unusable is a success whose content is not there. It is not repeated: it would come again.
func unusable(k call, body []byte, why string) *Error {
	return &Error{Call: k.name, HTTP: 200, Step: wire.StepAsk, Maybe: true, Body: body, cause: fmt.Errorf("%w: %s", ErrAnswer, why)}
}
