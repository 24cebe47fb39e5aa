// Takes steps with their texts; gives how each ended. One transaction per step holds its SQL, the tracking row and the
// ledger row. Stops at the first failure. It knows nothing of files or terminals.
import type { DatabaseError } from 'pg';
import type { BatchResult } from './batch.ts';
import type { Config } from './config.ts';
import type { Engine, StepSql } from './engine.ts';
import { MigrateError } from './errors.ts';
import { entrySql } from './ledger.ts';
import type { Provenance } from './provenance.ts';
import { runLockKey } from './run-lock.ts';
import { type Session, sessionSettings } from './session.ts';
import { describeSqlError } from './sql-error.ts';
import type { Parser } from './statements.ts';
import { entryOf, type ReadyStep } from './steps.ts';
import type { Outcome, Statement } from './types.ts';

/** What a run tells while it goes on. */
export interface Observer {
  stepStarted(step: ReadyStep, number: number, total: number): void;
  stepEnded(outcome: Outcome): void;
  notice(text: string): void;
}

export interface RunContext {
  readonly session: Session;
  readonly config: Config;
  readonly engine: Engine;
  readonly provenance: Provenance;
  readonly parse: Parser;
  readonly observer: Observer;
}

export interface RunResult {
  readonly outcomes: readonly Outcome[];
  readonly failure: MigrateError | null;
}

/** Runs the steps one after the other, each all or nothing. */
export async function execute(context: RunContext, steps: readonly ReadyStep[]): Promise<RunResult> {
  const outcomes: Outcome[] = [];
  for (const [i, step] of steps.entries()) {
    context.observer.stepStarted(step, i + 1, steps.length);
    const started = performance.now();
    const failure = await attempt(() => runStep(context, step));
    const durationMs = Math.round(performance.now() - started);
    const outcome = outcomeOf(step, failure === null ? done(step) : 'failed', durationMs);
    outcomes.push(outcome);
    context.observer.stepEnded(outcome);
    if (failure !== null) {
      const unreached = steps.slice(i + 1).map((rest) => outcomeOf(rest, 'pending', null));
      return { outcomes: [...outcomes, ...unreached], failure: withState(failure, step, i) };
    }
  }
  return { outcomes, failure: null };
}

/** Runs all steps in one transaction: either every one counts, or none. */
export async function executeTogether(context: RunContext, steps: readonly ReadyStep[]): Promise<RunResult> {
  const outcomes: Outcome[] = [];
  for (const [i, step] of steps.entries()) {
    const [first, last] = [i === 0, i === steps.length - 1];
    context.observer.stepStarted(step, i + 1, steps.length);
    const started = performance.now();
    const failure = await attempt(() => runStep(context, step, { first, last }));
    const durationMs = Math.round(performance.now() - started);
    outcomes.push(outcomeOf(step, failure === null ? done(step) : 'failed', durationMs));
    context.observer.stepEnded(outcomes[i] as Outcome);
    if (failure !== null) {
      const none = steps.map((each, k) =>
        outcomeOf(each, k === i ? 'failed' : 'pending', k === i ? durationMs : null),
      );
      return { outcomes: none, failure: withState(failure, step, 0) };
    }
  }
  return { outcomes, failure: null };
}

const done = (step: ReadyStep) => (step.direction === 'up' ? 'applied' : 'reverted');

function outcomeOf(step: ReadyStep, outcome: Outcome['outcome'], durationMs: number | null): Outcome {
  const { id, version, name, direction } = step;
  return { id, version, name, direction, outcome, durationMs };
}

async function attempt(work: () => Promise<void>): Promise<MigrateError | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof MigrateError) return error;
    throw error;
  }
}

function withState(error: MigrateError, step: ReadyStep, before: number): MigrateError {
  const kept =
    before === 0
      ? ''
      : ` ${before === 1 ? 'The migration' : `The ${before} migrations`} before it in this run ${before === 1 ? 'stays' : 'stay'} ${done(step)}.`;
  const state = error.options.state ?? `${step.id} was rolled back: nothing of it is left.${kept}`;
  const hint = error.options.hint ?? `Mend the file, then run make migrate-${step.direction} again.`;
  return new MigrateError(error.code, error.message, { ...error.options, state, hint });
}

/** Where a step stands in a transaction that it may share with others. */
interface Place {
  readonly first: boolean;
  readonly last: boolean;
}

/** Statements that our prefix puts before the file's own. */
const prefixStatements = 2;

