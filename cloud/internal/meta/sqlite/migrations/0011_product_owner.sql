-- Who has entered a product: nobody else may license or list it. '' is the operator, as for all before.

-- +goose Up
ALTER TABLE products ADD COLUMN org TEXT NOT NULL DEFAULT '';
