// plan: what up or down would do to this database, statement by statement, writing nothing there.

import { MigrateError } from '../base/errors.ts';
import { majorRemark } from '../base/postgres-major.ts';
import { redactAll } from '../base/secrets.ts';
import type { Direction, Migration } from '../base/types.ts';
import { allowsOutOfOrder } from '../config/binding.ts';
import type { Config } from '../config/config.ts';
import { describeTarget } from '../config/target.ts';
import type { Session } from '../connection/session.ts';
import { checkDrift, readFingerprint } from '../drift/check.ts';
import { sayDrift, stopForDrift } from '../drift/run.ts';
import { findResumePoint } from '../execute/resume-point.ts';
import { loadParser, type Parser } from '../files/statements.ts';
import { refuseFaulty } from '../history/file-faults.ts';
import { refuseForeignHistory } from '../history/find-foreign.ts';
import { refuseHalfDone } from '../history/half-done.ts';
import { aheadLine, aheadOf, type MigrationState, toleratedByDown } from '../history/history.ts';
import { type CheckedHistory, readChecked } from '../history/history-check.ts';
import { type CheckedMigrations, checkMigrations } from '../history/load-migrations.ts';
import { refuseRestored } from '../history/restored.ts';
import { withTarget } from '../history/with-target.ts';
import { readDowns } from '../ledger/entries.ts';
import { readJournal } from '../ledger/journal.ts';
import { readState } from '../ledger/ledger.ts';
import type { AfterDeployFlags } from '../plan/after-deploy.ts';
import { planDown, planUp } from '../plan/plan.ts';
import { type ReadyStep, readySteps } from '../plan/steps.ts';
import { readPlanTarget, type TargetFlags } from '../plan/target-flags.ts';
import { readBatches } from '../preview/batches.ts';
import { foresee } from '../preview/foresee.ts';
import { planJson, planLines, planMarkdown } from '../preview/report.ts';
import { type Asked, readBinding, savePlan } from '../preview/saved.ts';
import type { PlanView } from '../preview/types.ts';
import { lookAtTarget } from '../preview/view.ts';
import type { Command, CommandInput, CommandResult } from '../report/command.ts';
import { sayNotes } from '../scratch/notes.ts';

export interface PlanFlags extends TargetFlags, AfterDeployFlags {
  readonly fromDisk?: boolean;
  readonly allowOutOfOrder?: boolean;
  readonly freshHistory?: boolean;
  readonly out?: string;
  readonly markdown?: boolean;
}

/** Serves `plan`, `up --dry-run` and `down --dry-run`; the direction follows the command's name. */
export const plan: Command<PlanFlags> = async (input) => {
  const { config, flags } = input;
  if (flags.markdown && config.json)
    throw new MigrateError('usage', '--markdown and --json exclude each other: give one of them');
  const direction = config.command === 'down' ? 'down' : 'up';
  readPlanTarget(flags, direction === 'down');
  // What is printed is to be posted as it is.
  const progress = flags.markdown ? { ...input.progress, say: () => undefined } : input.progress;
  const files = await checkMigrations(config, progress.warn);
  return withTarget({ ...input, progress }, async (session) => {
    return planIn({ ...input, progress }, session, files, direction);
  });
};

async function planIn(
  input: CommandInput<PlanFlags>,
  session: Session,
  files: CheckedMigrations,
  direction: Direction,
): Promise<CommandResult> {
  const { config, flags, progress } = input;
  const migrations = files.all();
  const allowOutOfOrder = allowsOutOfOrder(config, flags.allowOutOfOrder);
  const tolerated = direction === 'down' ? toleratedByDown : toleratedByUp(allowOutOfOrder);
  const state = await readState(session, config);
  const history = await readChecked(session, config, state, migrations, tolerated);
  if (!flags.freshHistory) refuseRestored(history);
  const drift = await checkDrift(session, config, history);
  if (drift.state === 'drifted') return stopForDrift(drift, session, config);
  sayDrift(drift, history, progress);
  const { steps, waiting } = await stepsOf(session, migrations, history, flags, direction);
  refuseFaulty(steps, files.faults);
  if (steps.length > 0 && !flags.freshHistory) await refuseForeignHistory(session, config, history, steps);
  const remark = steps.length === 0 ? null : majorRemark(config.postgres, session.major);
  if (remark !== null) progress.warn(remark);
  const view = await viewOf(input, session, { migrations, history, steps, waiting, direction });
  const ahead = direction === 'up' ? aheadOf(history.statuses) : [];
  if (ahead.length > 0) progress.say(aheadLine(ahead));
  const document = {
    ...planJson(view),
    fingerprint: await readFingerprint(session, drift),
    ...(ahead.length > 0 ? { ahead } : {}),
  };
  if (flags.out === undefined) return resultOf(view, document, flags, progress.style);
  const binding = await readBinding({ config, session, history, drift, migrations });
  const ids = steps.map(({ id }) => id);
  const plan = { ...binding, steps: ids, asked: askedFor(flags), allowOutOfOrder };
  const planDigest = savePlan(config, flags.out, plan, document);
  return resultOf(view, { ...document, planDigest }, flags, progress.style);
}

