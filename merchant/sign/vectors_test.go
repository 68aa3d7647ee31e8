package sign

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The vectors' key, nonce and time: invented, because the marketplace publishes none.
const (
	vectorKey   = "d0f1c2b3-a495-4687-9807-162534435261"
	vectorNonce = "50D83FDECAED6CCD8EF597F2A577950527928BA287D04E6036E92B2806FD17DA"
	vectorTime  = "1680508066618"
)

var vectorAt = time.UnixMilli(1680508066618)

// T1 is the marketplace's own; T2 is of a public client of this interface.
func TestVectorsOfRequests(t *testing.T) {
	guide := KeyPair{"QTWAOYTTINDUT2QVKYUC", "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc"}
	const api = "https://mkt.example.test/api/mkp-openapi-public/global/v1/"
	for _, tt := range []struct {
		name, method, url, date, body string
		pair                          KeyPair
		more                          map[string]string
		hash, signature               string
	}{
		{"T1", "GET", "https://service.region.example.com/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs?limit=2&marker=13551d6b-755d-4757-b956-536f674975c0",
			"20191115T033655Z", "", guide, nil,
			"b25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a", "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe"},
		{"T2", "POST", "https://mkt.myhuaweicloud.com/api/mkp-openapi-public/global/v1/license/activate",
			"20240317T144237Z", "", KeyPair{"test", "123"}, map[string]string{"x-stage": "RELEASE"},
			"9a33b07351104f6c775075faa7dc0db58ec18bc532feaa8fd0b8fcf7990b1a9e", "77595ad624b6e4e49990b8c4e84bf1c287457fca61069c4e60b9b6765b52053d"},
		{"T3 order query", "GET", api + "order/query?orderId=CS2207261447AUY4H&orderLineId=CS2207261447AUY4H-000001",
			"20240102T030405Z", "", guide, nil,
			"90ac2237e3c982a0ed077b54f8cfa60b9d73bd08c53892f26295a6a9b1d92649", "8760c61640ae74badcc861968b4b040928ada446b9be2eccfda699c8aeb30b5a"},
		{"T3 activation", "POST", api + "license/activate",
			"20240102T030405Z", `{"license":"PLXXXXXX"}`, guide, nil,
			"9856986275ecb88a1cefa006a8fb93a274eff76cdb5cb92fe23c85015cdf3582", "7e18197ffd2ebbeca66510b61df72aea7265307337ce2904e92dd083f7a4a79b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequest(tt.method, tt.url, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			names := []string{"Host", "Content-Type"}
			for name, value := range tt.more {
				r.Header.Set(name, value)
				names = append(names, name)
			}
			at, err := time.Parse(dateForm, tt.date)
			if err != nil {
				t.Fatal(err)
			}
			payload := PayloadHash([]byte(tt.body))
			if err := SignRequest(r, tt.pair, payload, at, names...); err != nil {
				t.Fatal(err)
			}
			if got := r.Header.Get("Authorization"); !strings.HasSuffix(got, "Signature="+tt.signature) {
				t.Errorf("got %s", got)
			}
			_, signed, _, err := ParseAuthorization(r.Header.Values("Authorization"))
			if err != nil {
				t.Fatal(err)
			}
			text, err := canonical(r, signed, payload)
			if got := PayloadHash([]byte(text)); err != nil || got != tt.hash {
				t.Errorf("hash of the canonical request: got %s, %v of\n%s", got, err, text)
			}
			in, err := VerifyRequest(r, func(string) (string, error) { return tt.pair.Secret, nil }, at)
			if err != nil {
				t.Fatal(err)
			}
			if err := in.CheckBody(payload); err != nil {
				t.Error(err)
			}
		})
	}
	if got := PayloadHash([]byte(`{"license":"PLXXXXXX"}`)); got != "3e414c5e8434e4efeb16b0ab2d599390f9d7d358f943193cf068fe17b865ace3" {
		t.Errorf("T3: hash of the body: got %s", got)
	}
}

