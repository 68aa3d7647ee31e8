-- Debugging: saved cases, probes of listings, and events of test licences. Times are Unix
-- milliseconds; 0 stands for none.

-- +goose Up
CREATE TABLE cases (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  merchant TEXT NOT NULL REFERENCES merchants(id),
  product TEXT NOT NULL,
  url TEXT NOT NULL,
  key TEXT NOT NULL,
  scene TEXT NOT NULL,
  params TEXT NOT NULL,
  instance TEXT NOT NULL,
  saved INTEGER NOT NULL,
  last INTEGER NOT NULL,
  passed INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  said TEXT NOT NULL,
  UNIQUE (merchant, product, url, scene)
) STRICT;
CREATE INDEX cases_product ON cases(product) WHERE product <> '';

CREATE TABLE probes (
  product TEXT PRIMARY KEY,
  slot INTEGER NOT NULL,
  failing INTEGER NOT NULL, -- days
  day INTEGER NOT NULL      -- the last one that counts as failing, 0 for none
) STRICT, WITHOUT ROWID;

CREATE TABLE test_events (
  seq INTEGER PRIMARY KEY,
  event TEXT NOT NULL UNIQUE,
  merchant TEXT NOT NULL REFERENCES merchants(id),
  created INTEGER NOT NULL,
  received INTEGER NOT NULL,
  type TEXT NOT NULL,
  file_name TEXT NOT NULL,
  size INTEGER NOT NULL,
  sum BLOB NOT NULL,
  head BLOB NOT NULL,
  repeats INTEGER NOT NULL,
  others INTEGER NOT NULL
) STRICT;
CREATE INDEX test_events_merchant ON test_events(merchant, seq);
