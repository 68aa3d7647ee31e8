package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/iscdesk/iscdesk/sdk/api"
)

type lsCmd struct {
	Path string `arg:"" optional:"" help:"${lspath}"`
}

func (l lsCmd) Run(a *app, f *filesCmd) error {
	c, err := a.connect(f.Product)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if strings.Trim(l.Path, "/") == "" {
		spaces, err := c.Spaces(ctx)
		if err != nil {
			return err
		}
		a.show(api.Spaces{Spaces: spaces}, func() {
			var t table
			t.row(a.say("SPACE", "空间"), a.say("ROLE", "角色"), a.say("ID", "标识"))
			for _, s := range spaces {
				t.row(plain(s.Name), s.Role, s.ID)
			}
			t.print(a.env.out, "")
		})
		return nil
	}
	space, folder, err := a.folderID(ctx, l.Path)
	if err != nil {
		return err
	}
	entries, err := a.entries(ctx, space, folder)
	if err != nil {
		return err
	}
	a.show(api.Listing{Path: []api.Entry{}, Entries: entries}, func() { a.printEntries(entries) })
	return nil
}

func (a *app) printEntries(entries []api.Entry) {
	if len(entries) == 0 {
		a.printf("%s\n", a.say("Empty.", "空文件夹。"))
		return
	}
	var t table
	t.row(a.say("NAME", "名称"), a.say("SIZE", "大小"), a.say("VERSION", "版本"), a.say("MODIFIED", "修改于"), a.say("HELD BY", "检出者"), a.say("ID", "标识"))
	for _, e := range entries {
		name, bytes, version, holder := plain(e.Name), size(e.Size), strconv.FormatInt(e.Version, 10), ""
		switch e.Kind {
		case "folder":
			name, bytes, version = name+"/", "-", "-"
		case "assembly":
			name += a.say(" (assembly)", "（装配体）")
		}
		if h := e.Holder; h != nil {
			holder = plain(h.Account + "@" + h.Machine)
			if h.Mine {
				holder = a.say("you", "您自己")
			}
		}
		t.row(name, bytes, version, a.when(e.Modified), holder, e.ID)
	}
	t.print(a.env.out, "")
}

// entries reads all pages of a folder.
func (a *app) entries(ctx context.Context, space, folder string) ([]api.Entry, error) {
	all := []api.Entry{}
	for after := ""; ; {
		page, err := a.client.List(ctx, api.List{Space: space, Folder: folder, After: after})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Entries...)
		if page.Next == "" || page.Next == after {
			return all, nil
		}
		after = page.Next
	}
}

// folderID finds the space and folder of a path such as Pumps/Housings.
func (a *app) folderID(ctx context.Context, path string) (space, folder string, err error) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	spaces, err := a.client.Spaces(ctx)
	if err != nil {
		return "", "", err
	}
	for _, s := range spaces {
		if s.Name == parts[0] || s.ID == parts[0] {
			space = s.ID
			break
		}
	}
	if space == "" {
		return "", "", a.noSuch(parts[0])
	}
	for _, name := range parts[1:] {
		e, err := a.entry(ctx, space, folder, name)
		if err != nil {
			return "", "", err
		}
		if e.Kind != "folder" {
			return "", "", a.noSuch(name)
		}
		folder = e.ID
	}
	return space, folder, nil
}

// objectID finds the object of a path, or takes the id that was given.
func (a *app) objectID(ctx context.Context, path, id string) (string, error) {
	switch {
	case (path == "") == (id == ""):
		return "", errors.New(a.say("give a path in the cloud or --id", "请给出云端路径或 --id"))
	case id != "":
		return id, nil
	}
	path = strings.Trim(path, "/")
	cut := strings.LastIndex(path, "/")
	if cut < 0 {
		return "", errors.New(a.say("a path in the cloud is SPACE/NAME", "云端路径的形式为 空间/名称"))
	}
	space, folder, err := a.folderID(ctx, path[:cut])
	if err != nil {
		return "", err
	}
	e, err := a.entry(ctx, space, folder, path[cut+1:])
	if err != nil {
		return "", err
	}
	if e.Kind == "folder" {
		return "", fmt.Errorf("%s", a.say("a folder cannot be opened: ", "不能打开文件夹：")+plain(path))
	}
	return e.ID, nil
}

func (a *app) entry(ctx context.Context, space, folder, name string) (api.Entry, error) {
	list, err := a.entries(ctx, space, folder)
	if err != nil {
		return api.Entry{}, err
	}
	for _, e := range list {
		if e.Name == name {
			return e, nil
		}
	}
	return api.Entry{}, a.noSuch(name)
}

func (a *app) noSuch(name string) error {
	return &api.Error{Code: api.NotFound, Detail: strconv.Quote(name)}
}
