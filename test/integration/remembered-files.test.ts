// Files that were found in order and are as they were are not read again: every command says the same of them as of files
// that it meets for the first time.
import { expect } from 'chai';
import { type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';

const pairs: Readonly<Record<string, readonly [up: string, down: string]>> = {
  '20250101000001_orders': [
    'CREATE TABLE orders (id bigint PRIMARY KEY, note text, total int);',
    'DROP TABLE orders;',
  ],
  '20250101000002_index': [
    '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY orders_note ON orders (note);',
    '-- migrate: no-transaction\nDROP INDEX CONCURRENTLY IF EXISTS another;',
  ],
  '20250101000003_vacuum': ['-- migrate: no-transaction\nVACUUM orders;', 'SELECT 1;'],
  '20250101000004_fill': [
    '-- migrate: batch public.orders by id\nUPDATE public.orders SET total = 1 WHERE id BETWEEN $1 AND $2 AND total IS NULL;',
    '-- migrate: irreversible the totals are new',
  ],
  '20250101000005_check': [
    'ALTER TABLE orders ADD CONSTRAINT total_known CHECK (total > 0);',
    '-- migrate: allow inexact-down nothing to allow\nALTER TABLE orders DROP CONSTRAINT total_known;',
  ],
  '20250101000006_note': [
    '-- migrate: after-deploy\nALTER TABLE orders DROP COLUMN note;',
    'ALTER TABLE orders ADD COLUMN remark text;',
  ],
};

const files = Object.fromEntries(
  Object.entries(pairs).flatMap(([id, [up, down]]) => [
    [`${id}.up.sql`, `${up}\n`],
    [`${id}.down.sql`, `${down}\n`],
  ]),
);

const hour = 3_600_000;

/** What the commands give, one after the other; `ageMs` is how old they take the files for. */
async function told(
  work: Project,
  database: TestDatabase,
  ageMs: number,
  asked: readonly string[] = commands,
) {
  const { now } = Date;
  Date.now = () => now() + ageMs;
  try {
    const answers = [];
    for (const command of asked) {
      const { exitCode, document } = await runInProcess(work.root, database.env(), command.split(' '));
      answers.push({ command, exitCode, document: withoutTimes(document) });
    }
    return answers;
  } finally {
    Date.now = now;
  }
}

const commands = [
  'lint --all --static',
  'verify --all',
  'plan',
  'up',
  'status',
  'down --dry-run',
  'redo',
  'down --to 20250101000004',
];

/** Times, durations and the database's own name differ from run to run. */
function withoutTimes(document: unknown): unknown {
  const text = JSON.stringify(document, (key, value) =>
    /Ms$|At$|On$|^runOn$|^database$|^digest|Digest$/.test(key) ? undefined : value,
  );
  return JSON.parse(text.replaceAll(/\d+(\.\d)? m?s\b/g, 'TIME'));
}

describe('files that are remembered', () => {
  it('are to every command what they are when they are read', async () => {
    const [first, second] = [await project(files), await project(files)];
    const [fresh, known] = [await createDatabase(), await createDatabase()];
    const whenRead = await told(first, fresh, 0);
    await told(second, known, hour, ['status']);
    const whenKnown = await told(second, known, hour);
    for (const [i, answer] of whenRead.entries()) expect(whenKnown[i], answer.command).to.deep.equal(answer);
    const findings = whenRead.find(({ command }) => command === 'verify --all')!;
    expect(JSON.stringify(findings)).to.contain('orders_note');
  });
});
