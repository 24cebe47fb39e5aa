// The list of databases as people, scripts and catalogs write it; and what is read of thousands in the end.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { MigrateError } from '../../scripts/base/errors.ts';
import { keepSecret, redact } from '../../scripts/base/secrets.ts';
import { resolveConfig } from '../../scripts/config/config.ts';
import { configsOf } from '../../scripts/fleet/configs.ts';
import { readTargetRows, readTargets } from '../../scripts/fleet/list.ts';
import {
  failureLines,
  fleetLines,
  progressLine,
  type TargetEnd,
  worstOf,
} from '../../scripts/fleet/report.ts';
import { runFleet } from '../../scripts/fleet/run-fleet.ts';
import { runScheduled } from '../../scripts/fleet/schedule.ts';
import { failuresByKind } from '../../scripts/fleet/told-once.ts';
import { annotations } from '../../scripts/report/github.ts';
import { plainStyle } from '../../scripts/report/human.ts';

const url = 'postgres://u@h/d';
const report = {
  ...{ command: 'up', environment: 'test', exitCode: 8, durationMs: 1 },
  ...{ error: null, document: {}, lines: [], blockedBy: [] },
};

function problems(read: () => unknown): readonly string[] {
  try {
    read();
    return [];
  } catch (error) {
    if (error instanceof MigrateError && error.code === 'usage')
      return error.options.problems ?? [error.message];
    throw error;
  }
}

describe('a list of databases', () => {
  it('may have a BOM, line ends of any kind, comments and empty lines', () => {
    const text = `\uFEFF# all\r\na ${url}\r\n\t b\t${url}2 # the second\n\n# c ${url}\nd ${url}#3\re ${url}4`;
    expect(readTargets(text, 'list').map(({ name }) => name)).to.deep.equal(['a', 'b', 'd', 'e']);
  });

  it('is refused whole, with each wrong line, and shows nothing of an address', () => {
    const lines = [
      'a',
      `"b" ${url}`,
      `c ${url} more`,
      'd postgres://u:geheim@h/d',
      'e postgres://u@h/d?password=geheim',
      'e2 postgres://u@h/d?sslpassword=geheim',
      'f http://h',
      'g h:5432',
      `h ${url}`,
      `h ${url}2`,
      `\u001b[31m ${url}`,
    ];
    const found = problems(() => readTargets(lines.join('\n'), 'list'));
    expect(found.map((line) => line.split(':')[1])).to.deep.equal([
      '1',
      '2',
      '3',
      '4',
      '5',
      '6',
      '7',
      '8',
      '10',
      '11',
    ]);
    for (const hidden of ['geheim', '\u001b']) expect(found.join('\n')).not.to.include(hidden);
    for (const nothing of ['', '\uFEFF', '# none', '\r\n\r\n'])
      expect(problems(() => readTargets(nothing, 'list'))).to.deep.equal(['list names no database']);
  });

  it('of a query is taken column by column: nothing in them is a comment or one more line', () => {
    expect(readTargetRows([['a', url]], 'query')).to.deep.equal([{ name: 'a', url }]);
    expect(readTargetRows([[17, url]], 'query'), 'a key').to.deep.equal([{ name: '17', url }]);
    for (const row of [
      ['#a', url],
      ['a', `${url}\nb ${url}`],
      [`a ${url}\nb`, url],
      ['a', null],
      ['a'],
      ['a', url, 'x'],
      [{}, url],
    ])
      expect(
        problems(() => readTargetRows([row], 'query')),
        JSON.stringify(row),
      ).to.have.length(1);
  });

  it('with ten thousand wrong lines is answered with the first hundred', () => {
    const found = problems(() => readTargets('wrong\n'.repeat(10_000), 'list'));
    expect(found).to.have.length(101);
    expect(found.at(-1)).to.equal('and 9,900 more');
  });

  it('of any text is read or refused, and never half of it', () => {
    const word = fc.constantFrom('a', 'b', '#', url, `${url}2`, '\n', '\r\n', ' ', '\t', '"', '\0', 'x:y@z');
    fc.assert(
      fc.property(fc.array(word, { maxLength: 20 }), (words) => {
        const text = words.join('');
        let found: readonly { name: string; url: string }[] = [];
        if (problems(() => (found = readTargets(text, 'list'))).length > 0) return;
        expect(new Set(found.map(({ name }) => name)).size).to.equal(found.length);
        for (const { name, url: one } of found) expect(text).to.include(name).and.to.include(one);
      }),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 500) },
    );
  });
});

