// The commands as functions: what an application or a script calls. The same documents as --json, nothing on the terminal.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  type AuditLine,
  type DocumentDifference,
  type DocumentError,
  type DownOptions,
  down,
  type PlanOptions,
  plan,
  type RunOptions,
  type StatusDocument,
  type StatusMigration,
  type StatusOptions,
  status,
  type UpOptions,
  up,
  type VerifyOptions,
  verify,
} from '../../scripts/api/api.ts';
import { shapesOf } from '../../scripts/api/flags.ts';
import { MigrateError } from '../../scripts/base/errors.ts';
import { commandLines } from '../../scripts/cli/command-lines.ts';
import { toJson } from '../../scripts/report/json.ts';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';

const first = pair('20250101000001_one', 'CREATE TABLE one (id int PRIMARY KEY);\n', 'DROP TABLE one;\n');
const second = pair('20250101000002_two', 'CREATE TABLE two (id int PRIMARY KEY);\n', 'DROP TABLE two;\n');
const broken = pair('20250101000003_bad', 'SELECT nowhere;\n', 'SELECT 1;\n');

/** The options of a function by its types; the compiler holds this against them. */
type Names<Options extends RunOptions> = Record<Exclude<keyof Options, keyof RunOptions>, true>;

const choice = { to: true, n: true, allowOutOfOrder: true, afterDeploy: true, freshHistory: true } as const;
const upOptions: Names<UpOptions> = {
  ...choice,
  singleTransaction: true,
  wait: true,
  budget: true,
  confirm: true,
  dryRun: true,
  plan: true,
  planDigest: true,
  expectFingerprint: true,
};
const downOptions: Names<DownOptions> = { to: true, n: true, fromDisk: true, confirm: true, dryRun: true };
const statusOptions: Names<StatusOptions> = { check: true, log: true };
const planOptions: Names<PlanOptions> = { ...choice, out: true };
const verifyOptions: Names<VerifyOptions> = { since: true, all: true, strict: true };
const optionsOf = {
  up: upOptions,
  down: downOptions,
  status: statusOptions,
  plan: planOptions,
  verify: verifyOptions,
};

/** Keys of a document's type; the compiler holds these lists against them. */
type Keys<T> = Record<keyof { [K in keyof T as string extends K ? never : K]: T[K] }, true>;

const keysOfStatus: Keys<StatusDocument> = {
  command: true,
  ok: true,
  exitCode: true,
  environment: true,
  error: true,
  migrations: true,
  mark: true,
  drift: true,
  driftReason: true,
  driftWarnings: true,
  fingerprint: true,
  log: true,
};
const keysOfMigration: Keys<StatusMigration> = {
  version: true,
  name: true,
  state: true,
  afterDeploy: true,
  empty: true,
  appliedAt: true,
  appliedBy: true,
  gitSha: true,
  durationMs: true,
  partial: true,
  unkeptUpSize: true,
  diffs: true,
  renamed: true,
};
const keysOfDifference: Keys<DocumentDifference> = {
  kind: true,
  identity: true,
  change: true,
  expected: true,
  actual: true,
};
const keysOfAudit: Keys<AuditLine> = {
  at: true,
  command: true,
  options: true,
  result: true,
  exitCode: true,
  message: true,
  durationMs: true,
  environment: true,
  actor: true,
  databaseUser: true,
  gitSha: true,
  runUrl: true,
  host: true,
  toolVersion: true,
};
const keysOfError: Keys<DocumentError> = {
  code: true,
  message: true,
  hint: true,
  file: true,
  line: true,
  column: true,
  sqlState: true,
  detail: true,
  state: true,
  problems: true,
};
const everyKey = (objects: readonly object[]) => [...new Set(objects.flatMap(Object.keys))].sort();

/** Everything that is written to the terminal while the work goes on. */
async function written(work: () => Promise<unknown>): Promise<string> {
  let text = '';
  const streams = [process.stdout, process.stderr];
  const originals = streams.map((stream) => stream.write);
  for (const stream of streams) {
    stream.write = ((chunk: string | Uint8Array) => {
      text += chunk;
      return true;
    }) as typeof stream.write;
  }
  try {
    await work();
  } finally {
    for (const [i, stream] of streams.entries()) stream.write = originals[i]!;
  }
  return text;
}

