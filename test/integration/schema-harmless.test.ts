// What nobody would call a change of the schema is none: housekeeping, rows, temporary objects, and what was undone.
import { expect } from 'chai';
import type pg from 'pg';
import { describeDifference } from '../../scripts/schema/change/diff.ts';
import { defaultSchemaOptions, type Snapshot } from '../../scripts/schema/types.ts';
import { createDatabase } from '../support/database.ts';
import { changesSince, queryOn, readChangeToken, schemaFixture, snapshotOf } from '../support/schema.ts';

/** Statements are sent one by one: some of them cannot run in a transaction. */
type Action = readonly string[];

const quietEverywhere: readonly Action[] = [
  ['ANALYZE'],
  ['VACUUM'],
  ['VACUUM ANALYZE app.customer'],
  ['VACUUM FULL app.customer', 'VACUUM FULL app.item'],
  ['VACUUM FULL'],
  ['VACUUM FREEZE'],
  ['REINDEX TABLE app.customer'],
  ['REINDEX INDEX app.item_payload'],
  ['REINDEX SCHEMA app'],
  ['CLUSTER app.customer USING customer_pkey'],
  ['CLUSTER'],
  ['TRUNCATE app.scratch'],
  ['TRUNCATE app.customer RESTART IDENTITY CASCADE'],
  ['REFRESH MATERIALIZED VIEW app.summary'],
  ['REFRESH MATERIALIZED VIEW CONCURRENTLY app.summary'],
  ['REFRESH MATERIALIZED VIEW app.summary WITH NO DATA'],
  [
    'CREATE TEMP TABLE passing (id serial PRIMARY KEY, note text CHECK (note > 0::text))',
    'CREATE INDEX ON passing (note)',
  ],
  ['CREATE TEMP VIEW passing_view AS SELECT * FROM app.customer'],
  ['CREATE TEMP SEQUENCE passing_numbers'],
  [
    `CREATE FUNCTION pg_temp.passing() RETURNS integer LANGUAGE sql AS 'SELECT 1'`,
    'SELECT pg_temp.passing()',
  ],
  [`CREATE TYPE pg_temp.passing_mood AS ENUM ('x')`],
  ['CREATE TEMP TABLE described (id integer)', `COMMENT ON TABLE described IS 'gone soon'`],
  [
    `INSERT INTO app.customer ("Full Name", email) VALUES ('Ada', 'ada@example.org')`,
    `UPDATE app.customer SET code = 'X'`,
    'DELETE FROM app.customer',
  ],
  [
    `INSERT INTO app.event (id, at, kind) SELECT n, '2025-06-01', 'k' FROM generate_series(1, 1000) n`,
    'ANALYZE app.event',
  ],
  [`SELECT nextval('app.ticket')`, `SELECT setval('app.loose', 77)`],
  ['ALTER SEQUENCE app.loose RESTART WITH 500'],
  ['CHECKPOINT'],
  [
    `SET work_mem = '9MB'`,
    `SET search_path = app`,
    `SET timezone = 'Asia/Tokyo'`,
    `SET datestyle = 'German'`,
    'SET quote_all_identifiers = on',
    `SET intervalstyle = 'iso_8601'`,
    'SET extra_float_digits = 0',
  ],
  [
    'BEGIN',
    'CREATE TABLE public.undone (id integer)',
    'ALTER TABLE app.customer ADD COLUMN undone text',
    'ROLLBACK',
  ],
  ['PREPARE passing_statement AS SELECT 1', 'LISTEN passing', 'SELECT pg_advisory_lock(1)'],
  ['SELECT lo_create(0)'],
  [
    'CREATE TABLE public.pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)',
    `INSERT INTO public.pgmigrations (name, run_on) VALUES ('one', now())`,
    `COMMENT ON TABLE public.pgmigrations IS 'ours'`,
  ],
  [
    'CREATE SCHEMA migration_ledger',
    'CREATE TABLE migration_ledger.run (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz DEFAULT now())',
    'CREATE VIEW migration_ledger.latest AS SELECT max(id) FROM migration_ledger.run',
    `CREATE FUNCTION migration_ledger.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'`,
    `CREATE TYPE migration_ledger.state AS ENUM ('a')`,
  ],
  [`CREATE ROLE $role`, `ALTER ROLE $role SET work_mem = '7MB'`, 'DROP ROLE $role'],
];

const quietInComparison: readonly Action[] = [
  ['REINDEX TABLE CONCURRENTLY app.customer'],
  // Without the name from PostgreSQL 16 on.
  ['REINDEX DATABASE $database'],
  ['ALTER TABLE public.plain ADD COLUMN back integer', 'ALTER TABLE public.plain DROP COLUMN back'],
  ['ALTER TABLE public.plain RENAME TO there', 'ALTER TABLE public.there RENAME TO plain'],
  ['CREATE TABLE public.there (id integer)', 'DROP TABLE public.there'],
  ['ALTER TABLE app.customer DISABLE TRIGGER touch', 'ALTER TABLE app.customer ENABLE TRIGGER touch'],
  ['ALTER TABLE app.bystander DISABLE TRIGGER ALL', 'ALTER TABLE app.bystander ENABLE TRIGGER ALL'],
  ['DROP INDEX app.bystander_a', 'CREATE INDEX CONCURRENTLY bystander_a ON app.bystander (a)'],
  [
    'ALTER TABLE app.child DROP CONSTRAINT to_bystander',
    'ALTER TABLE app.child ADD CONSTRAINT to_bystander FOREIGN KEY (bystander) REFERENCES app.bystander',
  ],
  [`COMMENT ON TABLE public.plain IS 'x'`, 'COMMENT ON TABLE public.plain IS NULL'],
  ['GRANT SELECT ON app.customer TO PUBLIC', 'REVOKE SELECT ON app.customer FROM PUBLIC'],
  ['GRANT SELECT ON public.plain TO PUBLIC'],
  [
    'ALTER TABLE public.plain SET (fillfactor = 50, autovacuum_enabled = off)',
    'ALTER TABLE public.plain RESET (autovacuum_enabled, fillfactor)',
  ],
  ['ALTER TABLE app.customer SET (autovacuum_enabled = false, fillfactor = 80)'],
];

describe('what is no change', () => {
  let client: pg.Client;
  let snapshot: Snapshot;

  before(async () => {
    const database = await createDatabase();
    client = await database.client();
    await client.query(schemaFixture('one-of-everything.sql'));
    await client.query(schemaFixture('beyond.sql'));
    snapshot = await snapshotOf(queryOn(client));
  });

  async function perform(action: Action): Promise<void> {
    const named = (sql: string) =>
      sql
        .replaceAll('$role', `schema_harmless_${process.pid}`)
        .replaceAll('$database', `"${client.database}"`);
    for (const sql of action) await client.query(named(sql));
  }

  async function expectQuiet(): Promise<void> {
    const differences = await changesSince(snapshot, queryOn(client));
    expect(differences.map(describeDifference)).to.deep.equal([]);
  }

  for (const action of quietEverywhere) {
    it(`keeps the change token: ${action.join('; ')}`, async () => {
      const token = await readChangeToken(queryOn(client), defaultSchemaOptions);
      await perform(action);
      expect(await readChangeToken(queryOn(client), defaultSchemaOptions), 'the change token').to.equal(
        token,
      );
      await expectQuiet();
      await client.query('RESET ALL');
    });
  }

  for (const action of quietInComparison) {
    it(`is no difference: ${action.join('; ')}`, async () => {
      await perform(action);
      await expectQuiet();
    });
  }
});
