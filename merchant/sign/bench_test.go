package sign

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

var benchBody = []byte(`{"activity":"getLicenseAsync","eventId":"87b94795-0603-4e24-8ae5-69420d60e3c8","instanceId":"10e758d0-31ad-4c4b-8f1b-81d03469a10e","effectiveTime":"2023-10-27 10:30:15 z","expireTime":"2024-10-27 10:30:15 z"}`)

func BenchmarkSignProduction(b *testing.B) {
	for b.Loop() {
		SignProduction(vectorKey, vectorNonce, vectorAt, benchBody)
	}
}

func BenchmarkVerifyProduction(b *testing.B) {
	query := SignProduction(vectorKey, vectorNonce, vectorAt, benchBody)
	for b.Loop() {
		if _, err := VerifyProduction(vectorKey, query, benchBody, vectorAt); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBodySign(b *testing.B) {
	for b.Loop() {
		BodySign(vectorKey, benchBody)
	}
}

func BenchmarkSignRequest(b *testing.B) {
	r := httptest.NewRequest(http.MethodPost, licenseURL, nil)
	r.Header.Set("Content-Type", "application/json")
	for b.Loop() {
		if err := SignRequest(r, pair, PayloadHash(benchBody), asked); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyRequest(b *testing.B) {
	r := httptest.NewRequest(http.MethodPost, licenseURL, nil)
	r.Header.Set("Content-Type", "application/json")
	if err := SignRequest(r, pair, PayloadHash(benchBody), asked); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		in, err := VerifyRequest(r, secret, asked)
		if err != nil {
			b.Fatal(err)
		}
		if err := in.CheckBody(PayloadHash(benchBody)); err != nil {
			b.Fatal(err)
		}
	}
}
