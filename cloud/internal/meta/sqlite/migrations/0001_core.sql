-- Accounts, devices, licences and the audit trail. Times are Unix milliseconds,
-- secrets are SHA-256 only.

-- +goose Up
CREATE TABLE organisations (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
  account TEXT PRIMARY KEY,
  org TEXT NOT NULL REFERENCES organisations(id),
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('admin', 'member')),
  password TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX accounts_org ON accounts(org, account);

-- One row at most: the one-time code of a store without an administrator.
CREATE TABLE setup (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  code BLOB NOT NULL,
  expires INTEGER NOT NULL
) STRICT;

-- Failed log-ins by what was typed: the account need not exist.
CREATE TABLE failures (
  account TEXT PRIMARY KEY,
  count INTEGER NOT NULL,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE devices (
  id TEXT PRIMARY KEY,
  thumb TEXT NOT NULL UNIQUE,
  key BLOB NOT NULL,
  name TEXT NOT NULL,
  platform TEXT NOT NULL,
  identity TEXT NOT NULL,
  created INTEGER NOT NULL,
  seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE nonces (
  hash BLOB PRIMARY KEY,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX nonces_expires ON nonces(expires);

CREATE TABLE tokens (
  hash BLOB PRIMARY KEY,
  kind TEXT NOT NULL,
  account TEXT REFERENCES accounts(account) ON DELETE CASCADE,
  device TEXT REFERENCES devices(id) ON DELETE CASCADE,
  family TEXT NOT NULL,
  scope BLOB,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  used INTEGER,                        -- refresh tokens: when it was first exchanged
  attempt TEXT,                        -- the caller's repetition key of that exchange
  repeated INTEGER NOT NULL DEFAULT 0  -- the one repetition is used up
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_family ON tokens(family);
CREATE INDEX tokens_account ON tokens(account);
CREATE INDEX tokens_expires ON tokens(expires);

CREATE TABLE products (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE instances (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  org TEXT NOT NULL REFERENCES organisations(id),
  product TEXT NOT NULL REFERENCES products(id),
  features TEXT NOT NULL, -- JSON array
  seats INTEGER NOT NULL,
  starts INTEGER NOT NULL,
  ends INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('active', 'frozen'))
) STRICT;
CREATE INDEX instances_org ON instances(org, seq);

CREATE TABLE assignments (
  instance TEXT NOT NULL REFERENCES instances(id),
  account TEXT NOT NULL REFERENCES accounts(account) ON DELETE CASCADE,
  PRIMARY KEY (instance, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX assignments_account ON assignments(account);

-- Which devices hold a lease for an assignment, and until when.
CREATE TABLE holds (
  instance TEXT NOT NULL,
  account TEXT NOT NULL,
  device TEXT NOT NULL REFERENCES devices(id) ON DELETE CASCADE,
  until INTEGER NOT NULL,
  PRIMARY KEY (instance, account, device),
  FOREIGN KEY (instance, account) REFERENCES assignments(instance, account) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- The same request gets the same licence content.
CREATE TABLE issued (
  key BLOB PRIMARY KEY,
  content TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE reports (
  account TEXT NOT NULL REFERENCES accounts(account) ON DELETE CASCADE,
  report TEXT NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (account, report)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
  org TEXT NOT NULL,
  time INTEGER NOT NULL,
  account TEXT NOT NULL,
  device TEXT NOT NULL,
  action TEXT NOT NULL,
  params TEXT NOT NULL -- JSON object
) STRICT;
CREATE INDEX audit_org ON audit(org, id);
