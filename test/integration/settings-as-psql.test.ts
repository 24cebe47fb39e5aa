// What settings of database, role, connection and file do to what is stored: the same as where psql runs each file in a
// session and a transaction of its own (psql -1 -f), file by file, in one run as in several.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import pg from 'pg';
import { type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';
import { pair } from '../support/migrations.ts';

/** Everything that anybody can set and that changes how the rest is read, made or stored; never the default. */
const settings: Readonly<Record<string, string>> = {
  DateStyle: 'German, DMY',
  IntervalStyle: 'sql_standard',
  TimeZone: 'Asia/Tokyo',
  extra_float_digits: '-5',
  bytea_output: 'escape',
  xmlbinary: 'hex',
  xmloption: 'document',
  array_nulls: 'off',
  transform_null_equals: 'on',
  check_function_bodies: 'off',
  escape_string_warning: 'off',
  default_toast_compression: 'pglz',
  default_text_search_config: 'pg_catalog.german',
  quote_all_identifiers: 'on',
  row_security: 'off',
  lc_messages: 'C',
  lc_monetary: 'C',
  lc_numeric: 'C',
  lc_time: 'C',
  search_path: 'app, public',
  work_mem: '1234kB',
  enable_seqscan: 'off',
  jit: 'off',
  lo_compat_privileges: 'on',
  password_encryption: 'md5',
  synchronize_seqscans: 'off',
  gin_fuzzy_search_limit: '7',
  'plpgsql.variable_conflict': 'use_column',
  'plpgsql.check_asserts': 'off',
  'plpgsql.extra_warnings': 'shadowed_variables',
  'app.tenant': 'mine',
};

/** What the tool decides for a file, whoever has set something else (README, "Limits"). */
const decided = [
  'application_name',
  'client_connection_check_interval',
  'client_encoding',
  'client_min_messages',
  'default_transaction_deferrable',
  'default_transaction_isolation',
  'exit_on_error',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'lock_timeout',
  'standard_conforming_strings',
  'statement_timeout',
  'synchronous_commit',
  'transaction_timeout',
];

/**
 * Stores what is set, and values that depend on it. A setting of one's own that a file has set is there in the same session
 * for good, empty: README names that.
 */
const probe = (n: number) => `CREATE TABLE public.seen_${n} AS
  SELECT s.name, s.setting FROM pg_catalog.pg_settings s WHERE s.name <> ALL ('{${decided.join(',')}}') AND s.name !~ '^(transaction_|plpgsql\\.)';
CREATE TABLE public.values_${n} (what text, value text);
INSERT INTO public.values_${n} VALUES
  ('date', (date '03.04.2005')::text), ('clock', (timestamptz '2020-01-01 00:00')::text), ('epoch', extract(epoch FROM timestamptz '2020-01-01 00:00')::text),
  ('interval', (interval '1 day 2 hours')::text), ('float', (1::float8 / 3)::text), ('bytes', '\\x00ff'::bytea::text),
  ('array', ('{1,NULL}'::text[])[2]), ('null', (SELECT count(*)::text FROM (VALUES (NULL)) v(x) WHERE x = NULL)),
  ('words', to_tsvector('the houses')::text), ('tenant', nullif(current_setting('app.tenant', true), '')), ('string', 'a\\b'),
  ('schema', current_schema()), ('role', current_user || '/' || session_user), ('money', (12.5::numeric::money)::text);
CREATE TABLE placed_${n} (id int, body text);
CREATE FUNCTION public.missing_${n}() RETURNS int LANGUAGE sql AS ${'$$ SELECT 1 FROM no_such_table $$'};
CREATE FUNCTION public.conflict_${n}(what text) RETURNS bigint LANGUAGE plpgsql AS $$
  DECLARE found bigint; BEGIN SELECT count(*) INTO found FROM public.values_${n} WHERE what = what; RETURN found; END $$;
INSERT INTO public.values_${n} VALUES ('conflict', public.conflict_${n}('x')::text);`;

/** Without the function whose body cannot be checked. */
const checkedProbe = (n: number) =>
  probe(n)
    .replace(/CREATE FUNCTION public\.missing.*\n/, '')
    .replace(/INSERT INTO [^;]*conflict.*;$/, '');

const setAll = Object.entries(settings)
  .map(([name, value]) => `SELECT pg_catalog.set_config('${name}', '${value}', false);`)
  .join('\n');

/** Each file in a session and a transaction of its own. */
async function asPsql(connect: () => Promise<pg.Client>, files: readonly string[]): Promise<void> {
  for (const text of files) {
    const client = await connect();
    const bare = text.replace(/^-- migrate:.*\n/, '');
    const inTransaction = bare === text;
    await client.query(inTransaction ? `BEGIN;\n${bare}` : bare);
    if (inTransaction) await client.query('COMMIT');
    await client.end();
  }
}

/** What the files have stored, by file and name. */
async function stored(database: TestDatabase, count: number): Promise<ReadonlyMap<string, unknown>> {
  const client = new pg.Client({ connectionString: database.url, user: database.user });
  await client.connect();
  const read = async (sql: string) => (await client.query({ text: sql, rowMode: 'array' })).rows;
  await client.query('SET search_path = public, pg_catalog; SET DateStyle = ISO; SET bytea_output = hex');
  const found = new Map<string, unknown>();
  for (let n = 1; n <= count; n += 1) {
    const rows = await read(
      `SELECT name, setting FROM seen_${n} UNION ALL SELECT what, value FROM values_${n}`,
    );
    for (const [name, value] of rows) found.set(`${name} in file ${n}`, value);
  }
  const places = await read(
    "SELECT relname, relnamespace::regnamespace || ' of ' || relowner::regrole FROM pg_class WHERE relname ~ '^placed_'",
  );
  for (const [name, value] of places) found.set(name, value);
  await client.end();
  return found;
}

function differences(expected: ReadonlyMap<string, unknown>, actual: ReadonlyMap<string, unknown>): string[] {
  const names = [...new Set([...expected.keys(), ...actual.keys()])].sort();
  return names
    .filter((name) => expected.get(name) !== actual.get(name))
    .map((name) => `${name}: ${expected.get(name)} → ${actual.get(name)}`);
}

const files = [
  probe(1),
  `-- migrate: no-transaction\n${probe(2)}`,
  `${setAll}\nRESET check_function_bodies; SET LOCAL TimeZone = 'Europe/Berlin';\n${checkedProbe(3)}`,
  `-- migrate: no-transaction\n${setAll}\n${probe(4)}`,
  probe(5),
];

/** The files as they are; and, where nothing is set outside, without what only the settings let through. */
const plainFiles = [
  checkedProbe(1),
  `-- migrate: no-transaction\n${checkedProbe(2)}`,
  ...files.slice(2, 4),
  checkedProbe(5),
];

interface Given {
  /** Sets everything; gives what each session then needs to connect so. */
  give(database: TestDatabase, role: string): Promise<{ user?: string; options?: string }>;
  readonly files: readonly string[];
  /** Shown with a run for each file, too. */
  readonly often?: true;
}

const options = Object.entries(settings)
  .map(([name, value]) => `-c ${name}=${value.replaceAll(/[\\ ]/g, '\\$&')}`)
  .join(' ');

async function alter(database: TestDatabase, whose: string): Promise<void> {
  const client = await database.client();
  for (const [name, value] of Object.entries(settings))
    await client.query(`ALTER ${whose} SET ${name} = ${name === 'search_path' ? value : `'${value}'`}`);
  await client.end();
}

const given: Readonly<Record<string, Given>> = {
  'a file alone': { give: async () => ({}), files: plainFiles, often: true },
  'the database': {
    give: async (database) => {
      await alter(database, `DATABASE "${database.name}"`);
      return {};
    },
    files,
  },
  'the role': {
    give: async (database, role) => {
      await alter(database, `ROLE ${role}`);
      return { user: role };
    },
    files,
  },
  'the role in the database, with a role to be': {
    give: async (database, role) => {
      await alter(database, `ROLE ${role} IN DATABASE "${database.name}"`);
      await database.query(`ALTER ROLE ${role} IN DATABASE "${database.name}" SET role = '${database.user}'`);
      return { user: role };
    },
    files,
  },
  PGOPTIONS: { give: async () => ({ options }), files },
};

describe('What is set', () => {
  for (const [where, { give, files: texts, often = false }] of Object.entries(given)) {
    it(`by ${where} counts for each file as in psql${often ? ', in one run as in several' : ''}`, async () => {
      const role = `settings_${randomBytes(6).toString('hex')}`;
      const prepared = async () => {
        const database = await createDatabase();
        await database.query('CREATE SCHEMA app');
        return { database, login: await give(database, role) };
      };
      const admin = await createDatabase();
      await admin.query(`CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD '${admin.password}'`);
      try {
        const tool: Project = await project(
          Object.assign({}, ...texts.map((text, i) => pair(i + 1, `f${i + 1}`, text))) as Record<
            string,
            string
          >,
        );
        const [oracle, once] = [await prepared(), await prepared()];
        const connect = async () => {
          const { database, login } = oracle;
          const client = new pg.Client({
            host: database.host,
            port: database.port,
            database: database.name,
            user: database.user,
            password: database.password,
            ...login,
          });
          await client.connect();
          return client;
        };
        await asPsql(connect, texts);
        const up = async (
          { database, login: { user, options: own } }: typeof once,
          args: readonly string[],
        ) => {
          const env = database.env();
          const url =
            user === undefined ? env.DATABASE_URL : env.DATABASE_URL?.replace(/\/\/[^@]*@/, `//${user}@`);
          const { exitCode, said } = await runInProcess(
            tool.root,
            { ...env, DATABASE_URL: url ?? '', ...(own === undefined ? {} : { PGOPTIONS: own }) },
            ['up', ...args],
          );
          expect(exitCode, said).to.equal(0);
        };
        await up(once, []);
        const expected = await stored(oracle.database, texts.length);
        expect(expected.size).to.be.greaterThan(300 * texts.length);
        expect(differences(expected, await stored(once.database, texts.length))).to.deep.equal([]);
        if (!often) return;
        const several = await prepared();
        for (const _ of texts) await up(several, ['--n', '1']);
        expect(differences(expected, await stored(several.database, texts.length))).to.deep.equal([]);
      } finally {
        await admin.query(`DROP OWNED BY ${role} CASCADE`).catch(() => undefined);
        for (const sql of [`ALTER ROLE ${role} RESET ALL`]) await admin.query(sql);
      }
    });
  }
});