function toleratedByUp(allowOutOfOrder: boolean): ReadonlySet<MigrationState> {
  return new Set(allowOutOfOrder ? ['out of order'] : []);
}

interface Planned {
  readonly migrations: readonly Migration[];
  readonly history: CheckedHistory;
  readonly steps: readonly ReadyStep[];
  readonly waiting: readonly Migration[];
  readonly direction: Direction;
}

/** What the steps would do to this database: their statements, locks and sizes. */
async function viewOf(
  { config, progress }: CommandInput<PlanFlags>,
  session: Session,
  { migrations, history, steps, waiting, direction }: Planned,
): Promise<PlanView> {
  const parse = await loadParser(session.major);
  const ran = await statementsThatRan(session, config, steps, parse);
  sayNotes(progress.say);
  const { applied } = history;
  const trace = await foresee({ config, progress, session, migrations, applied, steps });
  // Before Markdown escapes anything of it.
  const { untraced, findings } = redactAll({ untraced: trace.untraced, findings: trace.findings });
  const batches = await readBatches(session, config, steps, parse);
  return {
    direction,
    environment: config.environmentName,
    database: describeTarget(session.target),
    ...(await lookAtTarget(session, parse, steps, trace, ran, batches)),
    waiting,
    findings,
    untraced,
  };
}

/** What `up --plan` needs to plan the same again. */
function askedFor({ to, n, afterDeploy }: PlanFlags): Asked {
  return {
    ...(to === undefined ? {} : { to }),
    ...(n === undefined ? {} : { n }),
    ...(afterDeploy === undefined ? {} : { afterDeploy }),
  };
}

async function stepsOf(
  session: Session,
  migrations: readonly Migration[],
  { applied, halfDone, statuses }: CheckedHistory,
  flags: PlanFlags,
  direction: Direction,
): Promise<{ readonly steps: readonly ReadyStep[]; readonly waiting: readonly Migration[] }> {
  const target = readPlanTarget(flags, direction === 'down');
  const { steps, waiting = [] } =
    direction === 'up'
      ? planUp(migrations, applied, target, halfDone, flags.afterDeploy)
      : planDown(migrations, applied, target, halfDone);
  refuseHalfDone(statuses, steps);
  const options = { fromDisk: flags.fromDisk ?? false, halfDone };
  return { steps: readySteps(steps, await readDowns(session, steps), options), waiting };
}

/** How many statements of each half-done step ran already, by id. @throws MigrateError `history` as the run itself would */
export async function statementsThatRan(
  session: Session,
  { trackingTable }: Config,
  steps: readonly ReadyStep[],
  parse: Parser,
): Promise<ReadonlyMap<string, number>> {
  const ran = new Map<string, number>();
  for (const step of steps.filter(({ resumed }) => resumed !== undefined)) {
    const parsed = parse(step.text);
    if (parsed.ok !== true) continue;
    const journal = await readJournal(session, trackingTable, step.id, step.direction);
    ran.set(step.id, await findResumePoint(session.major, step, parsed.statements, journal));
  }
  return ran;
}

function resultOf(
  view: PlanView,
  document: Readonly<Record<string, unknown>>,
  { markdown, out }: PlanFlags,
  style: Parameters<typeof planLines>[1],
): CommandResult {
  // No annotations between the lines of a comment; one text, so that --quiet leaves nothing of it out.
  if (markdown) return { document: {}, lines: [planMarkdown(view).join('\n')] };
  const saved =
    out === undefined
      ? []
      : [`Saved as ${out}, digest ${document.planDigest}: make migrate-up plan=${out} runs exactly this.`];
  return { document, lines: [...planLines(view, style), ...saved] };
}
