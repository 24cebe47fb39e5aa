// Takes a command that writes; gives it a locked session with a checked history, runs the steps it chooses and reports.
// The order of a run is DESIGN's: connect, preflight, lock, history, plan, execute, unlock.

import { majorRemark } from '../base/postgres-major.ts';
import { started, timed } from '../base/timing.ts';
import type { Migration } from '../base/types.ts';
import { saveMemory } from '../base/v8-heap.ts';
import { refuseUnnamed } from '../config/binding.ts';
import type { ConfirmFlags } from '../config/protection.ts';
import { refuseReadOnly, type Session } from '../connection/session.ts';
import { askForChangeToken, checkDrift, type DriftCheck } from '../drift/check.ts';
import type { Expectation } from '../drift/expect.ts';
import { leftSomething, sayWarnings, stopForDrift } from '../drift/run.ts';
import type { Unsettled } from '../drift/settle.ts';
import { renewSnapshot, takeSnapshot, takeSnapshotAfterFailure } from '../drift/snapshot.ts';
import { refuseConstraintsAll } from '../execute/deferred-constraints.ts';
import { refuseUnheld } from '../execute/encoding.ts';
import { execute, executeTogether } from '../execute/execute.ts';
import { refuseMissingExtensions } from '../execute/extensions.ts';
import { settleWorkers } from '../execute/settled-workers.ts';
import { audited } from '../history/audit.ts';
import { type FileFaults, refuseFaulty } from '../history/file-faults.ts';
import { refuseForeignHistory } from '../history/find-foreign.ts';
import { refuseHalfDone } from '../history/half-done.ts';
import { aheadLine, aheadOf, type MigrationState, refuseBrokenHistory } from '../history/history.ts';
import { askForHistory, type CheckedHistory, readClassified } from '../history/history-check.ts';
import { type CheckedMigrations, checkMigrations } from '../history/load-migrations.ts';
import { refuseOtherPlace } from '../history/reached.ts';
import { refuseRestored } from '../history/restored.ts';
import { lockWait, withTarget } from '../history/with-target.ts';
import { readDowns } from '../ledger/entries.ts';
import { type LedgerState, readState } from '../ledger/ledger.ts';
import { withRunLock } from '../ledger/run-lock.ts';
import { storedFingerprint } from '../ledger/stored-fingerprint.ts';
import { newestAfterDeploy } from '../plan/after-deploy.ts';
import type { Plan } from '../plan/plan.ts';
import { type ReadyStep, readySteps } from '../plan/steps.ts';
import type { CommandInput, CommandResult } from '../report/command.ts';
import { confirmOutcomes } from './confirm.ts';
import { meet, withWaiting } from './expectation.ts';
import { hideIn, hidingTexts } from './hide-secrets.ts';
import { tellNotices } from './observe.ts';
import { refuseOlderReleases, waitForOlderReleases } from './older-releases.ts';
import { reportRun } from './report-run.ts';
import { type Checked, contextOf } from './run-context.ts';

export interface RunRequest {
  /** History states that this command can live with. */
  readonly tolerated: ReadonlySet<MigrationState>;

  readonly plan: (migrations: readonly Migration[], history: CheckedHistory) => Plan;
  /** Set where nothing is reverted: the plan needs no details of what is applied. */
  readonly forward?: boolean;
  /** Set where another tool's history in a database without one of ours does not matter. */
  readonly freshHistory?: boolean;
  /** All steps in one transaction. */
  readonly together?: boolean;
  readonly fromDisk?: boolean;
  /** What the schema must be in the end, also when nothing ran. */
  readonly expectation?: Expectation | undefined;
  /** Asked before anything else is judged; throws where this is not what the run was approved for. */
  readonly approve?: ((found: Checked & { readonly session: Session }) => Promise<void>) | undefined;
  /** How long (ms) to wait, before the run lock is taken, for sessions of older releases that the plan takes from. */
  readonly waitMs?: number;
  /** How long (ms) batches may go on: the one that is under way then is the last. */
  readonly budgetMs?: number | undefined;
  /** What to say when the plan is empty. */
  readonly nothing: (history: CheckedHistory) => string;
}

/**
 * Runs a whole up, down or redo. Failures after the first step come back in the result, with what was done.
 * @throws MigrateError of whatever is refused before the first step: files, target, lock, history, drift
 */
export async function runMigrations(
  input: CommandInput<unknown>,
  request: RunRequest,
): Promise<CommandResult> {
  const { config, progress } = input;
  started();
  const files = await timed('files', () => checkMigrations(config, progress.warn));
  return withTarget(input, async (session) => {
    refuseReadOnly(session);
    if (request.waitMs) await waitForPlan(input, session, request, files.all());
    return audited(input, session, () =>
      withRunLock(session, config, lockWait(input), (state) =>
        runLocked(input, session, request, files, state),
      ),
    );
  });
}

