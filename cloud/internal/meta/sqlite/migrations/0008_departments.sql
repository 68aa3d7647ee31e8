-- An organisation's tree and who belongs where.

-- +goose Up
CREATE TABLE departments (
  id TEXT PRIMARY KEY,
  org TEXT NOT NULL REFERENCES organisations(id),
  parent TEXT REFERENCES departments(id), -- NULL at the top
  name TEXT NOT NULL,
  fold TEXT NOT NULL, -- the name as siblings are compared
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX departments_siblings ON departments(org, ifnull(parent, ''), fold);
CREATE INDEX departments_parent ON departments(parent);

CREATE TABLE department_members (
  account TEXT PRIMARY KEY REFERENCES accounts(account) ON DELETE CASCADE,
  department TEXT NOT NULL REFERENCES departments(id)
) STRICT, WITHOUT ROWID;
CREATE INDEX department_members_department ON department_members(department);
