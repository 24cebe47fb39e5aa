// What a team's own tests use: a fresh migrated database each, cloned from a template of the files as they are.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { execa } from 'execa';
import pg from 'pg';
import { type TestDatabase, testDatabase } from '../../scripts/testing/testing.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { productRoot, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';

const first = pair(
  '20250101000001_one',
  'CREATE TABLE one (id int PRIMARY KEY); INSERT INTO one VALUES (1);\n',
  'DROP TABLE one;\n',
);
const second = pair('20250101000002_two', 'CREATE TABLE two (id int PRIMARY KEY);\n', 'DROP TABLE two;\n');

async function rows(database: TestDatabase, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** A project and a server for its test databases; templates are dropped after the test. */
async function scene(files: Record<string, string>) {
  const tool = await project(files);
  const { url: server, query } = await createDatabase();
  cleanUpAfterTest(async () => {
    const templates = await query<{ name: string }>(
      `SELECT datname AS name FROM pg_database WHERE shobj_description(oid, 'pg_database') = 'template for tests of ${tool.root}'`,
    );
    for (const { name } of templates) await query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
  });
  return { ...tool, server, query, fresh: () => testDatabase({ root: tool.root, server }) };
}

/** As a package brings it: other processes need no compiler. */
const compiled = pathToFileURL(join(productRoot, 'dist', 'testing.js')).href;

describe('testDatabase', () => {
  before(() => {
    execFileSync(process.execPath, [join(productRoot, 'scripts', 'run.cjs'), '--build-only']);
  });

  it('gives each caller a migrated database of its own, and drops it', async () => {
    const { fresh, query } = await scene(first);
    const [a, b] = await Promise.all([fresh(), fresh()]);
    await rows(a, 'INSERT INTO one VALUES (2)');
    expect(await rows(a, 'SELECT count(*)::int AS n FROM one')).to.deep.equal([{ n: 2 }]);
    expect(await rows(b, 'SELECT count(*)::int AS n FROM one')).to.deep.equal([{ n: 1 }]);
    await Promise.all([a.drop(), b.drop()]);
    await b.drop();
    expect(
      await query(`SELECT FROM pg_database WHERE datname IN ('${a.database}', '${b.database}')`),
    ).to.deep.equal([]);
  });

  it('refuses an option that it does not know: the tests would run elsewhere than is meant', async () => {
    for (const [options, told] of [
      [{ url: 'postgres://x@127.0.0.1:1/x' }, 'testDatabase() knows no option "url"'],
      [{ server: new URL('postgres://x@127.0.0.1:1/x') }, 'The option "server" of testDatabase() is a text'],
    ] as const) {
      const error = await testDatabase(options as object).catch((thrown: unknown) => thrown);
      expect(error).to.have.property('message', told);
    }
  });

  it('builds the template once for a set of files, and anew where a file changed', async () => {
    const { fresh, write, query, root } = await scene(first);
    const templates = () =>
      query<{ name: string }>(
        `SELECT datname AS name FROM pg_database WHERE shobj_description(oid, 'pg_database') = 'template for tests of ${root}'`,
      );
    const before = await fresh();
    const [template] = await templates();
    const again = await fresh();
    expect(await templates()).to.deep.equal([template]);
    for (const [name, text] of Object.entries(second)) write(name, text);
    const after = await fresh();
    expect(await rows(after, "SELECT to_regclass('two')::text AS two")).to.deep.equal([{ two: 'two' }]);
    expect((await templates()).map(({ name }) => name))
      .to.have.length(1)
      .and.not.to.include(template?.name);
    await Promise.all([before, again, after].map((database) => database.drop()));
  });

  it('is one template for processes and threads that begin at once, as workers of a test runner do', async () => {
    const { root, server, query } = await scene(first);
    // What vitest, jest and ava do: processes, or threads of one process, whose modules are loaded anew.
    const thread = `import { testDatabase } from ${JSON.stringify(compiled)};
      import { parentPort } from 'node:worker_threads';
      const database = await testDatabase(${JSON.stringify({ root, server })});
      parentPort.postMessage(database.database);
      await new Promise((go) => parentPort.once('message', go));
      await database.drop();`;
    const script = `import { once } from 'node:events';
      import { Worker } from 'node:worker_threads';
      const code = new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(thread)}));
      const workers = [1, 2].map(() => new Worker(code));
      const names = (await Promise.all(workers.map((worker) => once(worker, 'message')))).flat();
      // One thread ends, with its connection; what the other has stays.
      workers[0].postMessage('go');
      await once(workers[0], 'exit');
      process.stdout.write(names.join(' '));
      workers[1].postMessage('go');`;
    const started = [1, 2].map(() => execa(process.execPath, ['--input-type=module', '-e', script]));
    const names = (await Promise.all(started)).flatMap(({ stdout }) => stdout.split(' '));
    expect(new Set(names)).to.have.property('size', 4);
    const left = await query(
      `SELECT FROM pg_database WHERE datname LIKE 'migrate_building_%' OR datname = ANY ('{${names.join(',')}}')`,
    );
    expect(left).to.deep.equal([]);
    const templates = await query(
      `SELECT FROM pg_database WHERE shobj_description(oid, 'pg_database') = 'template for tests of ${root}'`,
    );
    expect(templates).to.have.length(1);
  });

  it('says which file fails, and leaves no half-built template', async () => {
    const { fresh, query } = await scene(pair('20250101000001_bad', 'SELECT nowhere;\n', 'SELECT 1;\n'));
    const error = await fresh().then(
      () => null,
      (thrown: { code: string; message: string }) => thrown,
    );
    expect(error).to.include({ code: 'migration-failed' });
    expect(error?.message).to.include('20250101000001_bad.up.sql:1');
    const left = await query("SELECT FROM pg_database WHERE datname LIKE 'migrate_building_%'");
    expect(left).to.deep.equal([]);
  });

  it('drops what a process left that was killed', async () => {
    const { root, server, query } = await scene(first);
    const script = `import { testDatabase } from ${JSON.stringify(compiled)};
      const database = await testDatabase(${JSON.stringify({ root, server })});
      process.stdout.write(database.database, () => process.kill(process.pid, 'SIGKILL'));`;
    const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', script], {
      reject: false,
    });
    expect(stdout).to.match(/^migrate_clone_/);
    const other = await createDatabase();
    const database = await testDatabase({ root, server: other.url });
    expect(await query(`SELECT FROM pg_database WHERE datname = '${stdout}'`)).to.deep.equal([]);
    await database.drop();
  });

  it('keeps a template for each directory of a project, which nobody can connect to', async () => {
    const { root, write, server, query } = await scene(first);
    for (const [name, text] of Object.entries(second)) write(`other/${name}`, text);
    const names = () =>
      query<{ name: string; open: boolean }>(
        `SELECT datname AS name, datallowconn AS open FROM pg_database WHERE shobj_description(oid, 'pg_database') LIKE 'template for tests of ${root}%' ORDER BY 1`,
      );
    const [one, two] = [
      await testDatabase({ root, server }),
      await testDatabase({ root, server, dir: 'other' }),
    ];
    const before = await names();
    expect(before.map(({ open }) => open)).to.deep.equal([false, false]);
    const again = await testDatabase({ root, server });
    expect(await names(), 'neither took the place of the other').to.deep.equal(before);
    await Promise.all([one, two, again].map((database) => database.drop()));
    for (const { name } of before) await query(`DROP DATABASE "${name}"`);
  });

  it('ends its connection when it holds no database any more, and opens it again', async () => {
    const { fresh, query } = await scene(first);
    const connections = async () =>
      (
        await query(
          `SELECT FROM pg_stat_activity WHERE application_name = 'migrate_clone_${process.pid}_' AND datname = current_database()`,
        )
      ).length;
    const database = await fresh();
    expect(await connections()).to.equal(1);
    await database.drop();
    while ((await connections()) > 0);
    const later = await fresh();
    expect(await connections()).to.equal(1);
    await later.drop();
  });

  it('applies what waits for the start of an application as well', async () => {
    const { fresh } = await scene({
      ...first,
      ...pair('20250101000002_later', '-- migrate: after-deploy\nDROP TABLE one;\n', 'SELECT 1;\n'),
      ...pair('20250101000003_three', 'CREATE TABLE three (id int);\n', 'DROP TABLE three;\n'),
    });
    const database = await fresh();
    expect(
      await rows(database, "SELECT to_regclass('one') AS one, to_regclass('three')::text AS three"),
    ).to.deep.equal([{ one: null, three: 'three' }]);
    await database.drop();
  });

  it('has the settings that migrations gave to their database, which CREATE DATABASE does not copy', async () => {
    const { fresh } = await scene(
      pair(
        '20250101000001_settings',
        `CREATE SCHEMA "my app";
         DO $$ BEGIN
           EXECUTE format('ALTER DATABASE %I SET search_path TO "my app", public', current_database());
           EXECUTE format('ALTER DATABASE %I SET shop.motto TO %L', current_database(), 'it''s, "so"');
           EXECUTE format('ALTER ROLE %I IN DATABASE %I SET "TimeZone" TO %L', current_user, current_database(), 'Asia/Tokyo');
         END $$;`,
        'SELECT 1;\n',
      ),
    );
    const database = await fresh();
    expect(
      await rows(
        database,
        "SELECT current_setting('search_path') AS path, current_setting('shop.motto') AS motto, current_setting('TimeZone') AS zone",
      ),
    ).to.deep.equal([{ path: '"my app", public', motto: 'it\'s, "so"', zone: 'Asia/Tokyo' }]);
    await database.drop();
  });

  describe('on a server that others use too', () => {
    it('calls nothing that was planted where it logs in, and lets nobody in while it builds', async () => {
      const { root, server, query } = await scene(
        pair(
          '20250101000001_look',
          `CREATE TABLE look AS SELECT has_database_privilege('pg_monitor', current_database(), 'CONNECT') AS others,
             current_setting('work_mem') AS memory;`,
          'DROP TABLE look;',
        ),
      );
      await query(`CREATE TABLE planted (by text);
        CREATE FUNCTION evil(name, name) RETURNS boolean LANGUAGE sql AS $$INSERT INTO public.planted VALUES ('~') RETURNING true$$;
        CREATE OPERATOR public.~ (LEFTARG = name, RIGHTARG = name, FUNCTION = evil);
        CREATE FUNCTION evil_equal(name, name) RETURNS boolean LANGUAGE sql AS $$INSERT INTO public.planted VALUES ('=') RETURNING true$$;
        CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil_equal);
        CREATE FUNCTION shobj_description(oid, text) RETURNS text LANGUAGE sql AS $$INSERT INTO public.planted VALUES ('shobj') RETURNING by$$`);
      process.env.PGOPTIONS = '-c search_path=public,pg_catalog -c work_mem=1MB';
      try {
        const database = await testDatabase({ root, server: `${server}?connect_timeout=9` });
        expect(await rows(database, 'SELECT * FROM look')).to.deep.equal([{ others: false, memory: '4MB' }]);
        expect(database.url).to.match(/\?connect_timeout=9$/);
        await database.drop();
      } finally {
        delete process.env.PGOPTIONS;
      }
      expect(await query('SELECT * FROM planted')).to.deep.equal([]);
    });

    it('copies no database that a stranger has put in the place of the template', async () => {
      const { root, server, query } = await scene(first);
      await (await testDatabase({ root, server })).drop();
      const [template] = await query<{ name: string }>(
        `SELECT datname AS name FROM pg_database WHERE shobj_description(oid, 'pg_database') = 'template for tests of ${root}'`,
      );
      const stranger = `stranger_${process.pid}`;
      await query(`CREATE ROLE ${stranger}`);
      cleanUpAfterTest(async () => void (await query(`DROP ROLE ${stranger}`)));
      await query(`ALTER DATABASE "${template?.name}" OWNER TO ${stranger}`);
      cleanUpAfterTest(async () => void (await query(`DROP DATABASE "${template?.name}"`)));
      const error = await testDatabase({ root, server: `${server}?connect_timeout=9` }).catch(
        (thrown) => thrown,
      );
      expect(error).to.have.property('code', 'refused');
      expect(error.message).to.include(stranger);
    });
  });
});
