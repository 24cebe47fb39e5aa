// Takes a saved plan and the plan made anew when it is to run; refuses unless the two are the same, statement by
// statement. A plan may have been edited on its way: of all that it says, nothing is believed.
import { createHash } from 'node:crypto';
import { MigrateError } from '../base/errors.ts';
import { visible } from '../base/foreign-text.ts';
import { redact, redactAll } from '../base/secrets.ts';
import type { Parser } from '../files/statements.ts';
import type { ReadyStep } from '../plan/steps.ts';
import { statementsOf } from './view.ts';

/** What a plan shows of one step, as far as files and history alone decide it. */
interface ShownStep {
  readonly id: string;
  readonly outcome: string;
  readonly transaction: boolean;
  readonly statements: readonly string[];
}

export interface ShownPlan {
  /** Ids to apply, in order. */
  readonly steps: readonly string[];
  /** As `planJson` wrote them. */
  readonly migrations: unknown;
  /** Ids that are left for after the deployment, and ids that a newer release applied; absent where there are none. */
  readonly waiting?: unknown;
  readonly ahead?: unknown;
}

/** sha256 in hex of all that a plan says, its own digest aside; line ends and indentation do not count. */
export function digestOf(plan: Readonly<Record<string, unknown>>): string {
  const { digest: _, ...rest } = plan;
  return createHash('sha256').update(JSON.stringify(rest)).digest('hex');
}

/**
 * @param steps of the plan made anew
 * @param ran by id of a half-done step: how many of its statements ran already
 * @param beside ids that wait for the deployment, and that a newer release applied
 * @throws MigrateError `refused` naming everything that the file shows otherwise
 */
export function refuseEdited(
  saved: ShownPlan,
  steps: readonly ReadyStep[],
  parse: Parser,
  ran: ReadonlyMap<string, number>,
  beside: { readonly waiting: readonly string[]; readonly ahead: readonly string[] },
): void {
  const now = steps.map((step) => shownNow(step, parse, ran.get(step.id) ?? 0));
  const then = shownThen(saved.migrations);
  const ids = now.map(({ id }) => id);
  const problems = [
    ...sameList('the order or number of steps', saved.steps, ids),
    ...(JSON.stringify(saved.steps) === JSON.stringify(ids)
      ? now.flatMap((step, i) => differences(step, then[i]))
      : []),
    ...(then.length === now.length ? [] : [`${then.length} migrations are shown, ${now.length} would run`]),
  ];
  problems.push(
    ...sameList('what waits for the deployment', textsOf(saved.waiting), beside.waiting),
    ...sameList('what a newer release applied', textsOf(saved.ahead), beside.ahead),
  );
  if (problems.length === 0) return;
  throw new MigrateError('refused', 'The plan is not what this tool makes of these files and this history', {
    problems,
    hint: 'It was edited, or made with other files. Make the plan anew (make migrate-plan out=…), have it approved, then run that.',
    state: 'Nothing was changed.',
  });
}

/** What a plan says of the effects of its steps, beside what only held at that moment: sizes, sessions, durations. */
export interface ShownEffects {
  readonly migrations: unknown;
  readonly findings?: unknown;
  /** Why locks are missing; null where all are known. */
  readonly untraced?: unknown;
}

/**
 * Holds locks, rewrites, reads and findings to what is found anew. Not asked where the whole file is the one that was
 * approved, by its digest.
 * @throws MigrateError `refused` naming the first lock and finding that is another
 */
export function refuseOtherEffects(saved: ShownEffects, now: ShownEffects): void {
  const [then, is] = [saved, now].map((shown) => effectsOf(shown)) as [Effects, Effects];
  const problems = [
    ...sameList('locks', then.locks, is.locks),
    ...sameList('findings', then.findings, is.findings),
  ];
  if (problems.length === 0) return;
  const isBlind = is.untraced !== null && then.untraced === null;
  throw new MigrateError(
    'refused',
    isBlind
      ? 'The plan shows locks, and here they cannot be found out anew'
      : 'The plan shows other locks or findings than this tool finds',
    {
      problems: isBlind ? [visible(is.untraced ?? '')] : problems,
      hint: 'Give the digest of the file that was approved (plan_digest=…): then the file is held to that. Or make the plan anew (make migrate-plan out=…).',
      state: 'Nothing was changed.',
    },
  );
}

interface Effects {
  readonly locks: readonly string[];
  readonly findings: readonly string[];
  readonly untraced: string | null;
}

function effectsOf(shown: ShownEffects): Effects {
  const { migrations, findings, untraced } = redactAll(JSON.parse(JSON.stringify(shown)) as ShownEffects);
  const locks = recordsOf(migrations).flatMap(({ version, name, statements }) =>
    recordsOf(statements).flatMap(({ line, locks: list }) => {
      const place = `${version}_${name}:${line}`;
      if (!Array.isArray(list)) return [`${place} unknown`];
      return recordsOf(list).map(
        ({ mode, relation, rewrites, reads }) =>
          `${place} ${mode} on ${relation}${rewrites === true ? ', rewrites' : ''}${reads === true ? ', reads' : ''}`,
      );
    }),
  );
  const found = recordsOf(findings).map(({ severity, rule, file, line, column, message, help }) =>
    [`${severity} ${rule} ${file}:${line}:${column} ${message}`, help].join('\n'),
  );
  return { locks, findings: found, untraced: typeof untraced === 'string' ? untraced : null };
}

function shownNow(step: ReadyStep, parse: Parser, ran: number): ShownStep {
  const statements = statementsOf(parse, step).slice(ran);
  return {
    id: step.id,
    outcome: 'pending',
    transaction: !step.directives.noTransaction,
    statements: statements.map(({ line, text }) => `${line}: ${redact(text)}`),
  };
}

function shownThen(migrations: unknown): ShownStep[] {
  return recordsOf(migrations).map(({ version, name, direction, outcome, transaction, statements }) => ({
    id: direction === 'up' ? `${version}_${name}` : `${direction} ${version}_${name}`,
    outcome: String(outcome),
    transaction: transaction === true,
    statements: recordsOf(statements).map(({ line, text }) => `${line}: ${redact(String(text))}`),
  }));
}

function recordsOf(value: unknown): Readonly<Record<string, unknown>>[] {
  const isRecord = (item: unknown) => typeof item === 'object' && item !== null;
  return Array.isArray(value) ? (value.filter(isRecord) as Readonly<Record<string, unknown>>[]) : [];
}

function textsOf(value: unknown): string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value.map(String) : [String(value)];
}

function differences(now: ShownStep, then: ShownStep | undefined): string[] {
  if (then === undefined) return [`${now.id} is not shown`];
  return [
    ...(then.id === now.id ? [] : [`${visible(then.id)} is shown where ${now.id} would run`]),
    ...(then.outcome === now.outcome ? [] : [`${now.id} is shown as ${visible(then.outcome).slice(0, 40)}`]),
    ...(then.transaction === now.transaction ? [] : [`${now.id}: whether it runs in a transaction`]),
    ...sameList(`${now.id}: the statements`, then.statements, now.statements),
  ];
}

function sameList(what: string, then: readonly string[], now: readonly string[]): string[] {
  if (JSON.stringify(then) === JSON.stringify(now)) return [];
  const at = now.findIndex((item, i) => item !== then[i]);
  const place = at === -1 ? now.length : at;
  const show = (item: string | undefined) => (item === undefined ? 'nothing' : visible(item).slice(0, 120));
  return [`${what} differ: ${show(then[place])} in the plan, ${show(now[place])} now`];
}
