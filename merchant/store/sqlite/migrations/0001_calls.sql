-- What an ISV's production server keeps. The names begin with merchant_, since the tables may lie in
-- the ISV's own database. Times are Unix milliseconds.

-- +goose Up
CREATE TABLE merchant_calls (
	key         TEXT PRIMARY KEY,
	test        INTEGER NOT NULL,
	digest      TEXT NOT NULL,    -- of the first attempt's other fields
	instance_id TEXT UNIQUE,      -- of creating calls
	attempts    INTEGER NOT NULL,
	state       TEXT NOT NULL CHECK (state IN ('begun', 'open', 'ordered', 'done')),
	ordered     INTEGER NOT NULL DEFAULT 0,
	kept        BLOB,
	answer      BLOB,
	created     INTEGER NOT NULL,
	done        INTEGER           -- of the last success
);

CREATE TABLE merchant_nonces (
	nonce TEXT PRIMARY KEY,
	until INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX merchant_nonces_until ON merchant_nonces (until);
