// Takes a schema and a statement; runs it as written, and its advice as printed, and gives what then differs.
// Batches are walked here key range by key range, three rows at a time.
import pg from 'pg';
import type { Finding, Migration } from '../../scripts/base/types.ts';
import { batchProblem } from '../../scripts/files/batch.ts';
import { loadParser } from '../../scripts/files/statements.ts';
import { type Fix, fixMigration } from '../../scripts/lint/fix.ts';
import { reviewMigrations } from '../../scripts/lint/review.ts';
import { describeDifference, diffSnapshots } from '../../scripts/schema/change/diff.ts';
import type { Query, SchemaObject } from '../../scripts/schema/types.ts';
import { cleanUpAfterTest } from './cleanup.ts';
import { empty, line, migration } from './lint.ts';
import { testMajor } from './postgres.ts';
import { preparedQueryOn, snapshotOf } from './schema.ts';

export interface AdviceCase {
  readonly rule: string;
  /** What is special about this table or statement. */
  readonly shape: string;
  readonly before: string;
  readonly sql: string;
  /** Values that no two runs share: only the number of rows is compared. */
  readonly volatile?: true;
  /** Rules of findings that may be left: those of the original that are a question of taste. */
  readonly left?: readonly string[];
  /** The original does not run as it is; the catalog to compare with is that of this text. */
  readonly instead?: string;
}

export interface State {
  readonly objects: readonly SchemaObject[];
  readonly rows: Readonly<Record<string, unknown>>;
}

const readers = new WeakMap<pg.Client, Promise<Query>>();

/** A second connection to the client's database: the replays discard what the first one has prepared. */
function readerOf(client: pg.Client): Promise<Query> {
  const known = readers.get(client) ?? openReader(client);
  readers.set(client, known);
  return known;
}

async function openReader(client: pg.Client): Promise<Query> {
  const { host, port, user, password, database, ssl } = client;
  const reader = new pg.Client({ host, port, user, password, database, ssl } as pg.ClientConfig);
  reader.on('error', () => {});
  await reader.connect();
  cleanUpAfterTest(async () => {
    readers.delete(client);
    await reader.end();
  });
  return preparedQueryOn(reader);
}

