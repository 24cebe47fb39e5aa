// What a run stores of a schema leaves out the queries of classes that have no objects: it must be what a whole reading finds,
// whichever class is the only one that has some.
import { expect } from 'chai';
import { untilStillSql } from '../../scripts/schema/catalog/moving.ts';
import { onlyWhere } from '../../scripts/schema/catalog/presence.ts';
import { canonicalSettings, readObjects, withClassStates } from '../../scripts/schema/catalog/snapshot.ts';
import { defaultSchemaOptions, type Query } from '../../scripts/schema/types.ts';
import { createDatabase } from '../support/database.ts';
import { preparedQueryOn, queryOn } from '../support/schema.ts';

const f = 'CREATE FUNCTION f(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 1 $$';
const t = 'CREATE TABLE t (id integer PRIMARY KEY CHECK (id > 0), note text)';
const wrapper = 'CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w';

/** By class, statements that make the first object of it; several where a class has more than one kind. */
const firsts: Readonly<Record<string, readonly string[]>> = {
  relation: [t, 'CREATE VIEW v AS SELECT 1 AS one', 'CREATE MATERIALIZED VIEW m AS SELECT 1 AS one'],
  routine: [f, 'CREATE PROCEDURE p() LANGUAGE sql AS $$ SELECT 1 $$'],
  aggregate: ['CREATE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer)'],
  trigger: [
    `${t}; CREATE TRIGGER same BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
  ],
  rule: [`${t}; CREATE RULE no AS ON DELETE TO t DO INSTEAD NOTHING`],
  policy: [`${t}; CREATE POLICY own ON t USING (id = 1)`],
  statistics: [`${t}; CREATE STATISTICS both_columns ON id, note FROM t`],
  type: [
    `CREATE TYPE e AS ENUM ('a')`,
    'CREATE TYPE c AS (a integer)',
    'CREATE TYPE r AS RANGE (SUBTYPE = integer)',
    'CREATE TYPE shell',
    'CREATE DOMAIN d AS integer CHECK (VALUE > 0)',
  ],
  sequence: ['CREATE SEQUENCE q'],
  publication: ['CREATE PUBLICATION p'],
  subscription: [
    `CREATE SUBSCRIPTION presence CONNECTION '' PUBLICATION p WITH (connect = false, slot_name = NONE)`,
  ],
  'event-trigger': [
    'CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$; CREATE EVENT TRIGGER seen ON sql_drop EXECUTE FUNCTION e()',
  ],
  'default-privileges': ['ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC'],
  collation: [`CREATE COLLATION other (LOCALE = 'C')`],
  operator: [`${f}; CREATE OPERATOR !! (RIGHTARG = integer, FUNCTION = f)`],
  'operator-class': [
    'CREATE OPERATOR CLASS o FOR TYPE integer USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(integer)',
  ],
  'operator-family': [
    'CREATE OPERATOR FAMILY family USING btree',
    `CREATE FUNCTION below(integer, oid) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN true; CREATE OPERATOR < (LEFTARG = integer, RIGHTARG = oid, FUNCTION = below);
     ALTER OPERATOR FAMILY integer_ops USING btree ADD OPERATOR 1 < (integer, oid)`,
  ],
  cast: ['CREATE CAST (integer AS date) WITHOUT FUNCTION'],
  conversion: [`CREATE CONVERSION other FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8`],
  'text-search': [
    'CREATE TEXT SEARCH CONFIGURATION other (PARSER = "default")',
    'CREATE TEXT SEARCH DICTIONARY other (TEMPLATE = simple)',
    'CREATE TEXT SEARCH PARSER other (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)',
    'CREATE TEXT SEARCH TEMPLATE other (LEXIZE = dsimple_lexize)',
  ],
  'foreign-data-wrapper': ['CREATE FOREIGN DATA WRAPPER w'],
  'foreign-server': [wrapper],
  'user-mapping': [`${wrapper}; CREATE USER MAPPING FOR PUBLIC SERVER s`],
  language: ['CREATE LANGUAGE other HANDLER plpgsql_call_handler'],
  transform: [
    'CREATE FUNCTION from_sql(internal) RETURNS internal LANGUAGE internal IMMUTABLE AS $$prsd_end$$; CREATE TRANSFORM FOR point LANGUAGE sql (FROM SQL WITH FUNCTION from_sql(internal))',
  ],
  'access-method': ['CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler'],
  distribution: [
    `CREATE TABLE x (id integer); CREATE TABLE migration_ledger.stand_in_distribution AS SELECT 'x'::regclass::oid AS relid, 'reference' AS kind, NULL::text AS col, '1' AS grp`,
  ],
  comment: [
    `COMMENT ON SCHEMA public IS 'other'`,
    `CREATE INDEX i ON at_hand (id); COMMENT ON INDEX i IS 'x'`,
    `COMMENT ON COLUMN at_hand.id IS 'x'`,
    `COMMENT ON CONSTRAINT positive ON at_hand IS 'x'`,
    `CREATE RULE no AS ON DELETE TO at_hand DO INSTEAD NOTHING; COMMENT ON RULE no ON at_hand IS 'x'`,
    `CREATE POLICY own ON at_hand; COMMENT ON POLICY own ON at_hand IS 'x'`,
    `CREATE STATISTICS both_columns ON id, note FROM at_hand; COMMENT ON STATISTICS both_columns IS 'x'`,
    `CREATE TRIGGER same BEFORE UPDATE ON at_hand FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger(); COMMENT ON TRIGGER same ON at_hand IS 'x'`,
    `${f}; COMMENT ON FUNCTION f(integer) IS 'x'`,
    `CREATE DOMAIN d AS integer CONSTRAINT small CHECK (VALUE < 9); COMMENT ON CONSTRAINT small ON DOMAIN d IS 'x'`,
    `CREATE TYPE e AS ENUM ('a'); COMMENT ON TYPE e IS 'x'`,
  ],
};

const options = defaultSchemaOptions;
const store = (between: readonly string[] = []) => {
  const [first = '', ...others] = withClassStates(
    options,
    (isStill) =>
      ` INSERT INTO pg_temp.stored SELECT class, json_array_length(objects::json), objects FROM class_state WHERE ${isStill}`,
  );
  return untilStillSql(['DELETE FROM pg_temp.stored', first, ...between, ...others]);
};

/** What is stored, and what a whole reading finds: the number of objects of each class, and all their texts. */
async function bothReadings(query: Query, prepared: Query) {
  await query(`${canonicalSettings}; ${store()}`);
  const stored = await query('SELECT class, objects FROM pg_temp.stored ORDER BY class COLLATE "C"');
  const found = await readObjects(prepared, options);
  const classes = [...new Set(found.map((object) => object.class))].sort();
  return {
    stored: stored.map((row) => [row.class, JSON.parse(String(row.objects))]),
    found: classes.map((name) => [
      name,
      found
        .filter((object) => object.class === name)
        .map(({ identity, definition }) => [identity, definition]),
    ]),
    classes,
  };
}

describe('what a run stores of a schema', () => {
  it('is what a whole reading finds, whichever class is the only one that has objects', async () => {
    expect(firsts).to.include.keys(...Object.keys(onlyWhere));
    const database = await createDatabase();
    const client = await database.client();
    const [query, prepared] = [queryOn(client), preparedQueryOn(client)];
    await query(`CREATE SCHEMA migration_ledger; CREATE TEMP TABLE stored (class text, count integer, objects text);
      CREATE TABLE at_hand (id integer CONSTRAINT positive CHECK (id > 0), note text)`);
    for (const [name, statements] of Object.entries(firsts)) {
      for (const sql of statements) {
        await query(`BEGIN; SET LOCAL client_min_messages = error; ${sql}`);
        const { stored, found, classes } = await bothReadings(query, prepared);
        await query('ROLLBACK');
        expect(classes, sql).to.include(name);
        expect(stored, sql).to.deep.equal(found);
      }
    }
  });

  it('has what another session made between the look and the reading', async () => {
    const database = await createDatabase();
    const [one, other] = [await database.client(), await database.client()];
    const [query, prepared] = [queryOn(one), preparedQueryOn(one)];
    await query(
      'CREATE TEMP TABLE stored (class text, count integer, objects text); CREATE TABLE t (id integer)',
    );
    await other.query('SELECT pg_advisory_lock(7)');
    const waiting = query(`SET search_path = ''; ${store(['PERFORM pg_catalog.pg_advisory_lock(7)'])}`);
    const isWaiting = `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS yes`;
    while (!(await other.query(isWaiting)).rows[0].yes);
    await other.query('CREATE POLICY own ON t; SELECT pg_advisory_unlock(7)');
    await waiting;
    const classes = (await prepared('SELECT class FROM pg_temp.stored')).map((row) => row.class);
    expect(classes).to.include('policy');
  });
});
