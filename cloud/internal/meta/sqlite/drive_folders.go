package sqlite

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// maxDepth bounds folders in folders: a workspace path must stay usable on Windows.
const maxDepth = 32

// item is a row of items.
type item struct {
	seq    int64
	parent int64
	fence  int64
	meta.Item
}

// itemColumns reads an item with its live check-out; the placeholder is now.
const itemColumns = `i.seq, i.parent, i.fence, i.id, s.id, i.kind, i.name, i.size, i.version, i.modified, i.by,
	c.fence, c.account, coalesce(a.name, ''), c.device, c.machine, c.since, c.until
	FROM items i JOIN spaces s ON s.seq = i.space
	LEFT JOIN checkouts c ON c.item = i.seq AND c.until > ?
	LEFT JOIN accounts a ON a.account = c.account`

func scanItem(row interface{ Scan(...any) error }) (item, error) {
	var it item
	var modified int64
	var fence, since, until sql.NullInt64
	var account, device, machine sql.NullString
	var name string
	err := row.Scan(&it.seq, &it.parent, &it.fence, &it.ID, &it.Space, &it.Kind, &it.Name, &it.Size, &it.Version, &modified, &it.By,
		&fence, &account, &name, &device, &machine, &since, &until)
	if err != nil {
		return item{}, err
	}
	it.Modified = at(modified)
	if fence.Valid {
		it.Checkout = &meta.Checkout{Fence: fence.Int64, Account: account.String, Name: name, Device: device.String,
			Machine: machine.String, Since: at(since.Int64), Until: at(until.Int64)}
	}
	return it, nil
}

// folderOf finds a folder of a space; "" is the root, whose seq is 0.
func folderOf(tx *sql.Tx, who meta.Who, sp space, id string) (item, error) {
	if id == "" {
		return item{}, nil
	}
	it, err := scanItem(tx.QueryRow(`SELECT `+itemColumns+` WHERE i.id = ? AND i.space = ? AND i.kind = ?`,
		millis(who.Now), id, sp.seq, cloudapi.KindFolder))
	if errors.Is(err, sql.ErrNoRows) {
		return it, errHidden("folder")
	}
	if err != nil {
		return it, fmt.Errorf("find folder: %w", err)
	}
	return it, nil
}

// pathTo lists the folders from the root down to the folder with this seq, itself included.
func pathTo(tx *sql.Tx, who meta.Who, seq int64) ([]meta.Item, error) {
	var path []meta.Item
	for seq != 0 && len(path) <= maxDepth {
		it, err := scanItem(tx.QueryRow(`SELECT `+itemColumns+` WHERE i.seq = ?`, millis(who.Now), seq))
		if err != nil {
			return nil, fmt.Errorf("find path: %w", err)
		}
		path = append(path, it.Item)
		seq = it.parent
	}
	slices.Reverse(path)
	for i := 1; i < len(path); i++ {
		path[i].Parent = path[i-1].ID
	}
	return path, nil
}

// Folder lists a folder.
func (s *Store) Folder(ctx context.Context, who meta.Who, id, folder, after string, limit int) (path, entries []meta.Item, next string, err error) {
	afterRank, afterFold, err := readCursor(after)
	if err != nil {
		return nil, nil, "", err
	}
	err = s.read(ctx, func(tx *sql.Tx) error {
		sp, err := spaceOf(tx, who, id, cloudapi.RoleViewer)
		if err != nil {
			return err
		}
		f, err := folderOf(tx, who, sp, folder)
		if err != nil {
			return err
		}
		if path, err = pathTo(tx, who, f.seq); err != nil {
			return err
		}
		rows, err := tx.Query(`SELECT `+itemColumns+` WHERE i.space = ? AND i.parent = ? AND (i.rank, i.fold) > (?, ?)
			ORDER BY i.rank, i.fold LIMIT ?`, millis(who.Now), sp.seq, f.seq, afterRank, afterFold, limit+1)
		if err != nil {
			return fmt.Errorf("list folder: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			it, err := scanItem(rows)
			if err != nil {
				return fmt.Errorf("list folder: %w", err)
			}
			it.Parent = folder
			if len(entries) == limit {
				next = cursor(entries[limit-1])
				break
			}
			entries = append(entries, it.Item)
		}
		return rows.Err()
	})
	return path, entries, next, err
}

// A cursor is the place of the last entry that was seen, so that a listing goes on rightly
// when entries came or went meanwhile.
func cursor(last meta.Item) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(rankOf(last.Kind)) + chunk.Fold(last.Name)))
}