describe('The functions for applications', () => {
  it('apply, show and revert with the documents of the command line', async () => {
    const { root, run } = await project({ ...first, ...second });
    const database = await createDatabase();
    const env = database.env();
    const planned = await plan({ root, env });
    expect(planned).to.include({ command: 'plan', ok: true, exitCode: 0 });
    const applied = await up({ root, env, n: 1 });
    expect(applied.migrations?.map(({ name, outcome }) => `${name} ${outcome}`)).to.deep.equal([
      'one applied',
    ]);
    const shown = await run(['status', '--json'], { env });
    expectExit(shown, 0);
    expect(await status({ root, env })).to.deep.equal(shown.json());
    const reverted = await down({ root, env });
    expect(reverted.migrations?.map(({ name, outcome }) => `${name} ${outcome}`)).to.deep.equal([
      'one reverted',
    ]);
    const verified = await verify({ root, env: { ...env, SHADOW_DATABASE_URL: database.url }, all: true });
    expect(verified).to.include({ ok: true, exitCode: 0 });
  });

  it('tell a failure in the document, with the state and the exit code of the command', async () => {
    const { root } = await project({ ...first, ...broken });
    const { env } = await createDatabase();
    const document = await up({ root, env: env() });
    expect(document).to.include({ ok: false, exitCode: 3 });
    expect(document.error).to.include({ code: 'migration-failed', sqlState: '42703', line: 1 });
    expect(document.migrations?.map(({ outcome }) => outcome)).to.deep.equal(['applied', 'failed']);
  });

  it('write nothing to the terminal, and tell the logger without secrets', async () => {
    const { root } = await project(first);
    const database = await createDatabase();
    const env = database.env();
    const lines: string[] = [];
    const logger = { log: (line: string) => lines.push(line), warn: (line: string) => lines.push(line) };
    expect(await written(() => up({ root, env, logger }))).to.equal('');
    expect(await written(() => up({ root, env: { ...env, PGPORT: 'x', DATABASE_URL: '' } }))).to.equal('');
    expect(lines.join('\n')).to.include('20250101000001_one');
    const password = new URL(database.url).password;
    if (password.length >= 4) expect(lines.join('\n')).not.to.include(password);
  });

  it('stop where the caller’s signal aborts, and leave nothing of what was under way', async () => {
    const { root } = await project({
      ...first,
      ...pair(
        '20250101000002_slow',
        'CREATE TABLE slow (); SELECT pg_advisory_lock(77);\n',
        'DROP TABLE slow;\n',
      ),
    });
    const database = await createDatabase();
    const holder = await database.client();
    await holder.query('SELECT pg_advisory_lock(77)');
    const controller = new AbortController();
    const running = up({ root, env: database.env(), signal: controller.signal });
    for (;;) {
      const { rows } = await holder.query(
        "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 77",
      );
      if (rows.length > 0) break;
    }
    controller.abort();
    const document = await running;
    expect(document.error).to.include({ code: 'interrupted' });
    const [row] = await database.query<{ slow: string | null }>("SELECT to_regclass('slow') AS slow");
    expect(row?.slow).to.equal(null);
    expect(process.exitCode ?? 0).to.equal(0);
  });

  it('end as they would whatever their logger throws, at whichever line', async () => {
    const tool = await project({ ...first, ...second, ...broken });
    const database = await createDatabase();
    const common = { root: tool.root, env: database.env() };
    let lines = 0;
    const loggers = [
      (): never => {
        throw new Error('the log is full');
      },
      () => Promise.reject(new Error('the log is gone')),
    ];
    for (const write of loggers) {
      const told = () => {
        lines += 1;
        return write();
      };
      const logger = { log: told, warn: told };
      const upward = await up({ ...common, logger });
      expect(upward).to.include({ exitCode: 3 });
      expect(upward.migrations?.map(({ outcome }) => outcome)).to.deep.equal([
        'applied',
        'applied',
        'failed',
      ]);
      const downward = await down({ ...common, logger, to: '0' });
      expect(downward.migrations?.map(({ outcome }) => outcome)).to.deep.equal(['reverted', 'reverted']);
      expect(await status({ ...common, logger })).to.include({ ok: true });
    }
    expect(lines).to.be.greaterThan(10);
  });

  it('take what their commands take, and refuse what those do not know, before anything connects', async () => {
    for (const [name, options] of Object.entries(optionsOf)) {
      const line = commandLines.find((each) => each.name === name)!;
      expect(Object.keys(options), name).to.have.members(Object.keys(shapesOf(line)));
    }
    const wrong: [given: object, message: string, hint: string][] = [
      [{ afterdeploy: true }, 'up() knows no option "afterdeploy"', 'Did you mean afterDeploy'],
      [{ targets: 'x' }, 'up() knows no option "targets"', 'It knows root'],
      [{ to: 20250101000001 }, '"to" of up() is a text', 'Nothing was run'],
      [{ n: '1' }, '"n" of up() is a number', 'Nothing was run'],
      [{ afterDeploy: 'yes' }, '"afterDeploy" of up() is true or false', 'Nothing was run'],
      [{ root: new URL('file:///') }, '"root" of up() is a path', 'Nothing was run'],
      [{ dir: null }, '"dir" of up() is a path', 'Nothing was run'],
      [{ env: 'CI=1' }, '"env" of up() is an object of variables', 'Nothing was run'],
      [{ signal: new AbortController() }, '"signal" of up() is an AbortSignal', 'Nothing was run'],
      // As of loggers that have info() instead.
      [
        { logger: { info: () => {} } },
        '"logger" of up() is an object with log() and warn()',
        'Nothing was run',
      ],
    ];
    for (const [given, message, hint] of wrong) {
      const document = await up({ root: '/', env: {}, ...given });
      expect(document, message).to.include({ ok: false, exitCode: 2 });
      expect(document.error?.message).to.include(message);
      expect(document.error?.hint).to.include(hint);
    }
  });

  it('give of status what its types say, no field more and none less', async () => {
    const tool = await project({
      ...pair('20250101000001_one', 'CREATE TABLE one (a int, b int);\n', 'DROP TABLE one;\n'),
      ...second,
      ...pair('20250101000003_long', `SELECT 1; -- ${'x'.repeat(1024 * 1024)}\n`, 'SELECT 1;\n'),
    });
    const { root } = tool;
    const database = await createDatabase();
    const env = database.env();
    const documents = [await status({ root, env })];
    expect(await up({ root, env })).to.include({ exitCode: 0 });
    await database.query(
      'ALTER TABLE one DROP COLUMN a; ALTER TABLE one ADD COLUMN a int; CREATE TABLE hand ()',
    );
    documents.push(await status({ root, env }));
    await database.query('DROP TABLE hand');
    const later = {
      ...pair('20250101000004_half', '-- migrate: no-transaction\nSELECT 1;\nSELECT 1/0;\n', 'SELECT 1;\n'),
      ...pair('20250101000005_later', '-- migrate: after-deploy\nSELECT 1;\n', 'SELECT 1;\n'),
    };
    for (const [name, text] of Object.entries(later)) await tool.write(name, text);
    expect(await up({ root, env })).to.include({ exitCode: 3 });
    await tool.write('20250101000001_one.up.sql', 'CREATE TABLE one (a int);\n');
    for (const [name, text] of Object.entries(second)) {
      await rm(join(root, 'db/migrations', name));
      await tool.write(name.replace('02_two', '09_two'), text);
    }
    for (const [name] of Object.entries(pair('20250101000010_empty', '', ''))) await tool.write(name, '');
    documents.push(await status({ root, env, log: true }));
    const migrations = documents.flatMap((document) => document.migrations ?? []);
    const differences = documents.flatMap(({ drift, driftWarnings }) => [
      ...(drift?.differences ?? []),
      ...(driftWarnings ?? []),
    ]);
    expect(everyKey(documents)).to.deep.equal(Object.keys(keysOfStatus).sort());
    expect(everyKey(migrations)).to.deep.equal(Object.keys(keysOfMigration).sort());
    expect(everyKey(differences)).to.deep.equal(Object.keys(keysOfDifference).sort());
    expect(everyKey(documents.flatMap(({ log = [] }) => log))).to.deep.equal(Object.keys(keysOfAudit).sort());
  });

  it('give an error with all its fields, a bug too', () => {
    for (const error of [new MigrateError('usage', 'x'), new Error('x'), 'x']) {
      const document = toJson({ command: 'up', environment: null, error, verdict: null, document: {} });
      expect(document.error).to.have.all.keys(keysOfError).and.to.include({ message: 'x' });
    }
  });

  it('go through a release: before the start of the application, and after it', async () => {
    const later = pair('20250101000002_later', '-- migrate: after-deploy\nDROP TABLE one;\n', 'SELECT 1;\n');
    const { root } = await project({
      ...first,
      ...later,
      ...pair('20250101000003_two', 'SELECT 1;', 'SELECT 1;'),
    });
    const env = (await createDatabase()).env();
    expect(await up({ root, env })).to.include({ ok: false, exitCode: 10, error: null });
    expect(await status({ root, env, check: true })).to.include({ exitCode: 10 });
    const planned = await plan({ root, env, afterDeploy: true });
    expect(planned.ok).to.equal(true);
    const rest = await up({ root, env, afterDeploy: true, wait: '1s' });
    expect(rest.migrations?.map(({ name }) => name)).to.deep.equal(['later', 'two']);
    expect(await status({ root, env, check: true, log: '1' })).to.include({ exitCode: 0 });
  });
});
