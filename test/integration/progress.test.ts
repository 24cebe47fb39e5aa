// What a person or a log sees of a statement that takes long.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { createOutput } from '../../scripts/report/output.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, productRoot, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { until } from '../support/runs.ts';

const program = join(productRoot, 'dist', 'migrate.cjs');
const hasTerminal = process.platform === 'linux' && commandExists('script');

function commandExists(name: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** What makes a terminal forget the line it is on. */
const clearLine = '\r\u001b[2K';

interface Screen {
  /** Everything written so far, control sequences included. */
  text(): string;
  readonly ended: Promise<number | null>;
}

/** Runs up with a terminal around it, made by util-linux's `script`. */
async function onTerminal(
  database: TestDatabase,
  root: string,
  env: Record<string, string> = {},
): Promise<Screen> {
  const command = `stty cols 200; exec '${process.execPath}' '${join(productRoot, 'scripts', 'run.cjs')}' up`;
  const { PATH = '' } = process.env;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: root,
    env: { PATH, HOME: root, TERM: 'xterm', ...database.env(), ...env },
  });
  cleanUpAfterTest(async () => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (data: Buffer) => {
    text += data;
  });
  return { text: () => text, ended: new Promise((resolve) => child.once('close', resolve)) };
}

describe('progress', () => {
  describe('on a terminal', () => {
    before(function () {
      if (hasTerminal) return;
      console.log('    SKIPPED: no `script` of util-linux, so there is no terminal to test with');
      this.skip();
    });

    it('shows a live line with the elapsed time, and who blocks, and wipes it when the statement ends', async () => {
      const tool = await project(pair(1, 'wants', 'SELECT 1;\nLOCK TABLE busy;'));
      const database = await createDatabase();
      await database.query('CREATE TABLE busy (id int)');
      const holder = await database.client({ application_name: 'nightly report' });
      await holder.query('BEGIN; LOCK TABLE busy');
      const screen = await onTerminal(database, tool.root, { MIGRATE_LOCK_TIMEOUT: '30s' });
      const line =
        / {2}20250101000001_wants: (\d+ ms|[\d.]+ s); blocked by pid \d+, user \w+, nightly report/g;
      await until('the line to be written twice', () => (screen.text().match(line) ?? []).length >= 2);
      await holder.query('COMMIT');
      expect(await screen.ended).to.equal(0);
      const [, ...rewritten] = screen.text().split(clearLine);
      expect(rewritten.at(-2)).to.include('blocked by');
      expect(rewritten.at(-1)).to.include('applied');
    });

    it('shows phase and per cent of CREATE INDEX', async () => {
      const tool = await project(
        pair(1, 'index', '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY by_id ON busy (id);'),
      );
      const database = await createDatabase();
      await database.query('CREATE TABLE busy (id int); INSERT INTO busy SELECT generate_series(1, 1000)');
      const holder = await database.client();
      await holder.query('BEGIN; INSERT INTO busy VALUES (0)');
      const screen = await onTerminal(database, tool.root);
      await until('the phase', () =>
        screen.text().includes('CREATE INDEX: waiting for writers before build'),
      );
      await holder.query('COMMIT');
      expect(await screen.ended).to.equal(0);
    });
  });

  it('shows nothing live in a log for what takes less than 30 s', async () => {
    const tool = await project(pair(1, 'slow', 'SELECT pg_sleep(1.5);'));
    const database = await createDatabase();
    const result = await tool.run(['up'], { env: database.env() });
    expectExit(result, 0);
    expect(result.all).not.to.include('statement 1,').and.not.to.include('\r');
  });

  describe('in a log without a terminal', () => {
    const now = Date.now;
    const write = process.stdout.write;
    const isTTY = process.stdout.isTTY;
    afterEach(() => {
      Date.now = now;
      process.stdout.write = write;
      process.stdout.isTTY = isTTY;
    });

    it('writes a line every 30 s, so that a pipeline never looks dead', () => {
      let seconds = 0;
      const lines: string[] = [];
      Date.now = () => seconds * 1000;
      process.stdout.isTTY = false;
      process.stdout.write = ((text: string) => lines.push(`${seconds}: ${text.trim()}`) > 0) as typeof write;
      const output = createOutput({});
      for (seconds = 1; seconds <= 95; seconds += 1) output.live(`running for ${seconds} s`);
      process.stdout.write = write;
      expect(lines).to.deep.equal(['30: running for 30 s', '60: running for 60 s', '90: running for 90 s']);
    });
  });
});

describe('output that nobody takes', () => {
  it('ends no run in its middle; what could not be written for another reason is told', async function () {
    if (process.platform !== 'linux') {
      console.log('    SKIPPED: no /dev/full on this system, so a full disk is not tried');
      return this.skip();
    }
    const database = await createDatabase();
    const { root } = await project(
      pair('20250101000001_one', 'CREATE TABLE one (id int);', 'DROP TABLE one;'),
    );
    const { PATH = '' } = process.env;
    const shell = (command: string) =>
      spawnSync('sh', ['-c', command.replaceAll('MIGRATE', `'${process.execPath}' '${program}'`)], {
        cwd: root,
        env: { PATH, HOME: root, MIGRATE_ENV: 'test', ...database.env() },
        encoding: 'utf8',
      });
    expect(shell('{ MIGRATE up 2>&1; echo $? >code; } | true; cat code').stdout).to.equal('0\n');
    expect(await database.query('SELECT * FROM one')).to.deep.equal([]);
    for (const command of ['up', 'status --json', '--help']) {
      const full = shell(`MIGRATE ${command} >/dev/full`);
      expect(full.status).to.equal(2);
      expect(full.stderr).to.match(/^ERROR Not all of the output could be written: ENOSPC/m);
    }
  });
});
