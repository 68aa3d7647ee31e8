-- Orders, what they became at a merchant, the calls to merchants and the notices of them. Times are
-- Unix milliseconds; 0 stands for none.

-- +goose Up
CREATE TABLE orders (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  org TEXT NOT NULL REFERENCES organisations(id),
  type TEXT NOT NULL,
  line TEXT NOT NULL,
  spec TEXT NOT NULL,
  product TEXT NOT NULL,
  merchant TEXT NOT NULL,
  amount INTEGER NOT NULL,
  periods INTEGER NOT NULL,
  resource TEXT NOT NULL,
  expire INTEGER NOT NULL,
  state TEXT NOT NULL,
  account TEXT NOT NULL,
  created INTEGER NOT NULL,
  repeat TEXT,
  reason TEXT NOT NULL,
  undoes TEXT NOT NULL,
  before INTEGER NOT NULL,
  replaces TEXT NOT NULL
) STRICT;
CREATE INDEX orders_org ON orders(org, seq);
CREATE INDEX orders_merchant ON orders(merchant, seq);
CREATE INDEX orders_resource ON orders(resource, seq);
CREATE UNIQUE INDEX orders_repeat ON orders(org, repeat) WHERE repeat IS NOT NULL;
-- An organisation tries a product once; a trial that failed was none.
CREATE UNIQUE INDEX orders_trial ON orders(org, product) WHERE type = 'TRIAL' AND state <> 'failed';

CREATE TABLE resources (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  org TEXT NOT NULL REFERENCES organisations(id),
  product TEXT NOT NULL,
  merchant TEXT NOT NULL,
  kind TEXT NOT NULL,
  spec TEXT NOT NULL,
  merchant_id TEXT NOT NULL,
  business_id TEXT NOT NULL,
  made_by TEXT NOT NULL, -- order
  line TEXT NOT NULL,
  in_force TEXT NOT NULL, -- order
  charging TEXT NOT NULL,
  trial INTEGER NOT NULL,
  amount INTEGER NOT NULL,
  state TEXT NOT NULL,
  delivery TEXT NOT NULL,
  rejected INTEGER NOT NULL,
  starts INTEGER NOT NULL,
  ends INTEGER NOT NULL,
  frozen INTEGER NOT NULL,
  term INTEGER NOT NULL,
  created INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  pending TEXT NOT NULL,
  due INTEGER NOT NULL,
  since INTEGER NOT NULL,
  requirement TEXT NOT NULL,
  proof TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE INDEX resources_org ON resources(org, seq);
CREATE INDEX resources_merchant ON resources(merchant, seq);
CREATE INDEX resources_due ON resources(due) WHERE due > 0;
-- A merchant's instanceId names one resource.
CREATE UNIQUE INDEX resources_merchant_id ON resources(merchant, merchant_id) WHERE merchant_id <> '';

CREATE TABLE calls (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  merchant TEXT NOT NULL,
  product TEXT NOT NULL,
  activity TEXT NOT NULL,
  subject TEXT NOT NULL,
  key TEXT NOT NULL UNIQUE,
  body BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed', 'stopped')),
  attempts INTEGER NOT NULL,
  created INTEGER NOT NULL,
  next INTEGER NOT NULL,
  ends INTEGER NOT NULL,
  last_time INTEGER NOT NULL,
  last_status INTEGER NOT NULL,
  last_result TEXT NOT NULL,
  last_error TEXT NOT NULL
) STRICT;
CREATE INDEX calls_next ON calls(next) WHERE state = 'waiting';
CREATE INDEX calls_due ON calls(merchant, next, seq) WHERE state = 'waiting';
CREATE INDEX calls_line ON calls(subject, seq) WHERE state = 'waiting';
CREATE INDEX calls_subject ON calls(subject, seq);
CREATE INDEX calls_merchant ON calls(merchant, seq);

CREATE TABLE notices (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  merchant TEXT NOT NULL,
  category TEXT NOT NULL,
  event TEXT NOT NULL,
  about TEXT NOT NULL,
  params TEXT NOT NULL, -- JSON object
  count INTEGER NOT NULL,
  time INTEGER NOT NULL,
  read INTEGER NOT NULL,
  UNIQUE (about, event)
) STRICT;
CREATE INDEX notices_merchant ON notices(merchant, seq);
