package members

import (
	"context"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
)

// Setup is the first administrator as someone typed it, with the one-time code that the cloud has printed.
type Setup struct {
	Code, Organisation      string
	Account, Name, Password string
	Now                     time.Time
}

// Setup makes the first administrator and its organisation, which runs the cloud. Refusals: invalid_argument
// with param member, setup_done, wrong_credentials (the code is wrong, used or ended).
func (r *Room) Setup(ctx context.Context, in Setup) (meta.Account, error) {
	if err := Text("organisation", in.Organisation, 1, MaxDisplay); err != nil {
		return meta.Account{}, err
	}
	acc, err := r.Account(ctx, Candidate{Account: in.Account, Name: in.Name, Password: in.Password, Role: meta.RoleAdmin})
	if err != nil {
		return meta.Account{}, err
	}
	acc.Org, acc.OrgName, acc.Created = meta.NewID("org"), in.Organisation, meta.Stamp(in.Now)
	who := meta.Who{Account: acc.Account, Org: acc.Org, Now: in.Now}
	return acc, r.store.Setup(ctx, meta.Bootstrap{Code: meta.HashOf(NormalCode(in.Code)), Account: acc, Now: in.Now,
		Why: why(who, "setup", "organisation", in.Organisation)})
}

// maxCode bounds what is hashed; a code has 23 characters.
const maxCode = 128

// NormalCode is the one-time code as it is hashed: people type it from a terminal.
func NormalCode(code string) string {
	if len(code) > maxCode {
		return ""
	}
	return strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(code))
}
