package openapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"path"
	"strings"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

const maxEvent = 64

// UploadCharacters brings a licence of at most 1024 characters back to the application that eventID
// names (marketplace: string/file upload). It may be called again with the same licence, also after a
// restart: the first upload stands, and the same again is a success. An error is an *Error.
func (c *Client) UploadCharacters(ctx context.Context, eventID, licence string) error {
	return c.upload(ctx, eventID, wire.UploadRequest{Type: wire.UploadCharacters, Characters: licence}, nil)
}

// UploadFile is UploadCharacters for a licence that is a file: its name without a path, at most 1024 characters, and
// its bytes, which with the rest of the request must fit into 12 MB.
func (c *Client) UploadFile(ctx context.Context, eventID, name string, content []byte) error {
	if name == "" || strings.ContainsAny(name, "/\\\x00\r\n") {
		return refuse(callUpload, &wire.Problem{Field: "file_name", Why: "is empty or has a path"})
	}
	if content == nil {
		content = []byte{}
	}
	sum := sha256.Sum256(content)
	return c.upload(ctx, eventID, wire.UploadRequest{Type: wire.UploadFile, FileName: name, SHA256: hex.EncodeToString(sum[:])}, content)
}

func (c *Client) upload(ctx context.Context, eventID string, request wire.UploadRequest, content []byte) error {
	if eventID == "" || len(eventID) > maxEvent {
		return refuse(callUpload, &wire.Problem{Field: "event_id", Why: fmt.Sprintf("is empty or longer than %d characters", maxEvent)})
	}
	if err := request.Check(); err != nil {
		return refuse(callUpload, err)
	}
	body, kind, err := c.multipart(request, content)
	if err != nil {
		return refuse(callUpload, err)
	}
	if len(body) > wire.MaxUpload {
		return refuse(callUpload, &wire.Problem{Field: "file", Why: fmt.Sprintf("is longer than %d bytes with the rest of the request", wire.MaxUpload)})
	}
	payload := sign.Unsigned
	if c.config.Readings.HashUploads || kind == "application/json" {
		payload = sign.PayloadHash(body)
	}
	if _, failed := c.do(ctx, callUpload, message{
		target:  strings.Replace(callUpload.path, "{event_id}", url.PathEscape(eventID), 1),
		kind:    kind,
		body:    body,
		payload: payload,
		timeout: c.config.UploadTimeout,
	}); failed != nil {
		return failed
	}
	return nil
}

// multipart writes the parts as the page's sample shows them: the file first, with that type,
// then the JSON. A licence that is characters has the JSON part alone.
func (c *Client) multipart(request wire.UploadRequest, content []byte) (body []byte, kind string, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part := func(disposition, kind string, content []byte) {
		if err != nil {
			return
		}
		p, e := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {disposition}, "Content-Type": {kind}})
		if err = e; err == nil {
			_, err = p.Write(content)
		}
	}
	if request.Type == wire.UploadFile {
		part(multipart.FileContentDisposition(wire.PartFile, request.FileName), "multipart/form-data", content)
	}
	if c.config.Readings.FileCharacters && request.Type == wire.UploadFile {
		request.Characters = strings.TrimSuffix(request.FileName, path.Ext(request.FileName))
	}
	if c.config.Readings.OmitFileName {
		request.FileName = ""
	}
	text, e := json.Marshal(request)
	if e != nil {
		return nil, "", fmt.Errorf("write upload: %w", e)
	}
	if c.config.Readings.CharactersAsJSON && request.Type == wire.UploadCharacters {
		return text, "application/json", nil
	}
	part(fmt.Sprintf("form-data; name=%q", wire.PartRequest), "application/json", text)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, "", fmt.Errorf("write upload: %w", err)
	}
	return b.Bytes(), w.FormDataContentType(), nil
}
