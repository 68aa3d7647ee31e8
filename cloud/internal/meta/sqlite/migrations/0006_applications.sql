-- Applications for licences that merchants make. Times are Unix milliseconds; 0 stands for none.

-- +goose Up
CREATE TABLE applications (
  seq INTEGER PRIMARY KEY,
  event TEXT NOT NULL UNIQUE,
  key BLOB NOT NULL,
  org TEXT NOT NULL REFERENCES organisations(id),
  resource TEXT NOT NULL,
  merchant TEXT NOT NULL,
  product TEXT NOT NULL,
  term INTEGER NOT NULL,
  account TEXT NOT NULL, -- no reference: the licence stays when a member leaves
  device TEXT NOT NULL,
  form TEXT NOT NULL CHECK (form IN ('string', 'file')),
  fingerprint TEXT NOT NULL,
  fingerprint_form TEXT NOT NULL,
  starts INTEGER NOT NULL,
  ends INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('asking', 'making', 'delivered', 'refused')),
  reason TEXT NOT NULL,
  code TEXT NOT NULL,
  message TEXT NOT NULL,
  asks INTEGER NOT NULL,
  asked INTEGER NOT NULL,
  content BLOB, -- NULL before the upload
  content_type TEXT NOT NULL,
  file_name TEXT NOT NULL,
  created INTEGER NOT NULL,
  decided INTEGER NOT NULL,
  CHECK ((state = 'delivered') = (content IS NOT NULL))
) STRICT;
-- Whatever happens at once: one application that can still become a licence for each key.
CREATE UNIQUE INDEX applications_key ON applications(key) WHERE state <> 'refused';
CREATE INDEX applications_keys ON applications(key, seq);
CREATE INDEX applications_term ON applications(resource, term, state);
CREATE INDEX applications_org ON applications(org, seq);
CREATE INDEX applications_merchant ON applications(merchant, seq);
