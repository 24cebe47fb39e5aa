// Every kind of change that somebody might make by hand is seen by the change token and named by the comparison.
import { expect } from 'chai';
import type pg from 'pg';
import { describeDifference } from '../../scripts/schema/change/diff.ts';
import { defaultSchemaOptions, type SchemaOptions, type Snapshot } from '../../scripts/schema/types.ts';
import { type Change, tableChanges } from '../fixtures/schema/changes.ts';
import { privilegeChanges, programChanges } from '../fixtures/schema/program-changes.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { changesSince, queryOn, readChangeToken, schemaFixture, snapshotOf } from '../support/schema.ts';

describe('a change by hand', () => {
  let database: TestDatabase;
  let client: pg.Client;
  let role: string;
  const base = new Map<SchemaOptions, { token: string; snapshot: Snapshot }>();
  const withPrivileges: SchemaOptions = { ...defaultSchemaOptions, include: ['owners', 'grants'] };

  before(async () => {
    database = await createDatabase();
    client = await database.client();
    role = `schema_changes_${process.pid}`;
    await client.query(`CREATE ROLE ${role}`);
    await client.query(schemaFixture('one-of-everything.sql'));
    await client.query(schemaFixture('beyond.sql'));
    const query = queryOn(client);
    for (const options of [defaultSchemaOptions, withPrivileges]) {
      base.set(options, {
        token: await readChangeToken(query, options),
        snapshot: await snapshotOf(query, options),
      });
    }
  });

  after(async () => {
    await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  const fill = (text: string) =>
    text.replaceAll('$role', role).replaceAll('$db', database.name).replaceAll('postgres', database.user);

  async function check([kind, identity, sql, undo]: Change, options: SchemaOptions): Promise<void> {
    const query = queryOn(client);
    const { token, snapshot } = base.get(options)!;
    await query('BEGIN');
    try {
      await query(fill(sql));
      expect(await readChangeToken(query, options), 'the change token').not.to.equal(token);
      const differences = await changesSince(snapshot, query, options, 'running');
      const seen = differences.map((difference) => `${difference.kind} ${difference.identity}`);
      expect(seen, 'the comparison').to.include(`${kind} ${fill(identity)}`);
      for (const line of differences.map(describeDifference)) expect(line).to.match(/^[+~-] [^\n]+$/);
      expect(JSON.stringify(differences)).not.to.include('hunter2');
      if (process.env.SHOW_DIFFERENCES)
        console.log(differences.map((d) => `        ${describeDifference(d)}`).join('\n'));
      if (undo === undefined) return;
      await query(fill(undo));
      const left = await changesSince(snapshot, query, options, 'running');
      expect(
        left.filter(({ severity }) => severity === 'drift').map(describeDifference),
        'after undoing it',
      ).to.deep.equal([]);
    } finally {
      await query('ROLLBACK');
    }
  }

  for (const change of [...tableChanges, ...programChanges]) {
    it(`is seen: ${change[2].replaceAll(/\s+/g, ' ')}`, () => check(change, defaultSchemaOptions));
  }

  for (const change of privilegeChanges) {
    it(`is seen where the configuration asks for it: ${change[2]}`, () => check(change, withPrivileges));

    it(`is left alone otherwise: ${change[2]}`, async () => {
      const query = queryOn(client);
      const { snapshot } = base.get(defaultSchemaOptions)!;
      await query('BEGIN');
      await query(fill(change[2]));
      const differences = await changesSince(snapshot, query, defaultSchemaOptions, 'running');
      await query('ROLLBACK');
      expect(differences).to.deep.equal([]);
    });
  }

  it('leaves nothing behind once it is rolled back', async () => {
    const query = queryOn(client);
    for (const [options, { token, snapshot }] of base) {
      expect(await changesSince(snapshot, query, options)).to.deep.equal([]);
      expect(await readChangeToken(query, options)).to.equal(token);
    }
  });
});

describe('the first of its kind in a database', () => {
  // Of what nothing is there yet, the change token does not look into the catalogs.
  const kinds = [
    'CREATE TABLE t (id integer)',
    'CREATE SEQUENCE s',
    'CREATE VIEW v AS SELECT 1 AS one',
    "CREATE TYPE mood AS ENUM ('fine')",
    'CREATE TYPE span AS RANGE (subtype = integer)',
    "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_catalog.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    'CREATE AGGREGATE a (integer) (SFUNC = int4pl, STYPE = integer)',
    'CREATE AGGREGATE pg_catalog.a (integer) (SFUNC = int4pl, STYPE = integer)',
    'CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = integer, RIGHTARG = integer)',
    'CREATE OPERATOR pg_catalog.=== (FUNCTION = int4eq, LEFTARG = integer, RIGHTARG = integer)',
    'CREATE OPERATOR FAMILY pg_catalog.family USING btree',
    'ALTER OPERATOR FAMILY oid_ops USING hash ADD OPERATOR 1 = (integer, integer)',
    'ALTER OPERATOR FAMILY integer_ops USING btree ADD FUNCTION 1 (integer, oid) btint4cmp(integer, integer)',
    'CREATE CAST (integer AS point) WITH INOUT',
    'CREATE COLLATION pg_catalog.other FROM "C"',
    "CREATE CONVERSION pg_catalog.other FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
    'CREATE TEXT SEARCH CONFIGURATION pg_catalog.other (COPY = simple)',
    'CREATE TEXT SEARCH DICTIONARY pg_catalog.other (TEMPLATE = simple)',
    'CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler',
    'CREATE LANGUAGE other HANDLER plpgsql_call_handler',
    'CREATE TRANSFORM FOR point LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal))',
    'CREATE FOREIGN DATA WRAPPER w',
    'CREATE PUBLICATION p FOR ALL TABLES',
    'CREATE PUBLICATION p',
    "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION e()",
    'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC',
    'ALTER DATABASE $db SET work_mem = 77',
    "COMMENT ON DATABASE $db IS 'mine'",
    "COMMENT ON SCHEMA public IS 'mine'",
    "COMMENT ON EXTENSION plpgsql IS 'mine'",
    'DROP EXTENSION plpgsql',
    'CREATE SCHEMA other',
  ];
  const onTables = [
    'CREATE RULE r AS ON INSERT TO t DO NOTHING',
    'CREATE TRIGGER c BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    'CREATE POLICY p ON t',
    'CREATE STATISTICS x ON id, n FROM t',
    'CREATE TABLE heir () INHERITS (t)',
    'CREATE TABLE parted (id integer) PARTITION BY LIST (id)',
    'ALTER TABLE t ADD UNIQUE (id)',
    'ALTER TABLE t ALTER n SET DEFAULT 1',
    'ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES u',
    'CREATE INDEX ON t (id)',
    "COMMENT ON COLUMN t.n IS 'mine'",
  ];

  it('is seen by the change token', async () => {
    const database = await createDatabase();
    const client = await database.client();
    const query = queryOn(client);
    const unseen = async (changes: readonly string[]) => {
      const before = await readChangeToken(query, defaultSchemaOptions);
      const passed: string[] = [];
      for (const sql of changes) {
        await query('BEGIN');
        await query(sql.replaceAll('$db', database.name));
        if ((await readChangeToken(query, defaultSchemaOptions)) === before) passed.push(sql);
        await query('ROLLBACK');
      }
      expect(await readChangeToken(query, defaultSchemaOptions), 'after rolling back').to.equal(before);
      return passed;
    };
    expect(await unseen(kinds)).to.deep.equal([]);
    await query('CREATE TABLE t (id integer, n integer); CREATE TABLE u (id integer PRIMARY KEY)');
    expect(await unseen(onTables)).to.deep.equal([]);
  });
});
