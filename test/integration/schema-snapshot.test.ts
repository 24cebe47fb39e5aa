// The canonical snapshot depends on the schema alone: not on the order of creation, the reader's rights or settings.
import { expect } from 'chai';
import { describeDifference, diffSnapshots } from '../../scripts/schema/change/diff.ts';
import { defaultSchemaOptions, type SchemaOptions } from '../../scripts/schema/types.ts';
import { createDatabase } from '../support/database.ts';
import {
  changesSince,
  fingerprintOf,
  queryOn,
  readChangeToken,
  schemaFixture,
  snapshotOf,
} from '../support/schema.ts';

const oneWay = `
  CREATE TABLE public.a (id integer PRIMARY KEY, name text NOT NULL DEFAULT 'x', CONSTRAINT long_name CHECK (length(name) > 2));
  CREATE TABLE public.b (id integer PRIMARY KEY, a integer CONSTRAINT to_a REFERENCES public.a);
  CREATE INDEX b_a ON public.b (a);
  CREATE TYPE public.colour AS ENUM ('red', 'green', 'blue');
  CREATE TABLE public.parts (id integer, colour public.colour) PARTITION BY LIST (colour);
  CREATE TABLE public.parts_red PARTITION OF public.parts FOR VALUES IN ('red');
  CREATE TABLE public.parts_rest PARTITION OF public.parts DEFAULT;
  CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql RETURN 1;
  ALTER TABLE public.a SET (fillfactor = 50, autovacuum_enabled = off);
  CREATE PUBLICATION p FOR TABLE public.a, public.b;`;

const otherWay = `
  CREATE TABLE public.burn_oids (id serial, t text); DROP TABLE public.burn_oids;
  CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql RETURN 1;
  CREATE TYPE public.colour AS ENUM ('red', 'blue');
  ALTER TYPE public.colour ADD VALUE 'green' AFTER 'red';
  CREATE TABLE public.parts_red (gone text, id integer, colour public.colour);
  ALTER TABLE public.parts_red DROP COLUMN gone;
  CREATE TABLE public.parts (id integer, gone text, colour public.colour) PARTITION BY LIST (colour);
  ALTER TABLE public.parts DROP COLUMN gone;
  CREATE TABLE public.parts_rest PARTITION OF public.parts DEFAULT;
  ALTER TABLE public.parts ATTACH PARTITION public.parts_red FOR VALUES IN ('red');
  CREATE TABLE public.b (a integer, gone integer, id integer);
  CREATE INDEX b_a ON public.b (a);
  ALTER TABLE public.b DROP COLUMN gone;
  ALTER TABLE public.b ADD PRIMARY KEY (id);
  CREATE TABLE public.a (name varchar(10), id bigint);
  ALTER TABLE public.a ALTER id TYPE integer, ALTER name TYPE text, ADD PRIMARY KEY (id);
  ALTER TABLE public.a ALTER name SET DEFAULT 'x', ALTER name SET NOT NULL, ADD CONSTRAINT long_name CHECK (length(name) > 2) NOT VALID;
  ALTER TABLE public.a VALIDATE CONSTRAINT long_name;
  ALTER TABLE public.b ADD CONSTRAINT to_a FOREIGN KEY (a) REFERENCES public.a;
  ALTER TABLE public.a SET (autovacuum_enabled = off); ALTER TABLE public.a SET (fillfactor = 50);
  CREATE PUBLICATION p FOR TABLE public.b; ALTER PUBLICATION p ADD TABLE public.a;`;

