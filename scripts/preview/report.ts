// Takes a plan; gives it as text for people, as Markdown for a pull request, and as JSON fields. Pure.
import { formatDuration } from '../base/duration.ts';
import { markdownCode, markdownFence, markdownText, visible } from '../base/foreign-text.ts';
import { formatBytes, formatCount } from '../base/size.ts';
import { halfExtent } from '../ledger/half-done.ts';
import { strengthOf } from '../lint/trace/locks.ts';
import { butForWaiting, waitingLines } from '../plan/after-deploy.ts';
import { formatFindings } from '../report/findings.ts';
import { count, type Style } from '../report/human.ts';
import type {
  Obstacle,
  PlannedBatch,
  PlannedLock,
  PlannedStatement,
  PlannedStep,
  PlanView,
} from './types.ts';

/** Weaker ones every SELECT takes. */
const weakestShown = strengthOf('RowExclusiveLock');

/** "about 120 M rows" */
function formatRows(rows: number | null): string {
  if (rows === null) return 'rows unknown (never analyzed)';
  const steps: [number, string][] = [
    [1e9, ' G'],
    [1e6, ' M'],
    [1e3, ' k'],
  ];
  const [size, unit] = steps.find(([from]) => rows >= from) ?? [1, ''];
  const value = rows / size;
  return `about ${size > 1 && value < 10 ? value.toFixed(1) : Math.round(value)}${unit} rows`;
}

/** "AccessExclusiveLock on public.orders, rewrites 41 GB, about 120 M rows, 3 indexes" */
function describeLock({ mode, relation, rewrites, reads, table }: PlannedLock): string {
  if (table === null) return visible(`${mode} on ${relation}`);
  const size = formatBytes(table.bytes);
  const work = rewrites ? `rewrites ${size}` : reads ? `reads ${size}` : size;
  const indexes = `${table.indexes} ${table.indexes === 1 ? 'index' : 'indexes'}`;
  return visible(`${mode} on ${relation}, ${work}, ${formatRows(table.rows)}, ${indexes}`);
}

/** "pid 4711, user app, idle in transaction: transaction open for 12 min 3 s; holds …" */
function describeObstacle({ who, ageSeconds, holds }: Obstacle): string {
  const age =
    ageSeconds === null
      ? 'since when its transaction is open this role may not see'
      : `transaction open for ${formatDuration(ageSeconds * 1000)}`;
  return visible(
    `${who}: ${age}${holds.length === 0 ? '' : `; holds ${holds.join(', ')}, which the plan would wait for`}`,
  );
}

/** "batch public.orders by id: about 2.0 M rows, 2,000 batches of 1,000 at first, at least 12 s …" */
function describeBatch(batch: PlannedBatch): string {
  const { key, problem, position, size = 0, batches, atMostMs } = batch;
  const rows = batch.rows ?? null;
  if (problem !== undefined) return visible(`batch ${key}: ${problem}`);
  const known =
    typeof batches === 'number' && typeof atMostMs === 'number'
      ? [
          `${formatCount(batches)} ${batches === 1 ? 'batch' : 'batches'} of ${formatCount(size)} at first`,
          ...timeOf(batch, atMostMs),
        ]
      : [`batches of ${formatCount(size)} at first`, 'time unknown (ANALYZE tells how many there are)'];
  const left = position === undefined ? '' : ` left behind ${position}`;
  return visible(`batch ${key}: ${[`${formatRows(rows)}${left}`, ...known].join(', ')}`);
}

/** What is known of the time: the pace so far, or what reading takes and what each batch may take. */
function timeOf({ keysMs, readMs, leftMs }: PlannedBatch, atMostMs: number): string[] {
  if (typeof leftMs === 'number') return [`about ${formatDuration(leftMs)} at the pace of what is done`];
  const reading =
    typeof readMs === 'number'
      ? [`about ${formatDuration(readMs)} to read what it changes (from a sample; writing comes on top)`]
      : typeof keysMs === 'number'
        ? [`at least ${formatDuration(keysMs)} for the keys alone`]
        : [];
  return [...reading, `${formatDuration(atMostMs)} if each takes what it may (sizes adapt to that)`];
}

function shownLocks({ locks }: PlannedStatement): readonly PlannedLock[] {
  return (locks ?? []).filter(({ mode, table }) => table !== null && strengthOf(mode) >= weakestShown);
}

function modeOf({ step }: PlannedStep): string {
  if (step.directives.batch !== undefined) return 'in batches, a transaction each';
  return step.directives.noTransaction ? 'outside a transaction, one by one' : 'in one transaction';
}

