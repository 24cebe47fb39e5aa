// The shape of a run: round trips, statements, files and modules. Nothing here is timed; what makes a run fast is.
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { recordLoading } from '../support/loaded.ts';
import { many, pair } from '../support/migrations.ts';
import { proxyTo } from '../support/proxy.ts';
import { sessionsGone, until, waitingForLock } from '../support/runs.ts';

/** What the client sent that the server answered, after the login. */
async function listen(database: TestDatabase) {
  const sent: string[] = [];
  const { port } = await proxyTo(database, ({ type, text }) => {
    if (type !== 'startup' && type !== 'p') sent.push(text.replaceAll(/[\0\s]+/g, ' ').trim());
    return 'forward';
  });
  const env = {
    ...database.env(),
    DATABASE_URL: `postgres://${database.user}@127.0.0.1:${port}/${database.name}`,
  };
  /** A run that has just ended may hold the run lock for a moment: the next would ask once more. */
  const startAnew = async () => {
    await sessionsGone(database);
    sent.length = 0;
  };
  return { env, sent, startAnew };
}

/** Preloaded into the tool: which files of the project it opened. */
function recordFiles(): { env: Record<string, string>; opened(): string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-files-'));
  cleanUpAfterTest(async () => rmSync(folder, { recursive: true, force: true }));
  const log = join(folder, 'log');
  const preload = join(folder, 'preload.mjs');
  writeFileSync(
    preload,
    `import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module';
const { readFileSync, openSync, appendFileSync } = fs;
fs.readFileSync = (path, ...rest) => { appendFileSync(${JSON.stringify(log)}, path + '\\n'); return readFileSync(path, ...rest); };
syncBuiltinESMExports();`,
  );
  writeFileSync(log, '');
  const opened = () =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter((path) => path.endsWith('.sql'));
  return { env: { NODE_OPTIONS: `--import=${preload}` }, opened };
}

/** Runs until the files are old enough to be known by their times. */
async function upUntilKnown({ run }: Project, env: Record<string, string>): Promise<void> {
  for (;;) {
    const recording = recordFiles();
    expectExit(await run(['up'], { env: { ...env, ...recording.env } }), 0);
    if (recording.opened().length === 0) return;
  }
}

