package httpapi

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// transferTime is how long a pack or manifest may take to arrive: 32 MiB over a line of
// half a megabit a second.
const transferTime = 10 * time.Minute

// transferRoutes: the token for one operation, and everything that it opens.
func (a *API) transferRoutes() []Route {
	space := "/v1/spaces/{space}"
	return []Route{
		{Pattern: "POST " + space + "/transfer", Need: OfUser, Permit: a.inSpace(cloudapi.RoleViewer), Handle: a.postTransfer},
		{Pattern: "POST " + space + "/chunks/missing", Need: OfTransferWrite, Permit: a.inScope, Handle: a.postMissing},
		{Pattern: "POST " + space + "/chunks/locate", Need: OfTransfer, Permit: a.inScope, Handle: a.postLocate},
		{Pattern: "PUT " + space + "/packs/{sum}", Need: OfTransferWrite, Permit: a.inScope, MaxBody: cloudapi.MaxPack, Time: transferTime, Handle: a.putPack},
		{Pattern: "GET " + space + "/packs/{sum}", Need: OfTransfer, Permit: a.inScope, Handle: a.getPack},
		{Pattern: "PUT " + space + "/manifests/{sum}", Need: OfTransferWrite, Permit: a.inScope, MaxBody: cloudapi.MaxManifest, Time: transferTime, Handle: a.putManifest},
		{Pattern: "GET " + space + "/manifests/{sum}", Need: OfTransfer, Permit: a.inScope, Handle: a.getManifest},
		{Pattern: "POST " + space + "/commits", Need: OfTransferWrite, Permit: a.inScopeOrEnded, Handle: a.postCommit},
	}
}

func (a *API) postTransfer(c *Call) error {
	var in cloudapi.NewTransfer
	if err := c.Decode(&in); err != nil {
		return err
	}
	write := in.Mode == "write"
	switch {
	case !write && in.Mode != "read":
		return Invalid("mode", "the mode is neither read nor write")
	case !validOperation(in.Operation):
		return Invalid("operation", "the operation has 16 to 64 letters, digits, dots, dashes or underlines")
	case !write && in.Object == "":
		return Invalid("object", "reading needs an object")
	}
	scope := Scope{Space: c.Path("space"), Mode: in.Mode, Operation: in.Operation, Object: in.Object}
	if _, err := a.c.Store.Permit(c.Context(), who(c), scope.meta()); err != nil {
		return err
	}
	secret, t := mint(meta.KindTransfer, c.Now, transferLife)
	t.Account, t.Device, t.Family = c.User.Account, who(c).Device, c.User.Family
	var err error
	if t.Scope, err = json.Marshal(scope); err != nil {
		return fmt.Errorf("write token's scope: %w", err)
	}
	if err := a.c.Store.AddToken(c.Context(), t); err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, cloudapi.TransferToken{Token: secret, Expires: t.Expires})
}

func (s Scope) meta() meta.Scope {
	return meta.Scope{Space: s.Space, Write: s.Mode == "write", Operation: s.Operation, Object: s.Object}
}

// validOperation: long enough that nobody hits another's by chance, plain enough for every log.
func validOperation(s string) bool {
	if len(s) < 16 || len(s) > 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// inScope holds a transfer token to its space, to its owner's role as it is now, and to the
// time before its commit.
func (a *API) inScope(c *Call) error {
	ended, err := a.scope(c)
	if err == nil && ended {
		err = meta.Refuse(cloudapi.ErrForbidden, "the operation has its commit; its token is used up")
	}
	return err
}

// inScopeOrEnded is for the commit, which may be repeated.
func (a *API) inScopeOrEnded(c *Call) error {
	_, err := a.scope(c)
	return err
}

func (a *API) scope(c *Call) (ended bool, err error) {
	if c.Path("space") != c.Transfer.Space {
		return false, meta.Refuse(cloudapi.ErrForbidden, "the token is for another space")
	}
	return a.c.Store.Permit(c.Context(), who(c), c.Transfer.meta())
}

func (a *API) postMissing(c *Call) error {
	ids, err := askedIDs(c)
	if err != nil {
		return err
	}
	missing, err := a.c.Store.Missing(c.Context(), c.Transfer.Space, ids)
	if err != nil {
		return err
	}
	out := cloudapi.Chunks{IDs: make([]string, len(missing))}
	for i, id := range missing {
		out.IDs[i] = hex.EncodeToString(id[:])
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) postLocate(c *Call) error {
	ids, err := askedIDs(c)
	if err != nil {
		return err
	}
	found, err := a.c.Store.Locate(c.Context(), c.Transfer.Space, c.Transfer.Object, ids)
	if err != nil {
		return err
	}
	out := cloudapi.Locations{Locations: make([]cloudapi.Location, len(found))}
	for i, l := range found {
		out.Locations[i] = cloudapi.Location{ID: hex.EncodeToString(l.ID[:]), Pack: hex.EncodeToString(l.Pack[:]),
			Offset: l.Offset, Stored: l.Stored, Size: l.Size}
	}
	return c.JSON(http.StatusOK, out)
}

func askedIDs(c *Call) ([]meta.Hash, error) {
	var in cloudapi.Chunks
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	if len(in.IDs) > cloudapi.MaxAskMissing {
		return nil, Invalid("ids", "too many ids in one call")
	}
	ids := make([]meta.Hash, len(in.IDs))
	for i, s := range in.IDs {
		id, err := chunk.ParseID(s)
		if err != nil {
			return nil, Invalid("ids", "an id is not 64 lower-case hex digits")
		}
		ids[i] = meta.Hash(id)
	}
	return ids, nil
}

func (a *API) postCommit(c *Call) error {
	var in cloudapi.Commit
	if err := c.Decode(&in); err != nil {
		return err
	}
	if in.Operation != c.Transfer.Operation {
		return meta.Refuse(cloudapi.ErrForbidden, "the token is for another operation")
	}
	sum, err := chunk.ParseID(in.Manifest)
	switch {
	case err != nil:
		return Invalid("manifest", "the manifest is not 64 lower-case hex digits")
	case in.Base < 0 || in.Fence < 0:
		return Invalid("base", "base and fence are numbers from 0 up")
	case in.Object != "" && (in.Folder != "" || in.Name != "" || in.Kind != "" || in.Checkout):
		return Invalid("object", "a commit replaces an object or makes a new one, not both")
	}
	commit := meta.Commit{Manifest: meta.Hash(sum), Object: in.Object, Base: in.Base, Fence: in.Fence,
		Folder: in.Folder, Name: in.Name, Kind: in.Kind}
	if in.Checkout {
		commit.Until = c.Now.Add(meta.DefaultCheckout)
	}
	c.unhurried() // the chunks of a large manifest take their time
	done, err := a.c.Files.Commit(c.Context(), who(c), c.Transfer.meta(), commit)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, cloudapi.Committed{Object: done.Object, Version: done.Version, Checkout: checkoutOf(done.Checkout)})
}
