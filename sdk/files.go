package sdk

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// OpenCloudFile lets the user choose a cloud file in the picker page, which is
// opened through Options.OpenURL. The end is EVENT_OPENCLOUDFILE_RESULT or
// EVENT_OPEN_CANCELLED.
func (c *Client) OpenCloudFile(ctx context.Context) (api.Started, error) {
	return c.start(ctx, api.MethodPick, api.Pick{})
}

// Save stores a workspace file as the next version of the object it was opened
// from. path is absolute; for an assembly it is the folder. The end is
// EVENT_SAVE_RESULT. The application must have saved its document to path.
func (c *Client) Save(ctx context.Context, path string, assembly bool) (api.Operation, error) {
	if err := checkPath(path); err != nil {
		return 0, c.refusal(err)
	}
	s, err := c.start(ctx, api.MethodSave, api.Save{Path: path, Assembly: assembly})
	return s.Operation, err
}

// SelectSaveAsPath lets the user choose a place in the cloud, in a page, and
// stores the local file or assembly folder there as a new object. The end is
// EVENT_SAVE_RESULT.
func (c *Client) SelectSaveAsPath(ctx context.Context, path string, assembly bool) (api.Started, error) {
	if err := checkPath(path); err != nil {
		return api.Started{}, c.refusal(err)
	}
	return c.start(ctx, api.MethodSaveAs, api.Save{Path: path, Assembly: assembly})
}

// Spaces lists the drive spaces that the signed-in user may see.
func (c *Client) Spaces(ctx context.Context) ([]api.Space, error) {
	var r api.Spaces
	err := c.call(ctx, api.MethodSpaces, api.None{}, &r)
	return r.Spaces, err
}

// List returns one page of a folder; go on with After set to the answer's Next.
func (c *Client) List(ctx context.Context, l api.List) (api.Listing, error) {
	if err := firstOf(checkID("space", l.Space), checkText("folder", l.Folder, api.MaxText),
		checkText("after", l.After, api.MaxText)); err != nil {
		return api.Listing{}, c.refusal(err)
	}
	var r api.Listing
	err := c.call(ctx, api.MethodList, l, &r)
	return r, err
}

// Versions lists the versions of an object, newest first.
func (c *Client) Versions(ctx context.Context, object string) ([]api.Version, error) {
	if err := checkID("object", object); err != nil {
		return nil, c.refusal(err)
	}
	var r api.Versions
	err := c.call(ctx, api.MethodVersions, api.ObjectRef{Object: object}, &r)
	return r.Versions, err
}

// OpenObject fetches an object into the workspace without a page, for
// applications that draw their own dialog. The end is EVENT_OPENCLOUDFILE_RESULT.
func (c *Client) OpenObject(ctx context.Context, o api.Open) (api.Operation, error) {
	if err := checkID("object", o.Object); err != nil {
		return 0, c.refusal(err)
	}
	s, err := c.start(ctx, api.MethodOpen, o)
	return s.Operation, err
}

// SaveTo stores a local file or assembly folder as a new object, without a
// page. The end is EVENT_SAVE_RESULT.
func (c *Client) SaveTo(ctx context.Context, s api.SaveTo) (api.Operation, error) {
	if err := firstOf(checkPath(s.Path), checkID("space", s.Space), checkText("folder", s.Folder, api.MaxText),
		checkText("name", s.Name, api.MaxText)); err != nil {
		return 0, c.refusal(err)
	}
	r, err := c.start(ctx, api.MethodSaveTo, s)
	return r.Operation, err
}

// Checkin gives a check-out back without saving; one of Path and Object is set.
func (c *Client) Checkin(ctx context.Context, r api.Checkin) error {
	err := firstOf(checkText("path", r.Path, api.MaxPath), checkText("object", r.Object, api.MaxText))
	if err == nil && (r.Path == "") == (r.Object == "") {
		err = &api.Error{Code: api.InvalidArgument, Detail: "exactly one of path and object must be given"}
	}
	if err == nil && r.Path != "" {
		err = checkPath(r.Path)
	}
	if err != nil {
		return c.refusal(err)
	}
	return c.call(ctx, api.MethodCheckin, r, nil)
}

// show has a page opened on the application's side, or tells its address in
// EVENT_PAGE when that cannot be.
func (c *Client) show(s api.Started, r request) {
	if c.opt.OpenURL != nil && c.opt.OpenURL(s.URL) == nil {
		return
	}
	purpose := "pick"
	switch r.method {
	case api.MethodSaveAs:
		purpose = "saveAs"
	case api.MethodAuthPage:
		purpose = "signIn"
	}
	c.queue.force(r.made(c.clock.Now(), api.EventPage, api.OperatePage, s.Operation,
		map[string]string{"url": s.URL, "purpose": purpose}))
}

// checkPath refuses a path that would mean something else to the agent: it has
// another working folder.
func checkPath(path string) error {
	if path == "" || !filepath.IsAbs(path) {
		return &api.Error{Code: api.InvalidArgument, Detail: fmt.Sprintf("path %q is not absolute", path)}
	}
	return checkText("path", path, api.MaxPath)
}

func checkID(name, value string) error {
	if value == "" {
		return &api.Error{Code: api.InvalidArgument, Detail: "no " + name}
	}
	return checkText(name, value, api.MaxText)
}
