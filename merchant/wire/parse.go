package wire

// Table is the table of a production request, activity and testFlag included; nil for an
// activity that does not exist. Callers do not change it.
func Table(activity string) []Field {
	flag := func(fields ...Field) []Field {
		return append(fields, Field{Name: "testFlag", Max: 2, Values: []string{TestNo, TestYes}})
	}
	name := func(most int) Field {
		return Field{Name: "activity", Required: true, Max: most, Values: []string{activity}}
	}
	status := Field{Name: "status", Required: true, Max: 32, Values: []string{StatusFreeze, StatusUnfreeze}}
	expire := Field{Name: "expireTime", Required: true, Max: 20, Kind: Time}
	switch activity {
	case ActivityNewInstance:
		return flag(name(20), must("orderId"), must("orderLineId"), must("businessId"))
	case ActivityQueryInstance:
		// The page gives 100 for a list of at most 100 ids of 64 characters each: read as the number of ids.
		return flag(name(32), Field{Name: "instanceId", Required: true, Max: 64, Kind: IDs, MaxItems: 100})
	case ActivityRefreshInstance:
		scene := Field{Name: "scene", Required: true, Max: 64, Values: []string{SceneTrialToFormal, SceneRenewal, SceneUndoRenewal, SceneRenewalChange}}
		return flag(name(20), scene, must("orderId"), must("orderLineId"), must("instanceId"), may("productId"), expire)
	case ActivityUpdateInstanceStatus:
		return flag(name(32), must("instanceId"), status)
	case ActivityReleaseInstance:
		return flag(name(32), must("instanceId"), may("orderId"), may("orderLineId"))
	case ActivityUpgradeInstance:
		return flag(name(32), must("instanceId"), must("orderId"), must("orderLineId"))
	case ActivityChangeInstanceCheck:
		return flag(name(32), must("instanceId"), Field{Name: "productInfo", Required: true, Kind: ItemOrItems, MaxItems: 100, Of: []Field{
			must("productId"), may("skuCode"), {Name: "linearValue", Kind: Number, Max: 20}, {Name: "productName", Max: 1024}}})
	case ActivityGetLicenseAsync:
		return flag(name(20), must("instanceId"), Field{Name: "effectiveTime", Required: true, Max: 32, Kind: LicenseTime},
			Field{Name: "expireTime", Max: 32, Kind: LicenseTime}, must("eventId"), Field{Name: "deviceFingerprint", Max: 1024})
	case ActivityOrderNotify:
		// Its page says testFlag is mandatory; a missing one can only mean 0.
		return flag(name(20), must("orderId"), must("orderLineId"))
	case ActivityRefreshLicenseCode:
		scene := Field{Name: "scene", Required: true, Max: 64, Values: []string{SceneRenewal, SceneUndoRenewal}}
		return flag(name(20), scene, must("orderId"), must("orderLineId"), must("license"), may("productId"), expire)
	case ActivityUpdateLicenseCodeStatus:
		return flag(name(32), must("license"), status)
	case ActivityReleaseLicenseCode:
		return flag(name(32), must("license"), may("orderId"), may("orderLineId"))
	}
	return nil
}

// Activities lists the activities of the production interfaces.
func Activities() []string {
	return []string{ActivityNewInstance, ActivityQueryInstance, ActivityRefreshInstance, ActivityUpdateInstanceStatus,
		ActivityReleaseInstance, ActivityUpgradeInstance, ActivityChangeInstanceCheck, ActivityGetLicenseAsync,
		ActivityOrderNotify, ActivityRefreshLicenseCode, ActivityUpdateLicenseCodeStatus, ActivityReleaseLicenseCode}
}

func must(name string) Field { return Field{Name: name, Required: true, Max: 64} }

func may(name string) Field { return Field{Name: name, Max: 64} }

// Parse reads the body of a production request strictly and holds it against its table. The
// error is a *Problem; what it says may be told to the other side.
func Parse(body []byte) (Request, error) {
	o, err := ParseObject(body)
	if err != nil {
		return nil, err
	}
	if err := o.Check([]Field{{Name: "activity", Required: true, Max: 32}}); err != nil {
		return nil, err
	}
	activity := o.Text("activity")
	table := Table(activity)
	if table == nil {
		return nil, &Problem{"activity", "is unknown"}
	}
	if err := o.Check(table); err != nil {
		return nil, err
	}
	return request(activity, o), nil
}

// request moves checked members into their struct.
func request(activity string, o Object) Request {
	flag := Testing{o.Text("testFlag")}
	text := o.Text
	switch activity {
	case ActivityNewInstance:
		return NewInstance{text("businessId"), text("orderId"), text("orderLineId"), flag}
	case ActivityQueryInstance:
		return QueryInstance{text("instanceId"), flag}
	case ActivityRefreshInstance:
		return RefreshInstance{text("expireTime"), text("instanceId"), text("orderId"), text("orderLineId"), text("productId"), text("scene"), flag}
	case ActivityUpdateInstanceStatus:
		return UpdateInstanceStatus{text("instanceId"), text("status"), flag}
	case ActivityReleaseInstance:
		return ReleaseInstance{text("instanceId"), text("orderId"), text("orderLineId"), flag}
	case ActivityUpgradeInstance:
		return UpgradeInstance{text("instanceId"), text("orderId"), text("orderLineId"), flag}
	case ActivityChangeInstanceCheck:
		r := ChangeInstanceCheck{InstanceID: text("instanceId"), Testing: flag}
		for _, p := range o.Items("productInfo") {
			r.ProductInfo = append(r.ProductInfo, Product{p.Text("productId"), p.Text("skuCode"), p.Number("linearValue"), p.Text("productName")})
		}
		return r
	case ActivityGetLicenseAsync:
		return GetLicenseAsync{text("eventId"), text("instanceId"), text("effectiveTime"), text("expireTime"), text("deviceFingerprint"), flag}
	case ActivityOrderNotify:
		return OrderNotify{text("orderId"), text("orderLineId"), flag}
	case ActivityRefreshLicenseCode:
		return RefreshLicenseCode{text("expireTime"), text("license"), text("orderId"), text("orderLineId"), text("productId"), text("scene"), flag}
	case ActivityUpdateLicenseCodeStatus:
		return UpdateLicenseCodeStatus{text("license"), text("status"), flag}
	default: // the caller has looked: nothing else has a table
		return ReleaseLicenseCode{text("license"), text("orderId"), text("orderLineId"), flag}
	}
}
