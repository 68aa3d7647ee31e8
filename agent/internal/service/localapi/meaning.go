package localapi

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// The checks of what requests mean, as far as the words alone tell: bounds,
// UTF-8, and what must be there. Rooms check the rest.

const (
	maxSecret  = 1024 // bytes of an account or a password
	maxCloudID = 128  // bytes of a cloud's id or cursor
)

func missing(what string) error {
	return &api.Error{Code: api.InvalidArgument, Detail: what + " is missing"}
}

func checkLogin(l api.AuthLogin) error {
	if l.Account == "" {
		return missing("account")
	}
	if l.Password == "" {
		return missing("password")
	}
	return errors.Join(checkText("account", l.Account, maxSecret), checkText("password", l.Password, maxSecret))
}

// checkPath takes an absolute path. It is only a word here: the worker opens it.
func checkPath(path string) error {
	if path == "" {
		return missing("path")
	}
	if err := checkText("path", path, api.MaxPath); err != nil {
		return err
	}
	if !filepath.IsAbs(path) {
		return &api.Error{Code: api.InvalidArgument, Detail: "path is not absolute"}
	}
	return nil
}

func checkID(what, id string) error {
	if id == "" {
		return missing(what)
	}
	return checkText(what, id, maxCloudID)
}

func checkVersion(v int64) error {
	if v < 0 {
		return &api.Error{Code: api.InvalidArgument, Detail: "version is negative"}
	}
	return nil
}

func checkComeBack(text string) error { return checkText("comeBack", text, api.MaxComeBack) }

func checkList(l api.List) error {
	return errors.Join(checkID("space", l.Space), checkText("folder", l.Folder, maxCloudID), checkText("after", l.After, api.MaxText))
}

func checkObject(o api.ObjectRef) error {
	return errors.Join(checkID("object", o.Object), checkVersion(o.Version))
}

func checkOpen(o api.Open) error {
	return errors.Join(checkID("object", o.Object), checkVersion(o.Version), checkComeBack(o.ComeBack))
}

func checkAuthPage(p api.AuthPage) error { return checkComeBack(p.ComeBack) }

func checkPick(p api.Pick) error { return checkComeBack(p.ComeBack) }

func checkSave(s api.Save) error {
	return errors.Join(checkPath(s.Path), checkComeBack(s.ComeBack))
}

func checkSaveTo(s api.SaveTo) error {
	return errors.Join(checkPath(s.Path), checkID("space", s.Space), checkText("folder", s.Folder, maxCloudID),
		checkText("name", s.Name, api.MaxText), checkComeBack(s.ComeBack))
}

func checkCheckin(c api.Checkin) error {
	switch {
	case (c.Path == "") == (c.Object == ""):
		return &api.Error{Code: api.InvalidArgument, Detail: "either path or object must be given"}
	case c.Object != "":
		return checkID("object", c.Object)
	}
	return checkPath(c.Path)
}

func checkLicenseRequest(r api.LicenseRequest) error {
	switch {
	case r.Form != api.FormString && r.Form != api.FormFile:
		return &api.Error{Code: api.InvalidArgument, Detail: fmt.Sprintf("form is neither %s nor %s", api.FormString, api.FormFile)}
	case len(r.DevInfo) > api.MaxDevInfo:
		return &api.Error{Code: api.TooLarge, Detail: fmt.Sprintf("devInfo has %d bytes, limit %d", len(r.DevInfo), api.MaxDevInfo)}
	case strings.ContainsAny(r.FileName, `/\`) || r.FileName == "." || r.FileName == "..":
		return &api.Error{Code: api.NameInvalid, Detail: "fileName is not one path element"}
	}
	return errors.Join(checkText("fileName", r.FileName, 255), checkText("devInfo", r.DevInfo, api.MaxDevInfo), checkComeBack(r.ComeBack))
}

// checkLicenseImport holds a part of a document to its bounds. A file that is too large is no document:
// whoever chose it is told which one to take.
func checkLicenseImport(p api.LicenseImport) error {
	switch {
	case p.Size > api.MaxImport:
		return &api.Error{Code: api.ImportNotDocument, Detail: fmt.Sprintf("the file has %d bytes; a licence document has at most %d", p.Size, api.MaxImport)}
	case len(p.Part) > api.MaxImportPart:
		return &api.Error{Code: api.TooLarge, Detail: fmt.Sprintf("part has %d bytes, limit %d", len(p.Part), api.MaxImportPart)}
	case len(p.Part) == 0:
		return missing("part")
	case p.Size < 1:
		return missing("size")
	case p.Offset < 0 || p.Offset > p.Size-len(p.Part):
		return &api.Error{Code: api.InvalidArgument, Detail: "offset and part do not lie within size"}
	}
	return nil
}

func checkVerify(v api.LicenseVerify) error {
	if !v.OK && v.Error == "" {
		return missing("error, required when ok is false,")
	}
	return checkText("error", v.Error, api.MaxText)
}
