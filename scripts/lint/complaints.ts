// Takes the steps of one file; gives what each rule has against them, before settings and allowances.
// Pure: it knows neither the database nor the configuration.
import { visible } from '../base/foreign-text.ts';
import { positionAt } from '../base/positions.ts';
import { redact } from '../base/secrets.ts';
import type { SqlFile, Statement } from '../base/types.ts';
import type { Parser, SyntaxProblem } from '../files/statements.ts';
import { advise, type Hazard, rulesWithSql } from './advice/advise.ts';
import { indexForKey } from './advice/indexes.ts';
import { type Advice, type Phase, seriesText } from './advice/series.ts';
import { actionsInBlock, contextsInBlock } from './in-block.ts';
import { doesNotRun } from './rules/review-rules.ts';
import type { Around, Context, Hit, Rule, Severity, Step } from './rules/rule.ts';
import { rules } from './rules/rules.ts';
import { type RuleHit, sayOnce } from './said-once.ts';
import { shorten } from './statement/clauses.ts';
import { means } from './statement/names.ts';
import { stopsWrites } from './trace/locks.ts';
import { isPlainInsert } from './trace/plain-inserts.ts';
import type { Catalog } from './trace/traced.ts';

/** One rule's complaint about one statement of a file, before settings and allowances. */
export interface Complaint {
  readonly rule: Rule;
  readonly file: SqlFile;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly help: string;
  readonly severity?: Severity;
  /** The statement that it is about, and the migrations that would do the same safely, where a program gives them. */
  readonly step?: Step;
  readonly phases?: readonly Phase[];
}

const longestReparsed = 64 * 1024;

/** The statement parsed by itself, so that positions in its tree count from its own text. */
export function alone(statement: Statement, parse: Parser): Statement {
  // Nothing is read from the text of plain rows.
  if (statement.text.length > longestReparsed || isPlainInsert(statement)) return statement;
  const parsed = parse(statement.text);
  const only = parsed.ok === true ? parsed.statements[0] : undefined;
  return only === undefined ? statement : { ...statement, node: only.node };
}

/** What the rules have against one file; of a statement that failed only that, unless a rule explains the failure. */
export function complaintsOf(
  file: SqlFile,
  steps: readonly Step[],
  catalog: Catalog | undefined,
  parse: Parser,
  around: Around,
): readonly Complaint[] {
  const complaints = steps.flatMap((step, i) =>
    isPlainInsert(step.statement) && isQuiet(step)
      ? []
      : stepComplaints(contextOf(file, steps, i, catalog, around), Object.values(rules), parse),
  );
  const failed = steps.find(({ trace }) => trace?.error !== undefined);
  const error = failed?.trace?.error;
  if (failed === undefined || error === undefined) return complaints;
  const { statement } = failed;
  const isExplained = complaints.some(
    ({ rule, step }) => rule.failsWith === error.sqlState && step?.statement === statement,
  );
  if (isExplained) return complaints;
  const others = complaints.filter(
    ({ line, column }) => line !== statement.line || column !== statement.column,
  );
  const offset = statement.start + (error.offset ?? 0);
  const hint = [error.detail, error.hint].filter((part) => part !== undefined).join(' ');
  const message = `${error.sqlState}: ${error.message}`;
  return [...others, refusal(file, positionAt(file.text, offset), message, statement, hint)];
}

/** It did nothing that any rule is about: no lock that stops others, nothing read or rewritten, no failure. */
function isQuiet({ actions, trace }: Step): boolean {
  if (actions.length > 0) return false;
  if (trace === undefined) return true;
  const stops = trace.held.some(({ existedBefore, mode }) => existedBefore && stopsWrites(mode));
  return !stops && trace.scans.length + trace.rewrites.length === 0 && trace.error === undefined;
}

/** What rules may know when they look at statement number `at` (0-based) of a file. */
export function contextOf(
  file: SqlFile,
  steps: readonly Step[],
  at: number,
  catalog: Catalog | undefined,
  around: Around = {},
): Context {
  const step = steps[at] as Step;
  const trace = step.trace?.error === undefined ? step.trace : undefined;
  return {
    file,
    step,
    before: steps.slice(0, at),
    after: steps.slice(at + 1),
    ...(catalog === undefined ? {} : { catalog }),
    ...around,
    ...(trace === undefined ? {} : { trace }),
  };
}

