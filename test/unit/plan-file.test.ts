// A plan file comes from others: bent in any place to any type, it is refused in words, or shows what counts as it is.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { visible } from '../../scripts/base/foreign-text.ts';
import { digestOf, refuseEdited, refuseOtherEffects } from '../../scripts/preview/approved.ts';
import { readPlan, refuseChanged, type SavedPlan } from '../../scripts/preview/saved.ts';

type Path = readonly (string | number)[];

const lock = { relation: 'public.a', mode: 'AccessExclusiveLock', rewrites: true, reads: false, table: null };
const finding = {
  ...{ rule: 'drop-table', severity: 'error', file: '2_a.up.sql', line: 1, column: 1 },
  ...{ message: 'drops a', help: 'expand and contract' },
};
const migration = {
  ...{ version: '2', name: 'a', direction: 'up', outcome: 'pending', durationMs: null, transaction: true },
  statements: [{ line: 1, text: 'DROP TABLE a', locks: [lock] }],
};
const plan = {
  format: 'migrate-plan/2',
  createdAt: 'now',
  migrations: [migration],
  ...{ waiting: ['3_b'], findings: [finding], warnings: [{ message: 'm' }], traced: true, untraced: null },
  ...{ fingerprint: 'f', toolVersion: '1', environment: 'test' },
  target: { host: 'h', port: 1, database: 'd', oid: 5 },
  history: { digest: 'x', applied: 1, newest: '1_z' },
  files: { '2_a.up.sql': 's' },
  ...{ steps: ['2_a'], asked: { to: '2' }, allowOutOfOrder: false },
};

/** What only held at its moment, or is held to files and history by what it leads to. */
const free =
  /^(?:createdAt|warnings|asked|allowOutOfOrder|migrations\.0\.(?:durationMs|statements\.0\.locks\.0\.table))/;

function* paths(value: unknown, at: Path = []): Generator<Path> {
  if (at.length > 0) yield at;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, part] of Object.entries(value)) yield* paths(part, [...at, key]);
}

/** A copy in which the part at the path is another; undefined takes it out. */
function bent(path: Path, to: (part: unknown) => unknown): Record<string, unknown> {
  const copy = structuredClone(plan) as Record<string, unknown>;
  const parent = path.slice(0, -1).reduce<Record<string, unknown>>((part, key) => part[key] as never, copy);
  const key = String(path.at(-1));
  const value = to(parent[key]);
  if (value !== undefined) parent[key] = value;
  else if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
  return copy;
}

const bends: Readonly<Record<string, (part: unknown) => unknown>> = {
  'taken out': () => undefined,
  null: () => null,
  'an object': () => ({ toString: 1 }),
  'a list': (part) => [part, part],
  'another text': (part) => `${part}\u001b[31m\n::error::`,
  'another number': (part) => (typeof part === 'number' ? part + 1 : 7),
  'the opposite': (part) => part !== true,
};

describe('A plan file', () => {
  const root = mkdtempSync(join(tmpdir(), 'migrate-plan-'));
  after(() => rmSync(root, { recursive: true }));

  /** As `up --plan` judges the file, against what is found anew. */
  function judge(forged: Record<string, unknown>): void {
    writeFileSync(join(root, 'plan.json'), JSON.stringify({ ...forged, digest: digestOf(forged) }));
    const saved = readPlan({ root }, 'plan.json');
    const now = structuredClone(plan) as unknown as SavedPlan;
    refuseChanged(saved, now);
    const step = { id: '2_a', direction: 'up', text: 'DROP TABLE a', directives: { noTransaction: false } };
    const parse = () => ({ ok: true, statements: [{ line: 1, text: 'DROP TABLE a' }] });
    refuseEdited(saved, [step] as never, parse as never, new Map(), { waiting: ['3_b'], ahead: [] });
    refuseOtherEffects(saved, now);
  }

  it('that nobody has bent is taken', () => judge(plan));

  it('is none where it is a folder, nothing at all or no JSON', () => {
    writeFileSync(join(root, 'text'), 'root:x:0:0');
    for (const path of ['.', 'nowhere', 'text', '/dev/null'])
      expect(() => readPlan({ root }, path), path)
        .to.throw(/no plan/)
        .with.property('code', 'usage');
  });

  it('is refused in words wherever it is bent, but where only its moment stands', () => {
    const taken = new Set<string>();
    for (const path of paths(plan))
      for (const [what, to] of Object.entries(bends)) {
        const forged = bent(path, to);
        if (JSON.stringify(forged) === JSON.stringify(plan)) continue;
        try {
          judge(forged);
          taken.add(path.join('.'));
        } catch (error) {
          const { code, message, options } = error as {
            code: string;
            message: string;
            options: { problems?: string[] };
          };
          expect(code, `${path.join('.')} ${what}: ${String((error as Error).stack)}`).to.be.oneOf([
            'refused',
            'usage',
          ]);
          const shown = [message, ...(options.problems ?? [])].join('');
          expect(visible(shown)).to.equal(shown);
        }
      }
    expect([...taken].filter((path) => !free.test(path))).to.deep.equal([]);
  });
});
