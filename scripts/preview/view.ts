// Takes the steps of a plan, with what was traced, and a session on the target; gives the plan as it is shown.

import { redact } from '../base/secrets.ts';
import type { Statement } from '../base/types.ts';
import type { Session } from '../connection/session.ts';
import type { Parser } from '../files/statements.ts';
import { strengthOf, strongestLocks } from '../lint/trace/locks.ts';
import type { TracedStatement } from '../lint/trace/traced.ts';
import type { ReadyStep } from '../plan/steps.ts';
import { readObstacles, readTables } from './live.ts';
import type { PlanTrace } from './trace.ts';
import type { LiveTable, Obstacle, PlannedBatch, PlannedLock, PlannedStep } from './types.ts';

/**
 * Two round trips to the target, whatever the number of steps.
 * @param ran by id of a half-done step: how many of its statements ran already and are left out
 * @throws MigrateError `connection`, `refused`
 */
export async function lookAtTarget(
  session: Session,
  parse: Parser,
  steps: readonly ReadyStep[],
  { traces }: PlanTrace,
  ran: ReadonlyMap<string, number> = new Map(),
  batches: ReadonlyMap<string, PlannedBatch> = new Map(),
): Promise<{ steps: readonly PlannedStep[]; obstacles: readonly Obstacle[] }> {
  const effects = new Map([...traces].map(([id, traced]) => [id, traced.map(locksOf)]));
  for (const [id, done] of ran) effects.get(id)?.fill([], 0, done);
  const all = [...effects.values()].flat(2);
  const tables = await readTables(session, [...new Set(all.map(({ relation }) => relation))]);
  const wanted = new Map<string, string[]>();
  for (const { relation, mode } of all)
    if (tables.has(relation)) wanted.set(relation, [...(wanted.get(relation) ?? []), mode]);
  const planned = steps.map((step): PlannedStep => {
    const locks = effects.get(step.id);
    const statements = statementsOf(parse, step).map(({ line, text }, i) => ({
      line,
      text: redact(text),
      locks: locks?.[i]?.map((lock): PlannedLock => withTable(lock, tables)) ?? null,
    }));
    const batch = batches.get(step.id);
    const left = statements.slice(ran.get(step.id) ?? 0);
    return { step, statements: left, ...(batch === undefined ? {} : { batch }) };
  });
  return {
    steps: planned,
    obstacles:
      steps.length === 0
        ? []
        : await readObstacles(
            session,
            wanted,
            steps.some(({ text }) => /\bconcurrently\b/i.test(text)),
          ),
  };
}

type BareLock = Omit<PlannedLock, 'table'>;

function withTable(lock: BareLock, tables: ReadonlyMap<string, LiveTable>): PlannedLock {
  return { ...lock, table: tables.get(lock.relation) ?? null };
}

/** Of each relation that was there before the migration and that the statement locks, rewrites or reads: what it does. */
function locksOf({ locks, held, rewrites, scans }: TracedStatement): readonly BareLock[] {
  const own = locks.filter(({ existedBefore }) => existedBefore).map(({ relation }) => relation);
  const strongest = new Map(strongestLocks(held).map(({ relation, mode }) => [relation, mode]));
  return [...new Set([...own, ...rewrites, ...scans])]
    .map((relation) => ({
      relation,
      mode: strongest.get(relation) ?? 'AccessShareLock',
      rewrites: rewrites.includes(relation),
      reads: scans.includes(relation),
    }))
    .sort((a, b) => strengthOf(b.mode) - strengthOf(a.mode));
}

/** As the server will get them; one for all where the text cannot be parsed. */
export function statementsOf(
  parse: Parser,
  { text }: ReadyStep,
): readonly Pick<Statement, 'line' | 'text'>[] {
  const parsed = parse(text);
  return parsed.ok === true ? parsed.statements : [{ line: 1, text }];
}