func TestVectorsOfProductionCalls(t *testing.T) {
	for _, tt := range []struct{ name, body, inner, signature string }{
		{"T4 newInstance", `{"activity":"newInstance","businessId":"87b94795-0603-4e24-8ae5-69420d60e3c8","orderId":"CS2211181819B4LVS","orderLineId":"CS2211181819B4LVS-000001","testFlag":"1"}`,
			"037389b2987aaf2aa6b81ff0935055bee561afcdf6a8dec673e0cb238fb70fb0", "79f0059a6b10807578d2aaee5f22f0e945ae5e1e5f83cacf84ab73c0e850ca5b"},
		{"T5 getLicenseAsync", `{"activity":"getLicenseAsync","eventId":"87b94795-0603-4e24-8ae5-69420d60e3c8","instanceId":"10e758d0-31ad-4c4b-8f1b-81d03469a10e","effectiveTime":"2023-10-27 10:30:15 z","expireTime":"2024-10-27 10:30:15 z","deviceFingerprint":"04:7C:16:5E:E3:5D|001B_444A_488B_5CEC.||BFEBFBFF00090672"}`,
			"1e63656013b2e7a25532f8f08a4d8832c781012527784e083e33515872085264", "9d3eb2d4dad632927367fc5af2e8e60ca122c01a5661a7eaeea55b3fd4e4959e"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := hex.EncodeToString(macBytes(vectorKey, []byte(tt.body))); got != tt.inner {
				t.Errorf("inner digest: got %s, want %s", got, tt.inner)
			}
			if got := Production(vectorKey, vectorNonce, vectorTime, []byte(tt.body)); got != tt.signature {
				t.Errorf("signature: got %s, want %s", got, tt.signature)
			}
			query := SignProduction(vectorKey, vectorNonce, vectorAt, []byte(tt.body))
			if got := query.Get(ParamSignature); got != tt.signature || query.Get(ParamTimestamp) != vectorTime {
				t.Errorf("query: got %v", query)
			}
			if _, err := VerifyProduction(vectorKey, query, []byte(tt.body), vectorAt); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestVectorOfBodySign(t *testing.T) {
	body := []byte(`{"resultCode":"000000","resultMsg":"success."}`)
	const want = `sign_type="HMAC-SHA256", signature= "FQzN51i4njkI8hUtdRWnlgH2yOXQ3LEKXRth2lR/SLw="` // T6
	if got := BodySign(vectorKey, body); got != want {
		t.Errorf("got %s", got)
	}
	if err := VerifyBodySign(vectorKey, want, body); err != nil {
		t.Error(err)
	}
}

func TestVectorOfTheKit(t *testing.T) {
	body := []byte(`{"flag":1,"testFlag":0}`)
	const want = "0b172860e20bc2ad81ff75e9ca16b7acae72ba210249b75c4417c459ac98a519" // T7
	header := http.Header{}
	SignKit(header, vectorKey, vectorNonce, vectorAt, body)
	if got := header.Get("x-sign"); got != want || header.Get("x-timestamp") != vectorTime || header.Get("x-nonce") != vectorNonce {
		t.Errorf("got %v", header)
	}
	if _, err := VerifyKit(vectorKey, header, body, vectorAt); err != nil {
		t.Error(err)
	}
}

func TestVectorOfAuthToken(t *testing.T) {
	values := url.Values{"orderId": {"CS1"}, "timeStamp": {"20230327065233980"}, "activity": {"getLicense"}}
	const want = "WSqWnE+NMDZpK2GS2aGqbbXhC5PRFUG63eJA4kUh56E=" // T8a
	if got, err := Token(vectorKey, values, TokenQuery); err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
	at, err := VerifyToken(vectorKey, want, values, TokenQuery)
	if err != nil || !at.Equal(time.Date(2023, 3, 27, 6, 52, 33, 980e6, time.UTC)) {
		t.Errorf("got %s, %v", at, err)
	}
}

func TestVectorOfUsage(t *testing.T) {
	body := []byte(`{"usage_records":[]}`)
	const want = "0mWCA6IyTOScfXfoZSuGFkr1O2cL5pdZirikWNwGTTM=" // T8b
	header := http.Header{}
	at := time.UnixMilli(1709690865879)
	SignUsage(header, vectorKey, "6c63c221-1f6b-4141-8ff4-22f5dfe82b65", at, body)
	if got := header.Get("signature"); got != want || header.Get("ts") != "1709690865879" {
		t.Errorf("got %v", header)
	}
	if _, err := VerifyUsage(vectorKey, header, body, at); err != nil {
		t.Error(err)
	}
}

// T9 was checked on a Java 17 runtime.
func TestVectorsOfFields(t *testing.T) {
	for _, tt := range []struct {
		name       string
		kind       FieldCipher
		key, field string
	}{
		{"T9 type 1", AES256, "6afed360cffa4288afa93209f533abc2f86d8730ee09731b7bb5360a56537f03", "0123456789abcdeffQQFWPwgk6gk9KZYftACMg=="},
		{"T9 type 2", AES128, "6afed360cffa4288afa93209f533abc2", "0123456789abcdefq56D+SV/5/91ZvKcN/0nDQ=="},
		{"no type is type 1", "", "6afed360cffa4288afa93209f533abc2f86d8730ee09731b7bb5360a56537f03", "0123456789abcdeffQQFWPwgk6gk9KZYftACMg=="},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := hex.EncodeToString(sha1prng([]byte(vectorKey), len(tt.key)/2)); got != tt.key {
				t.Errorf("key: got %s, want %s", got, tt.key)
			}
			if got, err := EncryptField(vectorKey, tt.kind, "0123456789abcdef", "admin"); err != nil || got != tt.field {
				t.Errorf("got %s, %v", got, err)
			}
			if got, err := DecryptField(vectorKey, tt.kind, tt.field); err != nil || got != "admin" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}
