-- What the ISV knows. Each unique key is one that the marketplace repeats its calls with.
CREATE TABLE IF NOT EXISTS instances (
  id TEXT PRIMARY KEY,
  order_id TEXT NOT NULL,
  line TEXT NOT NULL,
  test INTEGER NOT NULL,  -- of debugging calls and probes: never counted
  seats INTEGER NOT NULL,
  until INTEGER NOT NULL, -- Unix seconds, 0: without an end
  status TEXT NOT NULL CHECK (status IN ('active', 'frozen', 'released'))
) STRICT;

CREATE TABLE IF NOT EXISTS licences (
  number INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
  event TEXT NOT NULL,
  instance TEXT NOT NULL REFERENCES instances(id),
  fingerprint TEXT NOT NULL,
  UNIQUE (instance, event, fingerprint)
) STRICT;
