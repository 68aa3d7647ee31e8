package sdk_test

import (
	"context"
	"fmt"
	"log"

	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/api"
	"github.com/iscdesk/iscdesk/sdk/browser"
)

// The life of an application: licence, open, save.
func Example() {
	ctx := context.Background()
	client, err := sdk.Init(ctx, sdk.Options{Product: "minicad", Language: "en", OpenURL: browser.Open})
	if err != nil {
		log.Fatal(err) // one sentence and a code: show it to the user
	}
	defer client.ShutOut()

	if _, err := client.GetLicenseStringRequest(ctx, ""); err != nil {
		log.Fatal(err)
	}
	if _, err := client.OpenCloudFile(ctx); err != nil {
		log.Fatal(err)
	}
	for e := range client.Events() {
		p := e.Envelope.Params
		switch e.Type {
		case api.EventLicenseVerify:
			ok := p["Status"] == api.StatusSuccess // and the licence's own signature is right
			_ = client.LicenseVerifyNotify(ctx, ok, p[api.ParamReason])
		case api.EventOpenResult:
			fmt.Println("opened", p["mainFile"])
			_, _ = client.Save(ctx, p["mainFile"], p["assembly"] == "true")
		case api.EventSaveResult:
			fmt.Println(p[api.ParamStatus], p[api.ParamReason])
			return
		}
	}
}