function verdictOf({ steps, direction, waiting }: PlanView): string {
  const [nothing, verb] =
    direction === 'up'
      ? ['Already up to date: nothing would be applied', 'apply']
      : ['Nothing to revert', 'revert'];
  const verdict = steps.length === 0 ? nothing : `Would ${verb} ${count(steps.length)}. Nothing was changed.`;
  return butForWaiting(verdict, waiting);
}

/** The plan for a terminal, a text a line. */
export function planLines(view: PlanView, style: Style): string[] {
  return [
    ...waitingLines(view.waiting),
    ...view.steps.flatMap((planned) => stepLines(planned, style)),
    ...formatFindings(view.findings, style),
    ...(view.untraced === null ? [] : [`${style.yellow('no locks')} ${view.untraced}`]),
    ...view.obstacles.map((obstacle) => `${style.yellow('in the way')} ${describeObstacle(obstacle)}`),
    verdictOf(view),
  ];
}

function stepLines(planned: PlannedStep, style: Style): string[] {
  const { step, statements, batch } = planned;
  return [
    `  ${step.direction} ${style.bold(visible(step.id))}, ${modeOf(planned)}`,
    ...(step.note === undefined ? [] : [`    note: ${visible(step.note)}`]),
    ...(step.resumed === undefined
      ? []
      : [`    note: goes on where it stopped: ${halfExtent(step.resumed)}`]),
    ...(batch === undefined ? [] : [`    ${describeBatch(batch)}`]),
    ...statements.flatMap((statement) => [
      `    ${String(statement.line).padStart(4)}: ${firstLine(statement.text)}`,
      ...shownLocks(statement).map((lock) => style.dim(`          ${describeLock(lock)}`)),
    ]),
  ];
}

function firstLine(sql: string): string {
  const flat = visible(sql.replace(/\s+/g, ' '));
  return flat.length <= 100 ? flat : `${flat.slice(0, 99)}…`;
}

/** For a comment on a pull request. */
export function planMarkdown(view: PlanView): string[] {
  const { direction, environment, database, steps, waiting, findings, obstacles, untraced } = view;
  return [
    `### Migration plan: ${direction} ${count(steps.length)}, ${markdownText(environment)}`,
    '',
    `${markdownText(database)}. ${verdictOf(view)}`,
    ...steps.flatMap(stepMarkdown),
    ...section(
      'Findings',
      findings.map(
        ({ severity, rule, file, line, message }) =>
          `**${severity}** ${markdownCode(`${file}:${line}`)} ${markdownText(message)} (${markdownText(rule)})`,
      ),
    ),
    ...section('In the way right now', obstacles.map(describeObstacle).map(markdownText)),
    ...section('Not yet', waitingLines(waiting)),
    ...(untraced === null ? [] : ['', `Locks are not known: ${markdownText(untraced)}`]),
  ];
}

function stepMarkdown(planned: PlannedStep): string[] {
  const { step, statements, batch } = planned;
  const locks = statements.flatMap((statement) =>
    shownLocks(statement).map((lock) => `- line ${statement.line}: ${markdownText(describeLock(lock))}`),
  );
  const sql = statements.map(({ text }) => `${text};`).join('\n');
  return [
    '',
    `#### ${step.direction} ${markdownCode(step.id)}, ${modeOf(planned)}`,
    ...(batch === undefined ? [] : ['', markdownText(describeBatch(batch))]),
    ...(locks.length === 0 ? [] : ['', ...locks]),
    '',
    `<details><summary>${count(statements.length, 'statement')}</summary>`,
    '',
    markdownFence(sql, 'sql'),
    '',
    '</details>',
  ];
}

function section(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : ['', `#### ${title}`, '', ...items.map((item) => `- ${item}`)];
}

/** The plan as `--json` has it. */
export function planJson(view: PlanView): Record<string, unknown> {
  const { steps, waiting, findings, obstacles, untraced } = view;
  return {
    migrations: stepsJson(steps),
    ...(waiting.length > 0 ? { waiting: waiting.map(({ id }) => id) } : {}),
    findings,
    warnings: obstacles.map((obstacle) => ({ ...obstacle, message: describeObstacle(obstacle) })),
    traced: untraced === null,
    untraced,
  };
}

/** Its steps, with their statements and locks. */
export function stepsJson(steps: readonly PlannedStep[]): readonly Record<string, unknown>[] {
  return steps.map(({ step, statements, batch }) => ({
    version: step.version,
    name: step.name,
    direction: step.direction,
    outcome: 'pending',
    durationMs: null,
    transaction: !step.directives.noTransaction,
    statements,
    ...(batch === undefined ? {} : { batch }),
  }));
}
