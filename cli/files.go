package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/sdk/api"
)

type filesCmd struct {
	Ls       lsCmd       `cmd:"" help:"${ls}"`
	Open     openCmd     `cmd:"" help:"${open}"`
	Save     saveCmd     `cmd:"" help:"${save}"`
	SaveAs   saveAsCmd   `cmd:"" help:"${saveas}"`
	Checkin  checkinCmd  `cmd:"" help:"${checkin}"`
	Versions versionsCmd `cmd:"" help:"${versions}"`
	Product  string      `help:"${product}" placeholder:"ID"`
}

type openCmd struct {
	Path     string        `arg:"" optional:"" help:"${openpath}"`
	ID       string        `name:"id" help:"${id}" placeholder:"ID"`
	Checkout bool          `help:"${checkout}" short:"c"`
	Version  int64         `help:"${number}" placeholder:"NUMBER"`
	Wait     time.Duration `help:"${wait}" default:"1h"`
}

func (o openCmd) Run(a *app, f *filesCmd) error {
	c, err := a.connect(f.Product)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if o.Path == "" && o.ID == "" {
		s, err := c.OpenCloudFile(ctx)
		if err != nil {
			return err
		}
		return a.await(s.Operation, o.Wait)
	}
	id, err := a.objectID(ctx, o.Path, o.ID)
	if err != nil {
		return err
	}
	op, err := c.OpenObject(ctx, api.Open{Object: id, Version: o.Version, Checkout: o.Checkout})
	if err != nil {
		return err
	}
	return a.await(op, o.Wait)
}

type saveCmd struct {
	Path string        `arg:"" help:"${savepath}"`
	Wait time.Duration `help:"${wait}" default:"1h"`
}

func (s saveCmd) Run(a *app, f *filesCmd) error {
	path, assembly, err := local(s.Path)
	if err != nil {
		return err
	}
	c, err := a.connect(f.Product)
	if err != nil {
		return err
	}
	op, err := c.Save(context.Background(), path, assembly)
	if err != nil {
		return err
	}
	return a.await(op, s.Wait)
}

type saveAsCmd struct {
	Path string        `arg:"" help:"${savepath}"`
	To   string        `help:"${to}" placeholder:"PATH"`
	Name string        `help:"${name}" placeholder:"NAME"`
	Wait time.Duration `help:"${wait}" default:"1h"`
}

func (s saveAsCmd) Run(a *app, f *filesCmd) error {
	path, assembly, err := local(s.Path)
	if err != nil {
		return err
	}
	c, err := a.connect(f.Product)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if s.To == "" {
		r, err := c.SelectSaveAsPath(ctx, path, assembly)
		if err != nil {
			return err
		}
		return a.await(r.Operation, s.Wait)
	}
	space, folder, err := a.folderID(ctx, s.To)
	if err != nil {
		return err
	}
	op, err := c.SaveTo(ctx, api.SaveTo{Path: path, Assembly: assembly, Space: space, Folder: folder, Name: s.Name})
	if err != nil {
		return err
	}
	return a.await(op, s.Wait)
}

// local makes a path absolute and sees whether it is an assembly's folder: the
// agent has another working folder, and may not be able to look.
func local(path string) (absolute string, assembly bool, err error) {
	if absolute, err = filepath.Abs(path); err != nil {
		return "", false, fmt.Errorf("find %s: %w", path, err)
	}
	info, err := os.Lstat(absolute)
	switch {
	case os.IsNotExist(err):
		return "", false, &api.Error{Code: api.PathNotFound, Detail: absolute}
	case os.IsPermission(err):
		return "", false, &api.Error{Code: api.PathDenied, Detail: absolute}
	case err != nil:
		return "", false, fmt.Errorf("look at %s: %w", absolute, err)
	}
	return absolute, info.IsDir(), nil
}

type checkinCmd struct {
	Path string `arg:"" optional:"" help:"${checkpath}"`
	ID   string `name:"id" help:"${id}" placeholder:"ID"`
}

func (k checkinCmd) Run(a *app, f *filesCmd) error {
	r := api.Checkin{Object: k.ID}
	if k.Path != "" {
		path, err := filepath.Abs(k.Path)
		if err != nil {
			return fmt.Errorf("find %s: %w", k.Path, err)
		}
		r.Path = path
	}
	c, err := a.connect(f.Product)
	if err != nil {
		return err
	}
	if err := c.Checkin(context.Background(), r); err != nil {
		return err
	}
	a.show(r, func() { a.printf("%s\n", a.say("Checked in.", "已检入。")) })
	return nil
}

type versionsCmd struct {
	Path string `arg:"" optional:"" help:"${openpath}"`
	ID   string `name:"id" help:"${id}" placeholder:"ID"`
}

func (v versionsCmd) Run(a *app, f *filesCmd) error {
	c, err := a.connect(f.Product)
	if err != nil {
		return err
	}
	ctx := context.Background()
	id, err := a.objectID(ctx, v.Path, v.ID)
	if err != nil {
		return err
	}
	list, err := c.Versions(ctx, id)
	if err != nil {
		return err
	}
	a.show(api.Versions{Versions: list}, func() {
		var t table
		t.row(a.say("VERSION", "版本"), a.say("SIZE", "大小"), a.say("CREATED", "创建于"), a.say("BY", "创建者"), a.say("MACHINE", "计算机"))
		for _, n := range list {
			t.row(strconv.FormatInt(n.Number, 10), size(n.Size), a.when(n.Created), plain(n.By), plain(n.Machine))
		}
		t.print(a.env.out, "")
	})
	return nil
}