describe('the canonical snapshot', () => {
  it('is one for two databases built in different orders, and only the order of columns is warned of', async () => {
    const [one, other] = [await createDatabase(), await createDatabase()];
    const [first, second] = [queryOn(await one.client()), queryOn(await other.client())];
    await first(oneWay);
    await second(otherWay);
    const differences = diffSnapshots((await snapshotOf(first)).objects, (await snapshotOf(second)).objects);
    expect(differences.map((d) => `${d.severity}: ${describeDifference(d)}`)).to.deep.equal([
      'warning: ~ column order public.a: columns: id, name → name, id',
      'warning: ~ column order public.b: columns: id, a → a, id',
    ]);
    expect(await fingerprintOf(first))
      .to.equal(await fingerprintOf(second))
      .and.to.match(/^[0-9a-f]{16}$/);
    await second('ALTER TABLE public.a ALTER name DROP NOT NULL');
    expect(await fingerprintOf(first)).not.to.equal(await fingerprintOf(second));
  });

  it('is the same for a role that may only connect', async () => {
    const database = await createDatabase();
    const owner = queryOn(await database.client());
    await owner(schemaFixture('one-of-everything.sql'));
    await owner(schemaFixture('beyond.sql'));
    const role = `schema_reader_${process.pid}`;
    await owner(
      `CREATE ROLE ${role} LOGIN PASSWORD 'reader' NOSUPERUSER; GRANT USAGE ON SCHEMA app TO ${role}`,
    );
    try {
      const reader = queryOn(await database.client({ user: role, password: 'reader' }));
      const options: SchemaOptions = { ...defaultSchemaOptions, include: ['owners', 'grants'] };
      expect(await changesSince(await snapshotOf(owner, options), reader, options)).to.deep.equal([]);
      expect(await readChangeToken(reader, options)).to.match(/^[0-9a-f]{32}$/);
    } finally {
      await owner(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  it('can be read inside a running transaction, whose settings stay as they were', async () => {
    const database = await createDatabase();
    const query = queryOn(await database.client());
    await query(oneWay);
    const outside = await snapshotOf(query);
    await query(
      `BEGIN; SET search_path = public, pg_temp; SET LOCAL timezone = 'Asia/Tokyo'; CREATE TABLE extra (id integer)`,
    );
    const differences = await changesSince(outside, query, defaultSchemaOptions, 'running');
    expect(differences.map(describeDifference)).to.deep.equal(['+ table public.extra']);
    expect(await query('SHOW search_path')).to.deep.equal([{ search_path: 'public, pg_temp' }]);
    expect(await query('SHOW timezone')).to.deep.equal([{ TimeZone: 'Asia/Tokyo' }]);
    await query('COMMIT');
    expect(await query('SHOW search_path')).to.deep.equal([{ search_path: 'public, pg_temp' }]);
    expect(await query(`SELECT to_regclass('extra')::text AS name`)).to.deep.equal([{ name: 'extra' }]);
  });

  it('leaves out what the configuration ignores, with all that hangs on it', async () => {
    const database = await createDatabase();
    const query = queryOn(await database.client());
    await query(`${oneWay} CREATE VIEW public.other AS SELECT 1 AS one`);
    const options: SchemaOptions = {
      ...defaultSchemaOptions,
      ignore: [
        { class: 'relation', name: 'public.job_*' },
        { class: 'index', name: '*_tmp' },
        { class: '*', name: 'scratch*' },
        { class: 'relation', name: 'public.[x]' },
      ],
    };
    const before = await snapshotOf(query, options);
    await query(`CREATE TABLE public.job_1 (id serial PRIMARY KEY, a integer CHECK (a > 0) REFERENCES public.a);
      CREATE INDEX ON public.job_1 (a); COMMENT ON TABLE public.job_1 IS 'x'; CREATE INDEX b_tmp ON public.b (id, a);
      CREATE SCHEMA scratch; CREATE TABLE scratch.t (id integer PRIMARY KEY)`);
    expect(await changesSince(before, query, options)).to.deep.equal([]);
    await query(
      `CREATE TABLE public."[x]" (id integer); CREATE TABLE public.jobs (id integer); CREATE TABLE public.x (id integer)`,
    );
    const differences = await changesSince(before, query, options);
    expect(differences.map(describeDifference)).to.deep.equal([
      '+ table public."[x]"',
      '+ table public.jobs',
      '+ table public.x',
    ]);
  });
});
