// The schema as SQL: what it says, an empty database becomes; said again, it is the same text.
import { expect } from 'chai';
import { canonicalText } from '../../scripts/schema/catalog/canonical.ts';
import { describeDifference, diffSnapshots } from '../../scripts/schema/change/diff.ts';
import { renderSchema } from '../../scripts/schema/render/render.ts';
import { defaultSchemaOptions, type Query } from '../../scripts/schema/types.ts';
import { catalogRows } from '../support/catalog-rows.ts';
import { createDatabase } from '../support/database.ts';
import { testMajor } from '../support/postgres.ts';
import { fingerprintOf, queryOn, schemaFixture, snapshotOf } from '../support/schema.ts';

async function emptyDatabase(sql = ''): Promise<Query> {
  const query = queryOn(await (await createDatabase()).client());
  if (sql !== '') await query(sql);
  return query;
}

async function expectCopy(original: Query): Promise<{ sql: string; copy: Query }> {
  const { sql, unsupported } = await renderSchema(original, defaultSchemaOptions);
  expect(unsupported).to.deep.equal([]);
  const copy = await emptyDatabase();
  await copy(sql).catch((error: Error & { position?: string }) => {
    const position = Number(error.position ?? 0);
    throw new Error(`${error.message}\n${sql.slice(Math.max(0, position - 300), position + 200)}`, {
      cause: error,
    });
  });
  await copy('RESET ALL');
  const differences = diffSnapshots((await snapshotOf(original)).objects, (await snapshotOf(copy)).objects);
  expect(differences.map(describeDifference)).to.deep.equal([]);
  expect(await fingerprintOf(copy)).to.equal(await fingerprintOf(original));
  // But for expressions that PostgreSQL prints in another way now.
  const blocks = (text: string) => text.split('\n\n').map(canonicalText);
  expect(blocks((await renderSchema(copy, defaultSchemaOptions)).sql)).to.deep.equal(blocks(sql));
  return { sql, copy };
}