func readCursor(s string) (rank int, fold string, err error) {
	if s == "" {
		return -1, "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) < 2 || b[0] != '0' && b[0] != '1' {
		return 0, "", meta.Refuse(cloudapi.ErrInvalid, "the cursor is not one that the cloud gave", "member", "after")
	}
	return int(b[0] - '0'), string(b[1:]), nil
}

func rankOf(kind string) int {
	if kind == cloudapi.KindFolder {
		return 0
	}
	return 1
}

// AddFolder makes a folder.
func (s *Store) AddFolder(ctx context.Context, who meta.Who, id, parent, name string) (meta.Item, error) {
	if err := checkName(name); err != nil {
		return meta.Item{}, err
	}
	var made item
	err := s.write(ctx, func(tx *sql.Tx) error {
		sp, err := spaceOf(tx, who, id, cloudapi.RoleEditor)
		if err != nil {
			return err
		}
		made, err = addItem(tx, who, sp, parent, meta.Item{Kind: cloudapi.KindFolder, Name: name})
		return err
	})
	return made.Item, err
}

// addItem makes a folder or an object in a folder; the name is already checked.
func addItem(tx *sql.Tx, who meta.Who, sp space, parent string, it meta.Item) (item, error) {
	f, err := folderOf(tx, who, sp, parent)
	if err != nil {
		return item{}, err
	}
	if it.Kind == cloudapi.KindFolder {
		path, err := pathTo(tx, who, f.seq)
		if err != nil {
			return item{}, err
		}
		if len(path) >= maxDepth {
			return item{}, meta.Refuse(cloudapi.ErrInvalid, "folders are nested too deep", "member", "parent")
		}
	}
	fold := chunk.Fold(it.Name)
	var taken bool
	if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM items WHERE space = ? AND parent = ? AND fold = ?)`,
		sp.seq, f.seq, fold).Scan(&taken); err != nil {
		return item{}, fmt.Errorf("add item: %w", err)
	}
	if taken {
		return item{}, errNameExists(it.Name)
	}
	prefix := "obj"
	if it.Kind == cloudapi.KindFolder {
		prefix = "fld"
	}
	made := item{parent: f.seq, Item: it}
	made.ID, made.Space, made.Parent = meta.NewID(prefix), sp.ID, parent
	made.Modified, made.By = meta.Stamp(who.Now), who.Account
	r, err := tx.Exec(`INSERT INTO items (id, space, parent, kind, rank, name, fold, size, version, modified, by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, made.ID, sp.seq, f.seq, it.Kind, rankOf(it.Kind), it.Name, fold,
		it.Size, it.Version, millis(made.Modified), made.By)
	if err != nil {
		return item{}, fmt.Errorf("add item: %w", err)
	}
	if made.seq, err = r.LastInsertId(); err != nil {
		return item{}, fmt.Errorf("add item: %w", err)
	}
	return made, nil
}

// hashOf reads a checksum's column.
func hashOf(b []byte) (h meta.Hash, err error) {
	if len(b) != len(h) {
		return h, fmt.Errorf("read checksum: %d bytes in the table", len(b))
	}
	copy(h[:], b)
	return h, nil
}

// hexes is a list of checksums as JSON, for json_each and unhex.
func hexes(ids []meta.Hash) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"%x"`, id[:])
	}
	b.WriteByte(']')
	return b.String()
}
