package openapi

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// mockOrder is one of the nine orders that debugging calls name (marketplace: mock orders). They are the same
// for every merchant and never change: a case that was saved once is replayed as long as the product is on sale,
// so their end lies where no replay arrives. The spellings (MONTY) are the marketplace's.
func mockOrder(id string) (*wire.OrderInfo, bool) {
	kind, charging, period, number := "", meta.ChargePeriod, "", 0
	switch id {
	case "MOCKPERIODYEARNEW":
		kind, period, number = meta.OrderNew, "year", 1
	case "MOCKONETIMENEW":
		kind, charging = meta.OrderNew, meta.ChargeOnce
	case "MOCKONDEMAND":
		kind, charging = meta.OrderNew, meta.ChargeOnDemand
	case "MOCKONDEMANDPKG":
		kind, charging = meta.OrderNew, meta.ChargePackage
	case "MOCKPERIODDAYTRIAL":
		kind, period, number = meta.OrderTrial, "day", 30
	case "MOCKMONTYTRIALTOFORMAL":
		kind, period, number = meta.OrderTrialToFormal, "month", 1
	case "MOCKMONTYUNSUBSCRIBE":
		kind, period, number = meta.OrderUnsubscribe, "month", 1
	case "MOCKMONTYRENEW":
		kind, period, number = meta.OrderRenew, "month", 1
	case "MOCKMONTYCHANGE":
		kind, period, number = meta.OrderChange, "month", 1
	default:
		return nil, false
	}
	line := orderLine(id+"-000001", charging, 10, "OFFI758576253042421760", "da9b4d34-ee8a-4355-a823-13e034e49986", "SaaS测试商品,测试规格,基础版")
	if charging == meta.ChargePeriod {
		line.PeriodType, line.PeriodNumber = period, number
		line.ExpireTime = wire.FormatTime(time.Date(2099, 12, 31, 15, 59, 59, 0, time.UTC))
	}
	return orderOf(id, kind, time.Date(2022, 7, 26, 6, 47, 36, 0, time.UTC), line, &wire.OrderBuyer{CustomerID: "MOCKCUSTOMER", CustomerName: "mock"}), true
}

// orderLine is a line with its one product. amount is the linear value: seats, or licences in a term.
func orderLine(id, charging string, amount int, productID, sku, name string) wire.OrderLine {
	return wire.OrderLine{OrderLineID: id, ChargingMode: charging, ProductInfo: []wire.Product{{ProductID: productID, SKUCode: sku,
		LinearValue: json.Number(strconv.Itoa(amount)), ProductName: name}}}
}
