package main

import (
	"strconv"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// TestExitCodeOfEveryCode has each code of the contract once, below the number that
// scripts were told in the help: neither may move in silence.
func TestExitCodeOfEveryCode(t *testing.T) {
	want := map[api.Code]int{}
	for exit, codes := range map[int]string{
		0: "0",
		1: "-2 -5 -6 -7 -9 -10 -11 -12 -13 -24 -55 -56 -68 -80 -81 -82 -83 -84 -85 -86",
		2: "-1 -8",
		3: "-20 -21 -22 -23",
		4: "-30 -31 -32",
		5: "-33 -34 -35 -36 -50 -51 -52 -53 -54 -60 -61 -62 -63 -64 -65 -66 -67 -70 -71 -72 -73 -74 -75",
		6: "-40 -41 -42 -43 -44",
		7: "-3 -57",
		8: "-4",
	} {
		for _, text := range strings.Fields(codes) {
			code, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			want[api.Code(code)] = exit
		}
	}
	for _, code := range api.Codes() {
		exit, listed := want[code]
		if got := exitCode(code); !listed || got != exit {
			t.Errorf("%d %s ends with %d; want %d (in the table: %v)", code, api.Name(code), got, exit, listed)
		}
		delete(want, code)
	}
	for code := range want {
		t.Errorf("%d is no code", code)
	}
}
