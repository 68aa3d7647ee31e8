-- Authorization codes, and what is reported about the use of codes and instances.

-- +goose Up
CREATE TABLE codes (
  code TEXT PRIMARY KEY,
  merchant TEXT NOT NULL,
  org TEXT NOT NULL,
  product TEXT NOT NULL,
  product_id TEXT NOT NULL,
  resource TEXT NOT NULL, -- '' for test codes
  order_id TEXT NOT NULL,
  amount INTEGER NOT NULL,
  test INTEGER NOT NULL,
  state TEXT NOT NULL,
  expire INTEGER NOT NULL,    -- 0: none
  effect INTEGER NOT NULL,    -- 0: not activated
  activated INTEGER NOT NULL, -- 0: not activated
  seen INTEGER NOT NULL,      -- 0: never
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX codes_resource ON codes(resource) WHERE resource <> '';
CREATE INDEX codes_merchant ON codes(merchant, test, code);

-- One row for a client's mark on a day; client '' is the number that was reported.
CREATE TABLE client_uses (
  code TEXT NOT NULL REFERENCES codes(code),
  day INTEGER NOT NULL,
  client TEXT NOT NULL,
  active INTEGER NOT NULL,
  PRIMARY KEY (code, day, client)
) STRICT, WITHOUT ROWID;

CREATE TABLE usages (
  merchant TEXT NOT NULL,
  serial TEXT NOT NULL,
  instance TEXT NOT NULL,
  package TEXT NOT NULL,
  value TEXT NOT NULL,
  record INTEGER NOT NULL,
  begins INTEGER NOT NULL,
  ends INTEGER NOT NULL,
  PRIMARY KEY (merchant, serial)
) STRICT, WITHOUT ROWID;
CREATE INDEX usages_instance ON usages(merchant, instance, begins);