describe('the schema as SQL', () => {
  it('is nearly empty for an empty database', async () => {
    const { sql } = await renderSchema(await emptyDatabase(), defaultSchemaOptions);
    expect(sql).to.equal("SET check_function_bodies = off;\nSET search_path = '';\n");
  });

  it('leaves the ledger and the tracking table out', async () => {
    const original = await emptyDatabase(`
      CREATE TABLE public.pgmigrations (id serial PRIMARY KEY, name text, run_on timestamp);
      CREATE SCHEMA migration_ledger; CREATE TABLE migration_ledger.run (id integer);
      CREATE TABLE public.kept (id integer)`);
    const { sql } = await expectCopy(original);
    expect(sql)
      .to.include('CREATE TABLE public.kept')
      .and.not.to.match(/pgmigrations|migration_ledger/);
  });

  it('takes no value for another setting, and no name for SQL', async () => {
    const original = await emptyDatabase(`
      CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql SET app.x = 'a, search_path=evil' SET app.v2 = '50%, %2C =1' SET App.Odd = E'two\\nlines, a=b' AS 'SELECT 1';
      CREATE FUNCTION public.g() RETURNS integer LANGUAGE sql SET search_path = "a, b=c", public SET work_mem = '5MB' AS 'SELECT 1';
      CREATE FUNCTION public.h() RETURNS integer LANGUAGE sql SET app.x = 'a' SET app.v2 = 'b' AS 'SELECT 1';
      CREATE SUBSCRIPTION odd CONNECTION 'dbname=nowhere' PUBLICATION "a, b", "c WITH (x); --" WITH (connect = false);
      DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET app.x = %L', current_database(), 'a, search_path=evil'); END $$;`);
    const { copy } = await expectCopy(original);
    const read = `SELECT string_agg(proconfig::text, E'\\n' ORDER BY proname) AS routines, (SELECT subpublications::text FROM pg_subscription
      WHERE subdbid = d.oid) AS publications, (SELECT setconfig::text FROM pg_db_role_setting WHERE setdatabase = d.oid) AS database
      FROM pg_proc, pg_database d WHERE pronamespace = 'public'::regnamespace AND datname = current_database() GROUP BY d.oid`;
    const [said, kept] = [await copy(read), await original(read)];
    for (const query of [original, copy])
      await query('ALTER SUBSCRIPTION odd SET (slot_name = NONE); DROP SUBSCRIPTION odd');
    expect(said).to.deep.equal(kept);
  });

  it('breaks circles between a table and functions that take its rows', async () => {
    const original = await emptyDatabase(`
      CREATE TABLE public.a (id integer PRIMARY KEY, n integer);
      CREATE FUNCTION public.of_a(a public.a) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
      CREATE FUNCTION public.next_n(VARIADIC rows public.a[] DEFAULT '{}') RETURNS integer LANGUAGE sql AS 'SELECT 1';
      ALTER TABLE public.a ALTER n SET DEFAULT public.next_n(), ADD CONSTRAINT fine CHECK (public.of_a(a.*) > 0);
      CREATE FUNCTION public.count_b() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM public.b); END';
      CREATE TABLE public.b (n bigint DEFAULT public.count_b(), a integer REFERENCES public.a);
      ALTER TABLE public.a ADD b bigint; ALTER TABLE public.b ADD PRIMARY KEY (n);
      ALTER TABLE public.a ADD FOREIGN KEY (b) REFERENCES public.b`);
    await expectCopy(original);
  });

  const fixtures: Readonly<Record<string, readonly string[]>> = {
    'one of everything, and what belongs to the database as a whole': [
      'one-of-everything.sql',
      'beyond.sql',
      'every-kind.sql',
    ],
    'the odd corners': ['odd-corners.sql'],
    'more corners, heirs with columns in an order of their own': ['more-corners.sql', 'heirs.sql'],
  };
  for (const [what, files] of Object.entries(fixtures)) {
    it(`loses no row of any catalog, read without our queries, and keeps no secret: ${what}`, async () => {
      const text = files.map(schemaFixture).join('\n');
      const original = await emptyDatabase(testMajor < 17 ? text : asOf17(text));
      const { sql, copy } = await expectCopy(original);
      expect(sql).not.to.include('hunter2');
      expect(await catalogRows(copy)).to.deep.equal(await catalogRows(original));
    });
  }

  if (testMajor >= 17)
    it('makes the keys of partitions whose indexes cannot be attached, under their names', async () => {
      const overlaps = `CREATE EXTENSION btree_gist SCHEMA pg_catalog;
        CREATE TABLE public.w (a int, b int4range, PRIMARY KEY (a, b WITHOUT OVERLAPS)) PARTITION BY LIST (a);
        CREATE TABLE public.w_1 PARTITION OF public.w FOR VALUES IN (1);
        CREATE TABLE public.f (x int, y int4range, FOREIGN KEY (x, PERIOD y) REFERENCES public.w (a, PERIOD b));`;
      const original = await emptyDatabase(`${testMajor >= 18 ? overlaps : ''}
        CREATE TABLE public.p (a int, b int, EXCLUDE USING btree (a WITH =)) PARTITION BY LIST (a);
        CREATE TABLE public.p_1 PARTITION OF public.p FOR VALUES IN (1);
        ALTER TABLE public.p ADD CONSTRAINT "Odd" EXCLUDE USING btree (a WITH =, b WITH =) WHERE (b > 1) DEFERRABLE;
        ALTER TABLE public.p_1 RENAME CONSTRAINT p_1_a_excl TO "other Name";
        CREATE TABLE public.p_2 PARTITION OF public.p FOR VALUES IN (2) PARTITION BY LIST (a);
        CREATE TABLE public.p_21 PARTITION OF public.p_2 FOR VALUES IN (2)`);
      const { copy } = await expectCopy(original);
      expect(await catalogRows(copy)).to.deep.equal(await catalogRows(original));
    });

  it('takes what heirs keep of a column that their parent lost for their own', async () => {
    const original = await emptyDatabase(`
      CREATE TABLE public.p (a int NOT NULL CHECK (a > 0), b int NOT NULL);
      CREATE TABLE public.q (a int, c int);
      CREATE TABLE public.one (a int, x int) INHERITS (public.p);
      CREATE TABLE public.two (x int) INHERITS (public.p, public.q);
      CREATE TABLE public.below (a int, b int) INHERITS (public.one);
      CREATE TABLE public.lower () INHERITS (public.below, public.two);
      ALTER TABLE public.p ADD CONSTRAINT later CHECK (a < 9) NOT VALID;
      ALTER TABLE public.p DROP COLUMN a`);
    const { copy } = await expectCopy(original);
    for (const table of ['one', 'two', 'below', 'lower'])
      for (const a of ['NULL', '0', '9'])
        for (const query of [copy, original]) {
          const refused = await query(`INSERT INTO public.${table} (a, b) VALUES (${a}, 1)`).catch(
            (error: Error) => error.message,
          );
          expect(refused, `${a} in ${table}`).to.match(a === 'NULL' ? /null value/ : /violates check/);
        }
  });

  /** From 17 on indexes are built with pg_catalog alone in the path, and a partition has the identity of its parent. */
  function asOf17(text: string): string {
    return text
      .replace('SELECT helper(', 'SELECT public.helper(')
      .replace(
        /(kind\.numbered_2 \(id integer) GENERATED BY DEFAULT AS IDENTITY \(START WITH 100\)/,
        '$1 NOT NULL',
      );
  }

  it('names an index that a failed build left behind, and does not make it valid', async () => {
    const original = await emptyDatabase(
      'CREATE TABLE public.t (id integer); CREATE INDEX i ON public.t (id)',
    );
    await original(`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.i'::regclass`);
    const { sql, unsupported } = await renderSchema(original, defaultSchemaOptions);
    expect(unsupported).to.deep.equal(['index public.i']);
    expect(sql)
      .to.include('-- not carried over: index public.i')
      .and.not.to.match(/^CREATE INDEX/m);
  });
});
