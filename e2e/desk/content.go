//go:build linux

package desk

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
)

// Versions of an object, newest first, all of them.
func (a *Account) Versions(ctx context.Context, object string) ([]cloudapi.Version, error) {
	var all []cloudapi.Version
	for before := ""; ; {
		path := "/v1/objects/" + url.PathEscape(object) + "/versions"
		if before != "" {
			path += "?before=" + before
		}
		var page cloudapi.Versions
		if err := a.call(ctx, "GET", path, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Versions...)
		if len(page.Versions) == 0 || page.Versions[len(page.Versions)-1].Number == 1 {
			return all, nil
		}
		before = strconv.FormatInt(page.Versions[len(page.Versions)-1].Number, 10)
	}
}

// Content reads every file of a version straight from the cloud, with none of the
// worker's code: path below the object, to bytes.
func (a *Account) Content(ctx context.Context, space, object string, v cloudapi.Version) (map[string][]byte, error) {
	var token cloudapi.TransferToken
	ask := cloudapi.NewTransfer{Mode: "read", Operation: "checker-of-the-e2e-tests", Object: object}
	if err := a.call(ctx, "POST", "/v1/spaces/"+space+"/transfer", ask, &token); err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	_, err := a.http.Do(ctx, cloudhttp.Request{Method: "GET", Path: "/v1/spaces/" + space + "/manifests/" + v.Manifest,
		Token: token.Token, Into: &raw, Max: cloudapi.MaxManifest})
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	m, err := chunk.DecodeManifest(raw.Bytes())
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, f := range m.Files {
		var content bytes.Buffer
		for _, ref := range f.Chunks {
			plain, err := a.chunk(ctx, token.Token, space, ref)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Path, err)
			}
			content.Write(plain)
		}
		files[f.Path] = content.Bytes()
	}
	return files, nil
}

func (a *Account) chunk(ctx context.Context, token, space string, ref chunk.Ref) ([]byte, error) {
	var at cloudapi.Locations
	_, err := a.http.Do(ctx, cloudhttp.Request{Method: "POST", Path: "/v1/spaces/" + space + "/chunks/locate", Token: token,
		JSON: cloudapi.Chunks{IDs: []string{ref.ID.String()}}, Result: &at, Repeat: true})
	if err != nil {
		return nil, fmt.Errorf("locate %s: %w", ref.ID, err)
	}
	if len(at.Locations) != 1 {
		return nil, fmt.Errorf("locate %s: %d locations", ref.ID, len(at.Locations))
	}
	l := at.Locations[0]
	var stored bytes.Buffer
	_, err = a.http.Do(ctx, cloudhttp.Request{Method: "GET", Path: "/v1/spaces/" + space + "/packs/" + l.Pack, Token: token,
		Header: http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", l.Offset, l.Offset+l.Stored-1)}}, Into: &stored, Max: l.Stored})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", ref.ID, err)
	}
	return chunk.UnpackInto(nil, stored.Bytes(), l.Size, ref.ID)
}