describe('two names of one database', () => {
  const together = async (...hosts: string[]) => {
    const targets = hosts.map((host, i) => ({ name: `t${i}`, url: `postgres://u@${host}:5432/d` }));
    const config = await resolveConfig('drift', {}, { MIGRATE_ENV: 'test' });
    return configsOf(config, targets, {}).then(
      (configs) => configs.size,
      (error: MigrateError) => error.options.problems,
    );
  };

  it('are found whatever the spelling of the host, and named by the first', async () => {
    expect(await together('127.0.0.1', 'LOCALHOST.', '[::1]', '127.1')).to.deep.equal(
      ['t1', 't2', 't3'].map((name) => `${name}: is the same database as t0`),
    );
    expect(await together('db.example.com', 'DB.example.com.')).to.have.length(1);
  });

  it('are not suspected where another server may be: behind another address, a tunnel’s too', async () => {
    expect(await together('127.0.0.1', '127.0.0.2', 'a.example.com', 'b.example.com')).to.equal(4);
  });
});

describe('the end of many runs', () => {
  it('shows the secret of none, also where there were more than are remembered', async () => {
    const root = mkdtempSync(join(tmpdir(), 'migrate-fleet-'));
    mkdirSync(join(root, 'db', 'migrations'), { recursive: true });
    const names = Array.from({ length: 1100 }, (_, i) => `t${i}`);
    writeFileSync(join(root, 'targets'), names.map((name) => `${name} postgres://u@h/${name}`).join('\n'));
    const flags = { targets: join(root, 'targets'), canary: '0', maxFailures: '9999', json: true };
    const config = await resolveConfig('up', flags, { MIGRATE_ENV: 'test' }, root);
    const told: string[] = [];
    const say = (line: string) => void told.push(redact(line));
    const progress = {
      say,
      live: say,
      group: say,
      endGroup: () => {},
      detail: say,
      warn: say,
      style: plainStyle,
    };
    const run = async ({ config: own }: { config: { target?: { database: string } } }) => {
      const secret = `secret-of-${own.target?.database}-`;
      keepSecret([secret]);
      throw new MigrateError('migration-failed', `it was ${secret}`);
    };
    const signal = new AbortController().signal;
    const result = await runFleet({ config, flags, args: [], progress, signal }, run as never);
    rmSync(root, { recursive: true });
    expect(result.document.targets).to.have.length(1100);
    const shown = [...told, ...result.lines, JSON.stringify(result.document)].join('\n');
    expect(shown).to.include('it was ***').and.not.to.include('secret-of');
  });

  const end = (name: string, exitCode: number | null, line = 'done'): TargetEnd => ({
    name,
    exitCode,
    line,
    durationMs: 1,
    document: null,
  });

  it('is a table of what is not fine and counts of the rest, for 3 and for 3,000', () => {
    const many = Array.from({ length: 3000 }, (_, i) =>
      end(`t${i}`, i % 1000 === 7 ? 3 : i >= 2950 ? null : 0, i === 7 ? 'broken \u001b[2J' : 'x'),
    );
    const lines = fleetLines(many, 61_000, '--max-failures 3');
    expect(lines).to.have.length(5);
    expect(lines[0])
      .to.match(/^t7 +exit 3 +broken/)
      .and.not.include('\u001b');
    expect(lines[3]).to.match(/^Not begun \(--max-failures 3\): t2950, .* and 30 more$/);
    expect(lines[4]).to.equal('3,000 databases: 2947 fine, 3 failed, 50 not begun, in 1 min 1 s.');
    expect(fleetLines([end('a', 0), end('b', 0), end('c', 0)], 5)).to.have.length(1);
    expect(fleetLines([end('a', 0), end('b', 10), end('c', 5)], 5).at(-1)).to.equal(
      '3 databases: 1 fine, 1 pending, 1 failed, 0 not begun, in 5 ms.',
    );
  });

  it('tells the first failure of each kind whole, the others by their number, and no more than five kinds', () => {
    const { add, all } = failuresByKind();
    const lost = (name: string) =>
      new MigrateError('connection', `Cannot connect to ${name}`, {
        state: 'Nothing was changed.',
        hint: 'Wait 5 s.',
      });
    for (const name of ['a', 'b', 'c']) add(name, lost(name));
    add('d', new MigrateError('drift', 'Drift', { problems: ['+ table public.x'] }));
    add('e', new MigrateError('drift', 'Drift', { problems: ['+ table public.y'] }));
    const text = failureLines(all(), plainStyle).join('\n');
    expect(text).to.match(
      /^a, and 2 more in the same way:\nERROR Cannot connect to a\nState: Nothing was changed\.\nNext: {2}Wait 5 s\./,
    );
    for (const told of ['d:\n', '+ table public.x', 'e:\n', '+ table public.y'])
      expect(text).to.include(told);
    for (const line of [1, 2, 3, 4, 5])
      add(`f${line}`, new MigrateError('migration-failed', 'x', { location: { file: 'a.up.sql', line } }));
    const many = failureLines(all(), plainStyle).join('\n');
    expect(many).to.include('3 other kinds of failure stand in the table alone').and.not.to.include('f5');
    expect(failureLines([], plainStyle)).to.deep.equal([]);
    const [title] = annotations({ ...report, failures: all() });
    expect(title).to.include('title=migrate up%3A a and 2 more::Cannot connect to a');
  });

  it('is told meanwhile: how many, how long, and which are under way', () => {
    const underWay = new Set(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(progressLine({ done: 2, failed: 1, total: 10, underWay }, 1000)).to.equal(
      '  2 of 10 done, 1 failed, 8 left, about 4.0 s; under way: a, b, c, d and 2 more',
    );
    expect(progressLine({ done: 10, failed: 0, total: 10, underWay: new Set() }, 1000)).to.equal(
      '  10 of 10 done, 0 failed, 0 left',
    );
  });

  it('has the exit code of the worst', () => {
    expect(worstOf([end('a', 0), end('b', 10), end('c', 6)])).to.equal(6);
    expect(worstOf([end('a', 6), end('b', 3), end('c', null)])).to.equal(3);
    expect(worstOf([end('a', 3), end('b', 1)])).to.equal(1);
    expect(worstOf([end('a', null)])).to.equal(0);
  });

  it('comes as soon as too many have failed, never with more at a time than allowed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 1, max: 10 }),
        async (works, parallel, canary, maxFailures) => {
          let [begun, running, most, failed, afterStop] = [0, 0, 0, 0, 0];
          await runScheduled(
            works,
            { parallel, canary, maxFailures, signal: new AbortController().signal },
            async (fine) => {
              if (failed >= maxFailures) afterStop += 1;
              begun += 1;
              running += 1;
              most = Math.max(most, running);
              await new Promise(setImmediate);
              running -= 1;
              if (!fine) failed += 1;
              return fine;
            },
          );
          expect(most).to.be.at.most(parallel);
          expect(afterStop).to.equal(0);
          const canaries = works.slice(0, canary);
          if (canaries.includes(false)) expect(begun).to.be.at.most(canary);
          else if (failed < maxFailures) expect(begun).to.equal(works.length);
        },
      ),
      { numRuns: 200 },
    );
  });
});
