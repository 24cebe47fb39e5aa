// The one place that decides whether a statement gets SQL as advice: takes what the rules found, gives a series or the
// reason why there are only words. What it gives has its proof in test/integration/advice.test.ts.
import type { Statement } from '../../base/types.ts';
import type { Parser } from '../../files/statements.ts';
import { child, isNode, list, type Node, text, walk } from '../statement/ast.ts';
import type { Action } from '../statement/types.ts';
import { type Catalog, lookUp } from '../trace/traced.ts';
import { addedColumn } from './added-column.ts';
import { createIndex, dropIndex, outsideOf, reindex } from './indexes.ts';
import { type AlterCommand, commandsOf, type Occasion, type Program } from './occasion.ts';
import { attach, detach } from './partitions.ts';
import { emptied, inBatches } from './rows.ts';
import { type Advice, inTransaction, outsideTransaction, type Phase, refuse, sideBySide } from './series.ts';
import { notNullFirst, usingIndex } from './unique.ts';
import { cutRefused, setNotNull, validatedLater } from './validated-later.ts';

/** Programs of an ALTER TABLE's commands, by rule. */
const ofCommands: Readonly<Record<string, Program>> = {
  'set-not-null': setNotNull,
  'add-check-validating': validatedLater,
  'add-foreign-key-validating': validatedLater,
  'add-unique': usingIndex,
  'add-primary-key': usingIndex,
  'primary-key-nullable-column': notNullFirst,
  'add-column-volatile-default': addedColumn,
  'add-column-serial': addedColumn,
  'add-column-check': addedColumn,
  'add-column-references': addedColumn,
  'add-column-references-default': addedColumn,
  'add-column-unique': addedColumn,
  'attach-partition-scan': attach,
  'detach-partition-blocking': detach,
};

/** Programs of whole statements, by rule. */
const ofStatements: Readonly<Record<string, Program>> = {
  'create-index-blocking': createIndex,
  'concurrently-on-partitioned': createIndex,
  'drop-index-blocking': dropIndex,
  'reindex-blocking': reindex,
  'concurrently-in-transaction': outsideOf,
  'refresh-blocking': refreshed,
  truncate: emptied,
  'unbatched-update': inBatches,
  'unbatched-delete': inBatches,
  'enum-add-used': apart,
  'validate-in-same-transaction': apart,
};

/** Every rule whose advice may be SQL. */
export const rulesWithSql: ReadonlySet<string> = new Set([
  ...Object.keys(ofCommands),
  ...Object.keys(ofStatements),
  'foreign-key-without-index',
]);

/** What a rule has against a part of a statement. */
export interface Hazard {
  readonly rule: string;
  readonly action: Action;
}

export interface Question {
  readonly statement: Statement;
  readonly hazards: readonly Hazard[];
  readonly parse: Parser;
  readonly catalog?: Catalog;
  /** The file moves search_path or the role: what a name means is then not the same in another file. */
  readonly movesNames: boolean;
}

/** @returns null where no rule that was hit has a program */
export function advise(question: Question): Advice | null {
  const hazards = question.hazards.filter(({ rule }) => rulesWithSql.has(rule));
  if (hazards.length === 0) return null;
  if (question.movesNames) return refuse('the file sets something that it may depend on');
  const [first] = hazards;
  const whole = hazards.find(({ rule }) => ofStatements[rule] !== undefined) ?? first;
  const program = ofStatements[whole?.rule ?? ''];
  if (program !== undefined && whole !== undefined) return run(program, occasionOf(question, whole.action));
  return adviseCommands(question, hazards);
}

function occasionOf({ statement, parse, catalog, hazards }: Question, action: Action): Occasion {
  const mine = hazards.filter((hazard) => hazard.action === action || isSameCommand(hazard.action, action));
  const rules = new Set(mine.map(({ rule }) => rule));
  return { statement, action, rules, parse, ...(catalog === undefined ? {} : { catalog }) };
}

function isSameCommand(a: Action, b: Action): boolean {
  return a.command !== undefined && a.command === b.command;
}

function run(program: Program, occasion: Occasion): Advice {
  return program(occasion as Occasion<never>);
}

/** Which of the commands are independent of one another, so that their series may run side by side. */
const independent = new Set<Action['kind']>(['set-not-null', 'add-constraint']);

/** Commands whose effect the others may stand on, or that give a name which only PostgreSQL chooses. */
function entangled(node: Node, rest: readonly AlterCommand[]): boolean {
  const constraints = list(node, 'cmds').map((item) =>
    child(child(child(item, 'AlterTableCmd'), 'def'), 'Constraint'),
  );
  const table = text(child(node, 'relation'), 'relname');
  const refersToItself = constraints.some(({ contype, pktable }) => {
    return contype === 'CONSTR_FOREIGN' && isNode(pktable) && text(pktable, 'relname') === table;
  });
  const addsKey = constraints.some(
    ({ contype }) => contype === 'CONSTR_UNIQUE' || contype === 'CONSTR_PRIMARY',
  );
  return (
    (refersToItself && addsKey) ||
    rest.some(
      ({ node: { subtype, def } }) =>
        /^AT_(Drop(Constraint|Column)|AlterColumnType)$/.test(String(subtype)) ||
        (subtype === 'AT_AddConstraint' &&
          text(child(isNode(def) ? def : {}, 'Constraint'), 'conname') === undefined),
    )
  );
}

