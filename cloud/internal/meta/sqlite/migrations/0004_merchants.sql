-- The marketplace: who sells what, with which keys and from which address. Secrets are sealed.

-- +goose Up
-- One row at most: the organisation that setup made. Which one it was must not
-- hang on a clock that was set back.
CREATE TABLE operator (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  org TEXT NOT NULL REFERENCES organisations(id)
) STRICT;
INSERT INTO operator (one, org) SELECT 1, id FROM organisations ORDER BY created, id LIMIT 1;

CREATE TABLE merchants (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  org TEXT NOT NULL UNIQUE REFERENCES organisations(id),
  name TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT;

CREATE TABLE merchant_keys (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  merchant TEXT NOT NULL REFERENCES merchants(id),
  category TEXT NOT NULL CHECK (category IN ('base', 'kit', 'code', 'notify')),
  sealed BLOB NOT NULL,
  created INTEGER NOT NULL,
  revoked INTEGER -- NULL while it is good
) STRICT;
CREATE INDEX merchant_keys_merchant ON merchant_keys(merchant, seq);

CREATE TABLE access_keys (
  seq INTEGER PRIMARY KEY,
  access TEXT NOT NULL UNIQUE,
  merchant TEXT NOT NULL REFERENCES merchants(id),
  sealed BLOB NOT NULL,
  created INTEGER NOT NULL,
  revoked INTEGER
) STRICT;
CREATE INDEX access_keys_merchant ON access_keys(merchant, seq);

CREATE TABLE addresses (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  merchant TEXT NOT NULL REFERENCES merchants(id),
  base TEXT NOT NULL,
  challenge TEXT NOT NULL,
  verified INTEGER, -- NULL before
  created INTEGER NOT NULL,
  UNIQUE (merchant, base)
) STRICT;

CREATE TABLE listings (
  product TEXT PRIMARY KEY REFERENCES products(id),
  merchant TEXT NOT NULL REFERENCES merchants(id),
  kind TEXT NOT NULL CHECK (kind IN ('license', 'code', 'saas')),
  provision INTEGER NOT NULL CHECK (provision IN (1, 2)),
  url TEXT NOT NULL,
  key TEXT NOT NULL REFERENCES merchant_keys(id),
  notify_url TEXT NOT NULL,
  notify_key TEXT REFERENCES merchant_keys(id),
  bound INTEGER NOT NULL,
  on_sale INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX listings_merchant ON listings(merchant, product);

CREATE TABLE specs (
  product_id TEXT PRIMARY KEY,
  product TEXT NOT NULL REFERENCES listings(product),
  sku TEXT NOT NULL,
  name TEXT NOT NULL,
  charging TEXT NOT NULL CHECK (charging IN ('PERIOD', 'ONE_TIME', 'ON_DEMAND', 'ON_DEMAND_PKG')),
  period TEXT NOT NULL,
  features TEXT NOT NULL, -- JSON array
  trial_days INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX specs_product ON specs(product, product_id);