/** What the rules say about one statement, errors of replaying it included. */
export function stepComplaints(context: Context, all: readonly Rule[], parse: Parser): readonly Complaint[] {
  const { actions, trace } = context.step;
  const { afterDeploy } = context.file.directives;
  const asked = all.filter(({ breaksRelease }) => !(breaksRelease === true && afterDeploy === true));
  const hits = new Map<string, RuleHit>();
  const hazards: Hazard[] = [];
  const add = (rule: Rule, hit: Hit | null) => {
    if (hit === null) return false;
    const key = `${rule.id} ${hit.effect}`;
    const known = hits.get(key)?.hit.words.split('\n') ?? [];
    // What is said of several parts of the statement in the same words is one finding, with the way for each of them.
    const words = [...known.filter((line) => line !== hit.words), hit.words].join('\n');
    hits.set(key, { rule, hit: { ...hit, words } });
    return true;
  };
  const blocks = contextsInBlock(context, parse);
  const inBlock = actionsInBlock(context, blocks, parse);
  for (const rule of asked) {
    for (const action of [...actions, ...(trace?.observed ?? []), ...inBlock])
      if (add(rule, rule.find(action, context))) hazards.push({ rule: rule.id, action });
  }
  const found = [...hits.values()]
    .filter(({ rule, hit }) => (hit.severity ?? rule.severity) !== 'info')
    .map(({ hit }) => hit);
  for (const rule of asked) {
    const ask = (contexts: readonly Context[]) =>
      contexts.map((one) => rule.findInStep?.(one, found) ?? null).filter((hit) => hit !== null);
    const seen = ask(blocks.seen);
    for (const hit of [...ask([context]), ...(seen.length > 0 ? seen : ask(blocks.written))]) {
      add(rule, hit);
      found.push(hit);
    }
  }
  const advice = adviceFor(context, hazards, parse);
  return sayOnce([...hits.values()], advice).map(({ rule, hit }) =>
    toComplaint(context.file, context.step, rule, hit, advice(rule.id), context.catalog),
  );
}

/** Settings without which a statement means the same in a file of its own. */
const harmlessSetting =
  /^set\s+((session|local)\s+)?(lock_timeout|(statement|transaction|idle_in_transaction_session)_timeout|(maintenance_)?work_mem|client_min_messages|application_name|synchronous_commit|max_parallel_\w+)\b/i;

/** The series for the statement, for each rule that it answers; what the file allows is no part of it. */
function adviceFor(
  context: Context,
  found: readonly Hazard[],
  parse: Parser,
): (rule: string) => Advice | null {
  const { file, step, before, catalog } = context;
  const allowed = new Set(file.directives.allow.map(({ rule }) => rule));
  const hazards = found.filter(({ rule }) => !allowed.has(rule));
  if (hazards.length === 0) return () => null;
  const movesNames = before.some(
    ({ statement: { text } }) =>
      /^(set\s|select\s+(pg_catalog\.)?set_config)/i.test(text) && !harmlessSetting.test(text),
  );
  const question = { statement: alone(step.statement, parse), hazards, parse, movesNames };
  const advice = advise({ ...question, ...(catalog === undefined ? {} : { catalog }) });
  return (rule) =>
    advice !== null && hazards.some((hazard) => hazard.rule === rule && rulesWithSql.has(rule))
      ? advice
      : null;
}

/** A hit as it is shown: what happens, the lock that was seen, the statement; why, and the safe way. */
export function toComplaint(
  file: SqlFile,
  step: Step,
  rule: Rule,
  hit: Hit,
  given: Advice | null,
  catalog: Catalog | undefined,
): Complaint {
  const { statement, trace } = step;
  const { line, column } = statement;
  const exclusive = trace?.locks.some(
    ({ relation, mode, existedBefore }) =>
      existedBefore && mode === 'AccessExclusiveLock' && means(hit.table, relation),
  );
  const lock = exclusive === true && !/Lock\b/.test(hit.effect) ? '; AccessExclusiveLock on it' : '';
  const message = visible(`${hit.effect}${lock} — ${shorten(statement.text)}`);
  const advice =
    hit.index === undefined
      ? given
      : indexForKey(catalog === undefined ? {} : { catalog }, hit.table, hit.index);
  const help = redact([rule.why, hit.words, ...adviceText(advice, catalog)].join('\n\n'));
  const phases = advice !== null && 'phases' in advice ? { phases: advice.phases } : {};
  const severity = hit.severity === undefined ? {} : { severity: hit.severity };
  return { rule, file, line, column, message, help, step, ...severity, ...phases };
}

/** What stands under the words: the migrations, or why there is no SQL. */
function adviceText(advice: Advice | null, catalog: Catalog | undefined): readonly string[] {
  if (advice === null) return [];
  if ('refused' in advice) return [`No SQL is given for this statement: ${advice.refused}.`];
  const unknown = catalog === undefined ? ['For a table that is not partitioned:'] : [];
  const note = advice.note === undefined ? [] : [advice.note];
  return [...unknown, seriesText(advice.phases), ...note];
}

function refusal(
  file: SqlFile,
  position: { line: number; column: number },
  message: string,
  statement: Statement,
  hint: string,
): Complaint {
  const help = [
    doesNotRun.why,
    hint,
    'Correct the statement, or the migration before it that should have made what it needs.',
  ];
  return {
    rule: doesNotRun,
    file,
    ...position,
    message: visible(`${redact(message)} — ${shorten(statement.text)}`),
    help: help.filter((part) => part !== '').join('\n'),
  };
}

/**
 * A file that the parser refuses.
 * @param advice what to do about it, besides mending the file; empty where nothing is known
 */
export function syntaxComplaint(
  file: SqlFile,
  { message, offset }: SyntaxProblem,
  advice: string,
): Complaint {
  return {
    rule: doesNotRun,
    file,
    ...positionAt(file.text, offset),
    message: visible(`42601: ${message}`),
    help: [doesNotRun.why, advice].filter(Boolean).join('\n'),
  };
}
