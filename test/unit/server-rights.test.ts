// What a statement reaches beyond its database, in its tree and in the text of blocks and functions.
import { expect } from 'chai';
import { loadParser } from '../../scripts/files/statements.ts';
import { reaches } from '../../scripts/lint/rules/server-rights.ts';

const parse = await loadParser(16);

function reached(sql: string): readonly string[] {
  const parsed = parse(sql);
  if (parsed.ok !== true) throw new Error(`does not parse: ${sql}`);
  return parsed.statements.flatMap((statement) => reaches(statement).map(({ reach }) => reach));
}

const found: Readonly<Record<string, readonly string[]>> = {
  program: [
    "COPY a TO PROGRAM 'x'",
    "COPY a FROM PROGRAM 'x'",
    "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'a', 'b'",
    'CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS $$ import os $$',
    'DO LANGUAGE plperlu $$ 1 $$',
    'CREATE LANGUAGE plperlu',
    'CREATE EXTENSION plpython3u',
    "DO $$ BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''x'''; END $$",
    "DO $$ BEGIN EXECUTE format('COPY %I FROM PROGRAM %L', 'a', 'x'); END $$",
  ],
  file: [
    "COPY a FROM '/x'",
    "COPY a TO '/x' WITH (FORMAT csv)",
    "SELECT pg_catalog.pg_ls_dir('.')",
    "INSERT INTO a SELECT lo_import('/x')",
    "SELECT lo_export(1, '/x')",
    "CREATE TABLE b AS SELECT pg_read_binary_file('/x')",
    "CREATE FUNCTION f() RETURNS text RETURN pg_read_file('x')",
    "CREATE VIEW v AS SELECT pg_stat_file('x')",
    "DO $$ BEGIN PERFORM pg_read_file('/x'); END $$",
    "DO $$ BEGIN COPY a TO '/tmp/x'; END $$",
    "DO $$ BEGIN EXECUTE 'COPY (SELECT 1) TO ' || quote_literal('/tmp/x'); END $$",
    'CREATE EXTENSION file_fdw',
  ],
  server: [
    'CREATE EXTENSION dblink',
    'CREATE EXTENSION postgres_fdw',
    "CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'x')",
    "CREATE USER MAPPING FOR x SERVER y OPTIONS (password 'p')",
    'IMPORT FOREIGN SCHEMA a FROM SERVER s INTO b',
    "SELECT * FROM dblink('a', 'b') AS t (a int)",
    "DO $$ BEGIN PERFORM dblink_exec('a', 'b'); END $$",
    "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ SELECT dblink_connect('x') $$",
  ],
  role: [
    'CREATE ROLE x SUPERUSER',
    'ALTER ROLE x SUPERUSER',
    'ALTER USER x BYPASSRLS',
    'CREATE USER x REPLICATION',
    'GRANT pg_read_server_files TO x',
    'GRANT pg_execute_server_program TO x WITH ADMIN OPTION',
    "DO $$ BEGIN EXECUTE 'CREATE ROLE ' || 'x' || ' SUPERUSER'; END $$",
    'CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN ALTER USER x WITH SUPERUSER; END $$',
    "DO $$ BEGIN EXECUTE 'GRANT pg_write_server_files TO x'; END $$",
  ],
};

const harmless = [
  'COPY a FROM stdin',
  'COPY a TO stdout',
  'ALTER ROLE x NOSUPERUSER NOREPLICATION NOBYPASSRLS',
  "CREATE ROLE x LOGIN PASSWORD 'superuser'",
  'GRANT pg_read_all_data TO x',
  "INSERT INTO a VALUES ('COPY a TO PROGRAM')",
  'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
  "DO $$ BEGIN\n  -- copy the name\n  SET LOCAL work_mem TO '4MB'; END $$",
  'DO $$ BEGIN ALTER ROLE x NOSUPERUSER; END $$',
  "SELECT set_config('a.program', 'copy', true)",
  'CREATE TABLE dblink (superuser text, program text)',
];

describe('statements that reach beyond their database', () => {
  for (const [reach, statements] of Object.entries(found))
    for (const sql of statements)
      it(`${reach}: ${sql}`, () => void expect(reached(sql)).to.deep.equal([reach]));
  for (const sql of harmless)
    it(`not: ${sql.replaceAll('\n', ' ')}`, () => void expect(reached(sql)).to.deep.equal([]));
});
