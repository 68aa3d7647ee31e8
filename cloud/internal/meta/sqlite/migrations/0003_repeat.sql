-- A refresh may be repeated until its successor was used, which the successor's own row tells.

-- +goose Up
ALTER TABLE tokens DROP COLUMN repeated;