const entangledRefused = 'its parts may depend on one another: write one statement for each';

/** Names that the statement itself gives. */
function namesGiven(node: Node): Set<string> {
  const names = new Set<string>();
  walk(node, (kind, inner) => {
    const name = kind === 'Constraint' ? text(inner, 'conname') : undefined;
    if (name !== undefined) names.add(name);
  });
  return names;
}

function adviseCommands(question: Question, hazards: readonly Hazard[]): Advice {
  const taken = commandsOf(question.statement);
  if (taken === undefined)
    return refuse(question.statement.kind === 'DoStmt' ? 'it stands inside a block' : cutRefused);
  const { head, commands } = taken;
  const series: (readonly Phase[])[] = [];
  const notes = new Set<string>();
  const done = new Set<number>();
  const strict = new Set<string>();
  const chosen = namesGiven(question.statement.node);
  for (const { rule, action } of hazards) {
    const at = action.command;
    const command = at === undefined ? undefined : commands[at];
    const program = ofCommands[rule];
    if (at === undefined || command === undefined || program === undefined) return refuse(cutRefused);
    if (done.has(at)) continue;
    done.add(at);
    // Said twice, it is one NOT NULL: as a constraint (18) it cannot be added again.
    const again = action.kind === 'set-not-null' && strict.has(action.column);
    if (action.kind === 'set-not-null') strict.add(action.column);
    if (again) continue;
    const occasion = occasionOf(question, action);
    const unanswered = [...occasion.rules].find(
      (id) => /^add-column-/.test(id) && ofCommands[id] === undefined,
    );
    if (unanswered !== undefined) return refuse(`${unanswered} has no rewrite that is proven`);
    const advice = run(program, { ...occasion, command, head, chosen });
    if ('refused' in advice) return advice;
    series.push(advice.phases);
    if (advice.note !== undefined) notes.add(advice.note);
  }
  const rest = commands.filter((command, i) => !done.has(i) && !isSaidAlready(command, question, hazards));
  const isLeft = ({ action: { command } }: Hazard) => command !== undefined && !done.has(command);
  if (commands.length > 1 && (question.hazards.some(isLeft) || entangled(question.statement.node, rest)))
    return refuse(entangledRefused);
  return together(question, hazards, head, rest, series, notes);
}

/** SET NOT NULL of a column that is so does nothing, and a down of it would take away what was there before. */
function isSaidAlready({ node }: AlterCommand, { catalog }: Question, hazards: readonly Hazard[]): boolean {
  const table = hazards[0]?.action.table;
  if (node.subtype !== 'AT_SetNotNull' || catalog === undefined || table === undefined) return false;
  const columns = lookUp(table, catalog)?.columns ?? [];
  return columns.some(({ name, notNull }) => notNull && name === node.name);
}

function together(
  { statement }: Question,
  hazards: readonly Hazard[],
  head: string,
  rest: readonly AlterCommand[],
  series: readonly (readonly Phase[])[],
  notes: ReadonlySet<string>,
): Advice {
  const note = notes.size === 0 ? {} : { note: [...notes].join(' ') };
  if (hazards.every(({ action }) => independent.has(action.kind))) {
    const first =
      rest.length === 0 ? [] : [inTransaction([`${head} ${rest.map(({ text }) => text).join(', ')}`], null)];
    return { phases: [...first, ...sideBySide(series)], ...note };
  }
  const onlyColumns = list(statement.node, 'cmds').every(
    (item) => child(item, 'AlterTableCmd').subtype === 'AT_AddColumn',
  );
  if (rest.length + series.length > 1 && !onlyColumns) return refuse(entangledRefused);
  const others =
    rest.length === 0 ? [] : [inTransaction([`${head} ${rest.map(({ text }) => text).join(', ')}`], null)];
  return { phases: [...others, ...series.flat()], ...note };
}

/** The statement alone in a file of its own. */
function apart({ statement }: Occasion): Advice {
  return {
    phases: [inTransaction([statement.text], null)],
    note: 'What stands beside it in this file belongs into migrations of their own.',
  };
}

/** REFRESH … CONCURRENTLY of a filled view that has a unique index over all its rows. */
function refreshed({ action, catalog, statement }: Occasion): Advice {
  const view = catalog === undefined ? undefined : lookUp(action.table, catalog);
  const isUnique = view?.indexes.some(
    ({ unique, partial, columns }) => unique && !partial && !columns.includes(''),
  );
  if (view?.populated !== true || isUnique !== true)
    return refuse('it needs a unique index over all rows of the view, and a view that has been filled');
  const sql = statement.text.replace(/^(\s*refresh\s+materialized\s+view)\b/i, '$1 CONCURRENTLY');
  return statement.kind === 'RefreshMatViewStmt' && /CONCURRENTLY/.test(sql)
    ? { phases: [outsideTransaction([sql], [])] }
    : refuse(cutRefused);
}
