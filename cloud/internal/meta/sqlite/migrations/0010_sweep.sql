-- What is swept after 90 days is found by index: ended calls and notices that were read.

-- +goose Up
CREATE INDEX calls_ended ON calls(created) WHERE state IN ('done', 'stopped');
CREATE INDEX notices_read ON notices(read) WHERE read > 0;