export async function stateOf(client: pg.Client, volatile = false): Promise<State> {
  const { objects } = await snapshotOf(await readerOf(client));
  const { rows: tables } = await client.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1`,
  );
  const rows: Record<string, unknown> = {};
  for (const { name } of tables) {
    const what = volatile ? 'count(*)' : "coalesce(jsonb_agg(to_jsonb(t) ORDER BY to_jsonb(t)::text), '[]')";
    rows[name] = (await client.query(`SELECT ${what} AS rows FROM ${name} t`)).rows[0].rows;
  }
  return { objects, rows };
}

export function differences(a: State, b: State): string[] {
  const schema = diffSnapshots(a.objects, b.objects)
    .filter(({ severity }) => severity === 'drift')
    .map(describeDifference);
  const names = [...new Set([...Object.keys(a.rows), ...Object.keys(b.rows)])];
  return [
    ...schema,
    ...names
      .filter((name) => JSON.stringify(a.rows[name]) !== JSON.stringify(b.rows[name]))
      .map((name) => `rows of ${name}: ${JSON.stringify(a.rows[name])} → ${JSON.stringify(b.rows[name])}`),
  ];
}

/** The files that a finding's help prints: the paragraph behind the words that is SQL. */
export function printedFiles(help: string): readonly string[] {
  const paragraphs = help.split('\n\n').slice(2);
  const sql = paragraphs.filter((paragraph) =>
    /^(-- migrate: (no-transaction|batch)|[A-Z]+ )[\s\S]*;$/.test(paragraph),
  );
  return sql.flatMap((paragraph) => paragraph.split('\n-- in the next migration:\n'));
}

export async function applyFile(client: pg.Client, text: string): Promise<void> {
  const parsed = (await loadParser(testMajor))(text);
  if (parsed.ok !== true) throw new Error(`does not parse: ${text}`);
  const batch = /^-- migrate: batch (.+) by (.+)$/m.exec(text);
  const problem =
    batch === null
      ? null
      : batchProblem({ table: batch[1] ?? '', column: batch[2] ?? '' }, text, await loadParser(16));
  if (problem !== null) throw new Error(`no batch: ${problem}`);
  if (batch !== null)
    await walkBatch(client, batch[1] ?? '', batch[2] ?? '', parsed.statements[0]?.text ?? '');
  else if (/^-- migrate: no-transaction$/m.test(text))
    for (const statement of parsed.statements) await client.query(statement.text);
  else
    await client.query(`BEGIN; ${text}\n; COMMIT`).catch(async (error) => {
      await client.query('ROLLBACK');
      throw error;
    });
}

async function walkBatch(client: pg.Client, table: string, key: string, sql: string): Promise<void> {
  const { rows } = await client.query<{ first: unknown; last: unknown }>(
    `SELECT (array_agg(k ORDER BY k))[1]::text AS first, (array_agg(k ORDER BY k DESC))[1]::text AS last FROM (SELECT ${key} AS k, (row_number() OVER (ORDER BY ${key}) - 1) / 3 AS part FROM ${table}) s GROUP BY part ORDER BY part`,
  );
  for (const { first, last } of rows) await client.query(sql, [first, last]);
}

/** Everything that is wrong with the advice for one case; empty where it is proven. */
export async function proveAdvice(client: pg.Client, test: AdviceCase): Promise<string[]> {
  const { rule, before, sql, volatile } = test;
  const earlier = [migration('20250101000000_before', before, '-- migrate: irreversible not the point\n')];
  const asked = [migration('20250102000000_asked', sql)];
  await empty(client);
  let fix: Fix | null = null;
  const findings = await reviewMigrations({
    earlier,
    underReview: asked,
    scratch: client,
    postgres: testMajor,
    onReviewed: (reviewed, steps, complaints) => {
      fix = fixMigration(reviewed, steps, complaints);
    },
  });
  const finding = findings.find((found) => found.rule === rule);
  if (finding === undefined) return [`${rule} is not found: ${findings.map(line).join(' | ') || 'nothing'}`];
  const files = printedFiles(finding.help);
  if (files.length === 0) return [`no SQL is printed:\n${finding.help}`];
  await reset(client, before);
  if (test.instead === undefined) await applyFile(client, sql);
  else await client.query(test.instead);
  const wanted = await stateOf(client, volatile);
  await reset(client, before);
  for (const file of files) await applyFile(client, file);
  const wrong = differences(wanted, await stateOf(client, volatile));
  const left = await findingsIn(client, earlier, files);
  const silent = new Set(test.left ?? []);
  return [
    ...wrong,
    ...left.filter((found) => !silent.has(found.rule)).map((found) => `found in the advice: ${line(found)}`),
    ...(await wrongDowns(client, before, fix)),
  ].map((text) => `${text}\n${files.join('\n--- next\n')}`);
}

async function reset(client: pg.Client, before: string): Promise<void> {
  await empty(client);
  await client.query(before);
}

async function findingsIn(
  client: pg.Client,
  earlier: readonly Migration[],
  files: readonly string[],
): Promise<readonly Finding[]> {
  await empty(client);
  const emptied = migration(
    '20250101000001_emptied',
    withoutRows,
    '-- migrate: irreversible not the point\n',
  );
  const underReview = files.map((text, i) => migration(`2025010300000${i}_advised`, text));
  const findings = await reviewMigrations({
    earlier: [...earlier, emptied],
    underReview,
    scratch: client,
    postgres: testMajor,
  });
  return findings.filter(({ severity }) => severity !== 'info');
}

/** Lint works on empty tables: the rows are for running. */
const withoutRows = `DO $$ DECLARE t record; BEGIN
  FOR t IN SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  LOOP EXECUTE format('DELETE FROM %s', t.name); END LOOP; END $$;`;

/** Each down of the series brings the schema back to what it was before its up. */
async function wrongDowns(client: pg.Client, before: string, fix: Fix | null): Promise<string[]> {
  if (fix === null || fix.pairs.length < 2) return [];
  await reset(client, before);
  const states: State[] = [];
  for (const { up } of fix.pairs) {
    states.push(await stateOf(client, true));
    await applyFile(client, up);
  }
  const wrong: string[] = [];
  for (const { down } of [...fix.pairs].reverse()) {
    await applyFile(client, down);
    const state = states.pop();
    if (state === undefined) continue;
    wrong.push(
      ...differences({ ...state, rows: {} }, { ...(await stateOf(client, true)), rows: {} }).map(
        (text) => `after the down ${down}: ${text}`,
      ),
    );
  }
  return wrong;
}
