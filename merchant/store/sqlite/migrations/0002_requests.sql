-- What unfinished work is begun again from when no request comes: by a poll for the instance, or by the
-- server itself for what it owes.

-- +goose Up
ALTER TABLE merchant_calls ADD COLUMN request BLOB;       -- of the first attempt, until it is done
ALTER TABLE merchant_calls ADD COLUMN owed_since INTEGER; -- NULL: nothing is owed
ALTER TABLE merchant_calls ADD COLUMN due INTEGER;        -- of the next attempt, while it is owed

CREATE INDEX merchant_calls_due ON merchant_calls (due) WHERE due IS NOT NULL;