describe('the shape of a run', () => {
  it('is two round trips per migration, however many there are', async () => {
    const trips: number[] = [];
    for (const count of [3, 13]) {
      const { env, sent } = await listen(await createDatabase());
      const { run } = await project(many(count));
      expectExit(await run(['up'], { env }), 0);
      trips.push(sent.length);
    }
    expect(trips[1]! - trips[0]!).to.equal(20);
  });

  it('is two round trips per migration for a down too', async () => {
    const trips: number[] = [];
    for (const count of [3, 13]) {
      const { env, sent, startAnew } = await listen(await createDatabase());
      const { run } = await project(many(count));
      expectExit(await run(['up'], { env }), 0);
      await startAnew();
      expectExit(await run(['down', '--to', '0'], { env }), 0);
      trips.push(sent.length);
    }
    expect(trips[1]! - trips[0]!).to.equal(20);
  });

  it('is four round trips where nothing is to be done, whatever is applied: set up, lock, history, drift', async () => {
    for (const count of [1, 60]) {
      const { env, sent, startAnew } = await listen(await createDatabase());
      const { run } = await project(many(count));
      expectExit(await run(['up'], { env }), 0);
      await startAnew();
      expectExit(await run(['up'], { env }), 0);
      const begins = ['pg_backend_pid', 'pg_try_advisory_lock', 'pgmigrations', 'migration_ledger.snapshot'];
      expect(sent, sent.join('\n')).to.have.length(begins.length);
      for (const [i, word] of begins.entries()) expect(sent[i]).to.include(word);
    }
  });

  it('asks for history and schema at the same time', async () => {
    const database = await createDatabase();
    const { env, sent, startAnew } = await listen(database);
    const tool = await project(many(2));
    expectExit(await tool.run(['up'], { env }), 0);
    const holder = await database.client();
    await holder.query('BEGIN; LOCK TABLE public.pgmigrations');
    await startAnew();
    const run = tool.start(['up'], { env });
    await waitingForLock(database);
    await until('both to be asked for', () => sent.length === 4);
    expect(sent.at(-1)).to.include('migration_ledger.snapshot');
    await holder.query('COMMIT');
    expectExit(await run.result, 0);
  });

  it('is one row by its key, and no file, for each migration that is reverted', async () => {
    const database = await createDatabase();
    const { env, sent, startAnew } = await listen(database);
    const it = await project(many(3));
    await upUntilKnown(it, env);
    await startAnew();
    const recording = recordFiles();
    expectExit(await it.run(['down', '--to', '0'], { env: { ...env, ...recording.env } }), 0);
    // The tracking table has no index on the name: by that alone, each would look through all of it.
    const keys = sent.flatMap(
      (text) =>
        /DELETE FROM "public"."pgmigrations" WHERE name='\w+' AND id = ANY \('\{(\d)\}'\)/.exec(text)?.[1] ??
        [],
    );
    expect(keys).to.deep.equal(['3', '2', '1']);
    expect(recording.opened()).to.deep.equal([]);
    const texts = sent.filter((text) => text.includes('down_sql'));
    expect(texts, texts.join('\n')).to.have.length(1);
    expect(texts[0]).to.not.include('up_sql');
  });

  it('is one row of history, not one per migration, where a long history is unchanged', async () => {
    const { env, sent, startAnew } = await listen(await createDatabase());
    const { run } = await project(many(60));
    expectExit(await run(['up'], { env }), 0);
    await startAnew();
    expectExit(await run(['up'], { env }), 0);
    expect(sent.filter((text) => text.includes("'digest', md5(string_agg("))).to.have.length(1);
    expect(sent.filter((text) => text.includes('e.actor'))).to.have.length(0);
  });

  it('reads rows, and refuses, where one text of a long history was changed', async () => {
    const database = await createDatabase();
    const { run, write } = await project(many(60));
    expectExit(await run(['up'], { env: database.env() }), 0);
    write('20250101000030_t30.up.sql', 'CREATE TABLE t30 (id bigint);\n');
    const result = await run(['up'], { env: database.env() });
    expectExit(result, 4);
    expect(result.all).to.include('20250101000030_t30');
  });

  it('opens no migration file where none has changed, and only those of the changed pair where one has', async () => {
    const database = await createDatabase();
    const it = await project(many(5));
    await upUntilKnown(it, database.env());
    it.write('20250101000003_t3.up.sql', '-- A comment may come.\nCREATE TABLE t3 (id int);\n');
    const recording = recordFiles();
    expectExit(await it.run(['up'], { env: { ...database.env(), ...recording.env } }), 0);
    const opened = recording.opened().map((path) => path.replace(/.*\//, ''));
    expect(opened).to.include('20250101000003_t3.up.sql');
    expect(opened.filter((name) => !name.startsWith('20250101000003_t3.'))).to.deep.equal([]);
  });

  it('sees a change that keeps size and time of the file', async () => {
    const database = await createDatabase();
    const it = await project(pair('20250101000001_a', 'CREATE TABLE a (id int4);\n', 'DROP TABLE a;\n'));
    const path = join(it.root, 'db', 'migrations', '20250101000001_a.up.sql');
    const hourAgo = new Date(Date.now() - 3_600_000);
    utimesSync(path, hourAgo, hourAgo);
    await upUntilKnown(it, database.env());
    writeFileSync(path, 'CREATE TABLE a (id int8);\n');
    utimesSync(path, hourAgo, hourAgo);
    expectExit(await it.run(['up'], { env: database.env() }), 4);
  });

  it('loads neither parser nor engine where nothing is to be done', async () => {
    const database = await createDatabase();
    const it = await project(many(2));
    await upUntilKnown(it, database.env());
    const recording = recordLoading();
    expectExit(await it.run(['up'], { env: { ...database.env(), ...recording.env } }), 0);
    const { packages } = recording.loaded();
    expect(packages).to.include('pg');
    for (const heavy of ['libpg-query', 'node-pg-migrate', 'postgres-migrations', 'diff', 'esbuild'])
      expect(packages).to.not.include(heavy);
  });

  it('ends with --verbose in a breakdown of where the time went', async () => {
    const database = await createDatabase();
    const { run } = await project(many(2));
    const result = await run(['up', '--verbose'], { env: database.env() });
    expectExit(result, 0);
    for (const stage of ['start', 'files', 'connect', 'preflight', 'lock', 'history', 'drift'])
      expect(result.stdout).to.match(new RegExp(`Time in ms: .*\\b${stage} [\\d.]+`));
    expect(result.stdout).to.match(
      /Time in ms: .*SQL [\d.]+ \(2 times\).*recording [\d.]+ \(2 times\).*snapshot/,
    );
    expect(result.stdout).to.match(/in ms: SQL [\d.]+, recording [\d.]+/);
  });
});
