-- The drive. Times are Unix milliseconds, checksums 32 bytes.

-- +goose Up
CREATE TABLE spaces (
  seq INTEGER PRIMARY KEY, -- short key of the big tables
  id TEXT NOT NULL UNIQUE,
  org TEXT NOT NULL REFERENCES organisations(id),
  name TEXT NOT NULL,
  fold TEXT NOT NULL, -- the name as a case-insensitive file system compares it
  created INTEGER NOT NULL,
  UNIQUE (org, fold)
) STRICT;

CREATE TABLE roles (
  space INTEGER NOT NULL REFERENCES spaces(seq),
  account TEXT NOT NULL REFERENCES accounts(account) ON DELETE CASCADE,
  role TEXT NOT NULL CHECK (role IN ('owner', 'editor', 'viewer')),
  PRIMARY KEY (space, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX roles_account ON roles(account, space);

-- Folders and objects. Parent 0 is the root of the space.
CREATE TABLE items (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  space INTEGER NOT NULL REFERENCES spaces(seq),
  parent INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('folder', 'file', 'assembly')),
  rank INTEGER NOT NULL, -- 0 folders, 1 objects: the order of a listing
  name TEXT NOT NULL,
  fold TEXT NOT NULL,
  size INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 0,
  modified INTEGER NOT NULL,
  by TEXT NOT NULL,
  fence INTEGER NOT NULL DEFAULT 0, -- of the newest check-out; only grows
  UNIQUE (space, parent, fold)
) STRICT;
CREATE INDEX items_listing ON items(space, parent, rank, fold);

CREATE TABLE checkouts (
  item INTEGER PRIMARY KEY REFERENCES items(seq),
  fence INTEGER NOT NULL,
  account TEXT NOT NULL, -- no reference: a member who left may still hold
  device TEXT NOT NULL,
  machine TEXT NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER NOT NULL
) STRICT;

CREATE TABLE versions (
  item INTEGER NOT NULL REFERENCES items(seq),
  number INTEGER NOT NULL,
  manifest INTEGER NOT NULL REFERENCES manifests(seq),
  size INTEGER NOT NULL,
  created INTEGER NOT NULL,
  by TEXT NOT NULL,
  device TEXT NOT NULL,
  machine TEXT NOT NULL,
  PRIMARY KEY (item, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX versions_manifest ON versions(item, manifest);

CREATE TABLE packs (
  seq INTEGER PRIMARY KEY,
  space INTEGER NOT NULL REFERENCES spaces(seq),
  sum BLOB NOT NULL,
  size INTEGER NOT NULL,
  UNIQUE (space, sum)
) STRICT;

CREATE TABLE chunks (
  space INTEGER NOT NULL,
  id BLOB NOT NULL,
  pack INTEGER NOT NULL REFERENCES packs(seq),
  place INTEGER NOT NULL,  -- offset of the stored bytes
  stored INTEGER NOT NULL,
  size INTEGER NOT NULL,
  PRIMARY KEY (space, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE manifests (
  seq INTEGER PRIMARY KEY,
  space INTEGER NOT NULL REFERENCES spaces(seq),
  sum BLOB NOT NULL,
  kind TEXT NOT NULL,
  size INTEGER NOT NULL,
  complete INTEGER NOT NULL DEFAULT 0, -- all chunks are in the space
  UNIQUE (space, sum)
) STRICT;

-- Which packs a complete manifest needs: what a reader of one object may fetch.
CREATE TABLE needs (
  manifest INTEGER NOT NULL REFERENCES manifests(seq),
  pack INTEGER NOT NULL REFERENCES packs(seq),
  PRIMARY KEY (manifest, pack)
) STRICT, WITHOUT ROWID;

-- The first answer of each operation, for repetitions.
CREATE TABLE commits (
  account TEXT NOT NULL,
  operation TEXT NOT NULL,
  space INTEGER NOT NULL,
  object TEXT NOT NULL,
  answer TEXT NOT NULL, -- JSON
  created INTEGER NOT NULL,
  PRIMARY KEY (account, operation)
) STRICT, WITHOUT ROWID;
