package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/iscdesk/iscdesk/sdk/api"
)

type licenseImportCmd struct {
	File string `arg:"" help:"${importfile}"`
}

// Run reads the file with the user's own rights; the agent gets its bytes and never its path.
func (l licenseImportCmd) Run(a *app) error {
	document, err := a.readDocument(l.File)
	if err != nil {
		return err
	}
	c, err := a.connect("")
	if err != nil {
		return err
	}
	r, err := c.ImportLicense(context.Background(), document)
	if err != nil {
		return err
	}
	a.show(r, func() {
		product, until := plain(r.Product), a.say("without an end", "长期有效")
		if !r.Until.IsZero() {
			until = fmt.Sprintf(a.say("until %s", "有效至 %s"), a.when(r.Until))
		}
		switch r.Kept {
		case api.KeptSame:
			a.printf(a.say("The licence of %s was imported before (%s); nothing has changed.\n", "%s 的许可证此前已导入（%s），没有变化。\n"), product, until)
			return
		case api.KeptNewer:
			a.printf(a.say("A newer licence of %s is here already; it stays, and this file (%s) is not used.\n",
				"已有 %s 的较新许可证，继续使用它；未采用此文件（%s）。\n"), product, until)
			return
		}
		a.printf(a.say("The licence of %s is imported, %s. Its programs work with it without a sign-in.\n",
			"%s 的许可证已导入，%s。其程序无需登录即可使用。\n"), product, until)
		if r.Form == api.FormFile {
			a.printf("%s\n", a.say("It is a file: programs that ask for a text do not get it.", "它是文件形式：以文本形式申请的程序无法获得。"))
		}
		if !r.Bound {
			a.printf("%s\n", a.say("The document names no computer; whether it is for this one, the program itself finds out.",
				"该文档未注明计算机；是否适用于本机由程序自行判断。"))
		}
	})
	return nil
}

// readDocument reads a licence document, and nothing that never ends or is too large to be one.
func (a *app) readDocument(path string) ([]byte, error) {
	refuse := func(code api.Code, detail string) error {
		e := &api.Error{Code: code, Detail: detail}
		e.Message, e.Hint = api.Text(code, a.language)
		if code == api.PathNotFound {
			e.Hint = a.say("Check the path of the licence file.", "请检查许可证文件的路径。")
		}
		return e
	}
	st, err := os.Stat(path) // before it is opened: a pipe would wait for its writer
	if err == nil && !st.Mode().IsRegular() {
		return nil, refuse(api.PathNotRegular, path)
	}
	var text []byte
	if err == nil {
		var f *os.File
		if f, err = os.Open(path); err == nil {
			defer f.Close()
			text, err = io.ReadAll(io.LimitReader(f, api.MaxImport+1))
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, refuse(api.PathNotFound, path)
	case errors.Is(err, fs.ErrPermission):
		return nil, refuse(api.PathDenied, path)
	case err != nil:
		return nil, refuse(api.PathNotFound, err.Error())
	case len(text) == 0 || len(text) > api.MaxImport:
		return nil, refuse(api.ImportNotDocument, fmt.Sprintf(a.say("the file is empty or has more than %d bytes", "文件为空，或超过 %d 字节"), api.MaxImport))
	}
	return text, nil
}