async function runStep(
  context: RunContext,
  step: ReadyStep,
  place: Place = { first: true, last: true },
): Promise<void> {
  const { config, engine, session } = context;
  const stepSql = await engine.stepSql(step.id, step.direction, step.text);
  const lockMs = step.directives.lockTimeoutMs ?? config.lockTimeoutMs;
  const statementMs = step.directives.statementTimeoutMs ?? config.statementTimeoutMs;
  const open = place.first ? 'BEGIN' : 'SELECT 1';
  const prefix = `${open}; SELECT extract(epoch FROM transaction_timestamp()), set_config('lock_timeout', '${lockMs}', true), set_config('statement_timeout', '${statementMs}', true);\n`;
  const started = performance.now();
  const ran = await session.batch(prefix + stepSql.sql, { keepRows: prefixStatements });
  if (ran.error !== null) throw await rolledBack(context, step, ran, prefix.length);
  if (ran.transactionStatus !== 'T') throw await leftTransaction(context, step);
  await session.restoreEncoding();
  await record(context, step, stepSql, place, ran.rows[1]?.[0]?.[0] ?? '', performance.now() - started);
}

/**
 * The second round trip: deferred constraints, a clean session, proof that transaction and run lock are still ours, the
 * two rows, COMMIT. What the file set (role, search path, temporary tables …) reaches neither the rows nor the next file.
 */
async function record(
  context: RunContext,
  step: ReadyStep,
  { trackingSql }: StepSql,
  place: Place,
  transactionStart: string,
  durationMs: number,
): Promise<void> {
  const { config, session, provenance } = context;
  const statements = [
    'SET CONSTRAINTS ALL IMMEDIATE',
    ...resetStatements(config),
    `SELECT 1 / (extract(epoch FROM transaction_timestamp())::text = '${transactionStart}' AND pg_try_advisory_lock(${runLockKey}))::int`,
    trackingSql.replace(/;\s*$/, ''),
    entrySql(entryOf(step, durationMs), config.trackingTable, provenance),
  ];
  const guard = statements.findIndex((sql) => sql.startsWith('SELECT 1 /'));
  const closing = place.last ? ['COMMIT', ...leftovers] : leftovers.filter((sql) => sql !== 'UNLISTEN *');
  const result = await session.batch([...statements, ...closing].join(';\n'));
  if (result.error === null) return;
  if (result.completed === guard) throw await leftTransaction(context, step);
  throw await rolledBack(context, step, { ...result, completed: result.completed }, null);
}

/** Brings role and settings back to those of a fresh session; RESET ROLE after, for a role may be set by ALTER ROLE. */
export function resetStatements(config: Config): string[] {
  return ['SET SESSION AUTHORIZATION DEFAULT', 'RESET ROLE', 'RESET ALL', sessionSettings(config)];
}

/** What outlives a transaction besides settings. DISCARD ALL would do it, and drop the run lock. */
const leftovers = ['CLOSE ALL', 'DEALLOCATE ALL', 'UNLISTEN *', 'DISCARD TEMP', 'DISCARD SEQUENCES'];

/** Rolls back and says what failed; `prefixLength` null means that a statement of ours did, not of the file. */
async function rolledBack(
  context: RunContext,
  step: ReadyStep,
  result: BatchResult,
  prefixLength: number | null,
): Promise<MigrateError> {
  const error = result.error as DatabaseError | MigrateError;
  if (error instanceof MigrateError) return connectionLost(error, step);
  await rollback(context);
  if (prefixLength === null) {
    return new MigrateError('migration-failed', error.message, {
      location: { file: step.path },
      statement:
        result.completed === 0
          ? 'deferred constraints, checked at the end of the transaction'
          : 'recording the migration',
      database: {
        ...(error.code === undefined ? {} : { sqlState: error.code }),
        ...(error.detail === undefined ? {} : { detail: error.detail }),
      },
      cause: error,
    });
  }
  const statements = statementsOf(context, step);
  const { message, options } = describeSqlError(
    error,
    { path: step.path, text: step.text, statements, prefixLength },
    Math.max(0, result.completed - prefixStatements),
  );
  return new MigrateError('migration-failed', message, options);
}

function statementsOf({ parse }: RunContext, step: ReadyStep): readonly Statement[] | null {
  const parsed = parse(step.text);
  return parsed.ok === true ? parsed.statements : null;
}

function connectionLost(error: MigrateError, step: ReadyStep): MigrateError {
  return new MigrateError('connection', error.message, {
    ...error.options,
    state: `The server rolls ${step.id} back: nothing of it is left.`,
    hint: 'Run the same command again.',
  });
}

async function leftTransaction(context: RunContext, step: ReadyStep): Promise<MigrateError> {
  await rollback(context);
  return new MigrateError('migration-failed', `${step.path} left its transaction, or gave up the run lock`, {
    hint: 'A migration must not commit, roll back or call pg_advisory_unlock_all(). Look at what its statements and functions do.',
    state: `What ran before the transaction ended may be there, but ${step.id} is not recorded. Compare with make migrate-drift, undo it by hand, mend the file.`,
    location: { file: step.path },
  });
}

async function rollback({ session, config }: RunContext): Promise<void> {
  await session.batch(['ROLLBACK', ...resetStatements(config), ...leftovers].join(';\n'));
}
