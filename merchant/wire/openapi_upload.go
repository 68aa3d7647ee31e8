package wire

import (
	"encoding/hex"
	"slices"
)

// Parts of an upload's multipart body, and values of its type.
const (
	PartFile    = "file"
	PartRequest = "isvUpdateFileReq"

	UploadCharacters = "CHARACTERS"
	UploadFile       = "FILE"
)

// MaxUpload is what the gateway takes of a request's body, in bytes. The interface itself names
// no limit of a file.
const MaxUpload = 12 << 20

// UploadRequest is the JSON part of an upload (marketplace: string/file upload). Its sample
// leaves file_name out although its table demands it: Check does not ask for it, and the part's
// own filename stands for it.
type UploadRequest struct {
	Type       string `json:"type"`
	FileName   string `json:"file_name,omitempty"`
	SHA256     string `json:"sha256,omitempty"`     // of the file, hex of either case
	Characters string `json:"characters,omitempty"` // the licence, for CHARACTERS
}

// Check implements Checked. FILE needs a SHA-256, CHARACTERS a text; the sample has
// characters beside a file, so FILE takes them and they say nothing.
func (u UploadRequest) Check() error {
	if !slices.Contains([]string{UploadCharacters, UploadFile}, u.Type) {
		return &Problem{"type", "is none of CHARACTERS, FILE"}
	}
	isFile := u.Type == UploadFile
	if err := first(
		text("file_name", u.FileName, 1024, false),
		text("sha256", u.SHA256, 1024, isFile),
		text("characters", u.Characters, 1024, !isFile)); err != nil {
		return err
	}
	if sum, err := hex.DecodeString(u.SHA256); isFile && (err != nil || len(sum) != 32) {
		return &Problem{"sha256", "is not 64 hex digits"}
	}
	return nil
}
