// Takes the steps of a plan; gives what each statement locked, rewrote and read on a scratch database that has all that
// is applied on the target, and what lint says of the ups. It never touches the target; without a scratch server it
// says so and the plan goes on without locks.

import { isInterruption, MigrateError } from '../base/errors.ts';
import type { Finding, Migration } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import { loadParser } from '../files/statements.ts';
import { reviewMigrations } from '../lint/review.ts';
import type { TracedStatement } from '../lint/trace/traced.ts';
import { traceMigration } from '../lint/trace/tracer.ts';
import type { ReadyStep } from '../plan/steps.ts';
import type { Progress } from '../report/command.ts';
import { ensureStandIns } from '../scratch/citus-stand-ins.ts';
import type { ScratchClient } from '../scratch/client.ts';
import { ensureRoles } from '../scratch/placeholder-roles.ts';
import { applyMigrations } from '../scratch/replay.ts';
import { withScratchClient } from '../scratch/with-scratch.ts';

export interface TraceRequest {
  readonly config: Config;
  readonly progress: Progress;
  /** All that is applied on the target, in its order; null where the text of one is nowhere. */
  readonly applied: readonly Migration[] | null;
  readonly steps: readonly ReadyStep[];
  /** The time zone that migrations have on the target: it decides what is rewritten. */
  readonly timeZone: string;
  /** Partitioned tables (`schema.name`) that have no partition there. */
  readonly emptyParents: ReadonlySet<string>;
  /** Major version of the target. */
  readonly postgres: number;
}

export interface PlanTrace {
  /** Statements by id of the step, in order; steps that were not reached are absent. */
  readonly traces: ReadonlyMap<string, readonly TracedStatement[]>;
  readonly findings: readonly Finding[];
  readonly untraced: string | null;
}

/**
 * The cost: one replay of what is applied, then one round trip per statement of the plan.
 * @throws MigrateError `connection`, `usage`, `refused` (SHADOW_DATABASE_URL), `interrupted`; what cannot be replayed is in the answer
 */
export async function traceSteps(request: TraceRequest): Promise<PlanTrace> {
  const { config, steps, applied } = request;
  if (steps.length === 0) return { traces: new Map(), findings: [], untraced: null };
  if (applied === null) return withoutScratch(request, 'the text of an applied migration is not at hand');
  let reached = false;
  const trace = steps[0]?.direction === 'up' ? traceUps : traceDowns;
  const work = (client: ScratchClient) => {
    reached = true;
    return trace(request, applied, client);
  };
  try {
    return await withScratchClient(config, work, request.timeZone);
  } catch (error) {
    if (!(error instanceof MigrateError) || isInterruption(error)) throw error;
    const { code, message, options } = error;
    // A server that somebody named and that cannot be used is a mistake to mend, not a reason to know less.
    if (config.scratchUrl !== undefined && (!reached || code === 'connection'))
      throw new MigrateError(
        code,
        message.includes('SHADOW_DATABASE_URL') ? message : `SHADOW_DATABASE_URL: ${message}`,
        options,
      );
    return withoutScratch(request, reasonOf(error));
  }
}

function reasonOf({ message, options: { location } }: MigrateError): string {
  const place = [location?.file, location?.line].filter((part) => part !== undefined).join(':');
  return place === '' ? message : `${message} (${place})`;
}

async function withoutScratch({ config, steps, postgres }: TraceRequest, reason: string): Promise<PlanTrace> {
  const underReview = upsOf(steps);
  const findings = await reviewMigrations({
    earlier: [],
    underReview,
    settings: config.project.lint ?? {},
    postgres,
    isServers: true,
  });
  return { traces: new Map(), findings, untraced: reason };
}

async function traceUps(
  { config, steps, postgres, emptyParents }: TraceRequest,
  earlier: readonly Migration[],
  scratch: ScratchClient,
): Promise<PlanTrace> {
  const traces = new Map<string, readonly TracedStatement[]>();
  const findings = await reviewMigrations({
    earlier,
    underReview: upsOf(steps),
    scratch,
    asOne: true,
    emptyParents,
    settings: config.project.lint ?? {},
    postgres,
    isServers: true,
    onReviewed: ({ id }, reviewed) => {
      const traced = reviewed.flatMap(({ trace }) => (trace === undefined ? [] : [trace]));
      if (traced.length > 0) traces.set(id, traced);
    },
  });
  return { traces, findings, untraced: firstFailure(traces) };
}

function upsOf(steps: readonly ReadyStep[]): readonly Migration[] {
  return steps.flatMap(({ direction, migration }) =>
    direction === 'up' && migration !== null ? [migration] : [],
  );
}

async function traceDowns(
  { steps, postgres }: TraceRequest,
  applied: readonly Migration[],
  client: ScratchClient,
): Promise<PlanTrace> {
  const parse = await loadParser(postgres);
  await applyMigrations(client, applied, parse);
  await ensureRoles(client, applied, parse);
  await ensureStandIns(client, applied);
  const traces = new Map<string, readonly TracedStatement[]>();
  for (const { id, text, directives } of steps) {
    const parsed = parse(text);
    if (parsed.ok !== true) break;
    const { statements } = await traceMigration(client, parsed.statements, directives);
    traces.set(id, statements);
    if (statements.some(({ error }) => error !== undefined)) break;
  }
  return { traces, findings: [], untraced: firstFailure(traces) };
}

function firstFailure(traces: PlanTrace['traces']): string | null {
  for (const [id, statements] of traces) {
    const error = statements.find((statement) => statement.error !== undefined)?.error;
    if (error !== undefined)
      return `${id} does not run on the scratch database: ${error.sqlState}: ${error.message}`;
  }
  return null;
}
