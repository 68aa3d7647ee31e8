package openapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/readings"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/token"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Bounds of an upload's parts.
const (
	maxParts   = 8
	maxRequest = 64 << 10 // bytes of the JSON part
)

// parseUpload reads an upload: multipart/form-data with the part isvUpdateFileReq and, for FILE, the part
// file, in any order; other parts are passed over. For CHARACTERS the JSON alone will do too, as
// application/json. Type, FileName and Content of the result are set. The file is compared
// with its SHA-256 here. A file that is too large comes back cut one byte over token.MaxImportContent:
// who judges licences refuses it with the code that belongs to that.
func parseUpload(on readings.Readings, contentType string, body []byte) (meta.Upload, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	switch {
	case err == nil && kind == "application/json" && !on.MultipartOnly:
		if len(body) > maxRequest {
			return meta.Upload{}, fmt.Errorf("%s is too large", wire.PartRequest)
		}
		return assemble(on, body, nil)
	case err != nil || kind != "multipart/form-data":
		return meta.Upload{}, errors.New("Content-Type is not multipart/form-data")
	}
	parts, err := readParts(multipart.NewReader(bytes.NewReader(body), params["boundary"]))
	if err != nil {
		return meta.Upload{}, err
	}
	if parts.request == nil {
		return meta.Upload{}, fmt.Errorf("part %s is missing", wire.PartRequest)
	}
	return assemble(on, parts.request, parts.file)
}

type uploadParts struct {
	request []byte
	file    *uploadFile
}

type uploadFile struct {
	name    string // as the part says, unchecked
	content []byte // at most one byte more than may be
	sum     [sha256.Size]byte
}

func readParts(r *multipart.Reader) (p uploadParts, err error) {
	for n := 0; ; n++ {
		part, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return p, errors.New("the body is not the multipart form that its boundary promises")
		}
		if n == maxParts {
			return p, fmt.Errorf("there are more than %d parts", maxParts)
		}
		switch name := part.FormName(); {
		case name == wire.PartRequest && p.request == nil:
			p.request, err = readPart(part, maxRequest)
			if err == nil && len(p.request) > maxRequest {
				err = fmt.Errorf("part %s is too large", wire.PartRequest)
			}
		case name == wire.PartFile && p.file == nil:
			p.file, err = readFile(part)
		case name == wire.PartRequest, name == wire.PartFile:
			err = fmt.Errorf("part %s comes twice", name)
		}
		if err != nil {
			return p, err
		}
	}
}

// readPart reads at most one byte more than most; what it returns is never nil.
func readPart(r io.Reader, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, errors.New("a part of the form breaks off")
	}
	return b, nil
}

// readFile keeps what may be handed over, and hashes everything.
func readFile(part *multipart.Part) (*uploadFile, error) {
	hash := sha256.New()
	content, err := readPart(io.TeeReader(part, hash), token.MaxImportContent)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(hash, part); err != nil {
		return nil, errors.New("a part of the form breaks off")
	}
	f := &uploadFile{name: part.FileName(), content: content}
	hash.Sum(f.sum[:0])
	return f, nil
}

func assemble(on readings.Readings, request []byte, f *uploadFile) (meta.Upload, error) {
	var r wire.UploadRequest
	if err := wire.DecodeAPI(request, &r); err != nil {
		return meta.Upload{}, fmt.Errorf("%s: %w", wire.PartRequest, err)
	}
	if r.Type == wire.UploadCharacters {
		return meta.Upload{Type: r.Type, Content: []byte(r.Characters)}, nil
	}
	if on.NoFileCharacters && r.Characters != "" {
		return meta.Upload{}, errors.New("characters: stand beside a file")
	}
	if on.NeedFileName && r.FileName == "" {
		return meta.Upload{}, errors.New("file_name: is missing")
	}
	if f == nil {
		return meta.Upload{}, fmt.Errorf("part %s is missing", wire.PartFile)
	}
	if sum, err := hex.DecodeString(r.SHA256); err != nil || !bytes.Equal(sum, f.sum[:]) {
		return meta.Upload{}, errors.New("sha256: is not the file's, which is " + hex.EncodeToString(f.sum[:]))
	}
	name := r.FileName
	if name == "" { // as in the printed sample
		name = f.name
	}
	return meta.Upload{Type: r.Type, FileName: bareName(name), Content: f.content}, nil
}

// bareName is the last element of a path in either system's spelling, "" for what no desk could use: then
// the desk names the file itself.
func bareName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if name == "." || name == ".." || len(name) > cloudapi.MaxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return ""
	}
	return name
}