/** From the lock to the last word: history, drift, plan, steps, and what the schema must be in the end. */
async function runLocked(
  input: CommandInput<unknown>,
  session: Session,
  request: RunRequest,
  files: CheckedMigrations,
  state: LedgerState,
): Promise<CommandResult> {
  const { config, progress } = input;
  // Rows of a long history are many objects; a run that goes forward has one row to read.
  if (!request.forward) saveMemory(files.count);
  const asked = askForHistory(session, config, state, files, request.forward ?? false);
  const token = askForChangeToken(session, config, state);
  const history = await timed('history', () => readClassified(session, config, state, files.all(), asked));
  refuseUnnamed(config, history.environment);
  const migrations = files.all();
  const refuseBroken = () => refuseBrokenHistory(history.statuses, request.tolerated);
  if (request.approve === undefined) refuseBroken();
  const looked = await timed('drift', () => checkDrift(session, config, history, token));
  await request.approve?.({ session, migrations, history, drift: looked });
  // Last with a plan, which says better what has changed.
  if (request.approve !== undefined) refuseBroken();
  if (looked.state === 'drifted') return stopForDrift(looked, session, config);
  sayWarnings(looked, progress);
  if (!request.freshHistory) refuseRestored(history);
  const drift = await settleUnknown(input, { session, config, migrations, history, drift: looked });
  const plan = request.plan(migrations, history);
  const judged = { migrations, history, drift, plan, faults: files.faults };
  const result = await runChecked(input, session, request, judged);
  const { expectation } = request;
  return meet({ config, progress, session, drift, history, plan, expectation }, withWaiting(result, plan));
}

/** Everyday runs know what the schema is, and load nothing for it. */
async function settleUnknown(
  { flags, progress }: CommandInput<unknown>,
  found: Unsettled,
): Promise<DriftCheck> {
  if (found.drift.state !== 'unknown') return found.drift;
  const { settleDrift } = await import('../drift/settle.ts');
  return timed('drift', () => settleDrift(found, progress, flags as ConfirmFlags));
}

/** Plans once without the lock, only to know whether there is something to wait for. */
async function waitForPlan(
  input: CommandInput<unknown>,
  session: Session,
  { plan, waitMs = 0 }: RunRequest,
  migrations: readonly Migration[],
): Promise<void> {
  const state = await readState(session, input.config);
  const history = await readClassified(session, input.config, state, migrations);
  const takenAway = newestAfterDeploy(plan(migrations, history).steps);
  if (takenAway !== null) await waitForOlderReleases(input, session, takenAway, waitMs);
}

interface Judged extends Checked {
  readonly plan: Plan;
  readonly faults: FileFaults;
}

async function runChecked(
  input: CommandInput<unknown>,
  session: Session,
  request: RunRequest,
  judged: Judged,
): Promise<CommandResult> {
  const { config, progress } = input;
  const { history, drift, plan } = judged;
  refuseHalfDone(history.statuses, plan.steps);
  if (plan.steps.length === 0 && !history.adoptable) {
    const unsettled = session.citus?.owed
      ? await settleWorkers({ session, observer: input.progress, signal: input.signal })
      : null;
    if (unsettled !== null) throw unsettled;
    if (drift.stale)
      await timed('snapshot', () => renewSnapshot(session, config, drift, history.ledgerCurrent));
    return nothingToDo(request.nothing(history), session, aheadOf(history.statuses));
  }
  const steps = await stepsToRun(input, session, request, judged);
  tellNotices(session, progress, hidingTexts(steps));
  const context = await timed('preparing', () => contextOf(input, session, judged, request.budgetMs));
  if (steps.length === 0) return { ...nothingToDo(request.nothing(history), session), wrote: true };
  if (request.together) await refuseConstraintsAll(steps, context.loadParser);
  const from = performance.now();
  const ended = await (request.together ? executeTogether : execute)(context, steps);
  const tookMs = performance.now() - from;
  const result = await confirmOutcomes(session, config, ended);
  if (result.failure !== null && leftSomething(result.outcomes, steps))
    await takeSnapshotAfterFailure(session, config, drift.options, result.failure);
  if (result.paused !== null) await takeSnapshot(session, config, drift.options);
  // Rows of what is applied already may be quoted as well.
  const texts = [...steps, ...judged.migrations.map(({ up }) => up).reverse()];
  const failure = hideIn(result.failure, hidingTexts(texts));
  const reported = reportRun({ ...result, failure }, session, progress, tookMs);
  // The run's summary at GitHub names the fingerprint; elsewhere nobody asked for the round trip.
  if (result.failure !== null || config.variables.GITHUB_ACTIONS !== 'true') return reported;
  return { ...reported, document: { ...reported.document, fingerprint: await storedFingerprint(session) } };
}

/** The planned steps with their texts. @throws MigrateError where this database, or a file, is not fit for them */
async function stepsToRun(
  { config, progress }: CommandInput<unknown>,
  session: Session,
  { freshHistory, fromDisk = false }: RunRequest,
  { history, plan, faults }: Judged,
): Promise<readonly ReadyStep[]> {
  if (!freshHistory) await refuseForeignHistory(session, config, history, plan.steps);
  const place = await refuseOtherPlace(session, config, history);
  for (const remark of [place, majorRemark(config.postgres, session.major)])
    if (remark !== null) progress.warn(remark);
  const takenAway = newestAfterDeploy(plan.steps);
  if (takenAway !== null) await refuseOlderReleases(session, config, takenAway);
  saveMemory(plan.steps.length);
  const downs = await readDowns(session, plan.steps);
  const steps = readySteps(plan.steps, downs, { fromDisk, halfDone: history.halfDone });
  refuseFaulty(steps, faults);
  await refuseMissingExtensions(session, steps);
  await refuseUnheld(session, steps);
  return steps;
}

/** A database that is ahead is worth a line of the audit log: this release was started on it. */
function nothingToDo(line: string, session: Session, ahead: readonly string[] = []): CommandResult {
  const document = { migrations: [], roundTrips: session.roundTrips() };
  if (ahead.length === 0) return { document, lines: [line] };
  return { document: { ...document, ahead }, lines: [aheadLine(ahead), line], wrote: true };
}
