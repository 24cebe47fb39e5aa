// Takes the context of a DO block, or of a call of functions whose bodies are known; gives one for each statement that stands
// in them as it is, and for each that was seen to have been run. How often those of the text run nobody knows from it.
import type { Statement } from '../base/types.ts';
import type { Parser } from '../files/statements.ts';
import { findAll } from '../files/tree.ts';
import type { Context } from './rules/rule.ts';
import { readActions } from './statement/actions.ts';
import { child, listOf, text } from './statement/ast.ts';
import { sameName } from './statement/names.ts';
import type { Action, Name } from './statement/types.ts';

const longest = 64 * 1024;
const altering = /\b(?:drop|alter|revoke|create)\s/gi;
const changing = /\b(?:insert|update|delete|merge|with)\s/gi;

/** Contexts as if the file consisted of these statements; what was watched is of the block as a whole. */
export interface InBlock {
  /** Of what was seen to have been run. */
  readonly seen: readonly Context[];
  /** Of what the text holds. */
  readonly written: readonly Context[];
}

/** Both are empty for any other statement. */
export function contextsInBlock(context: Context, parse: Parser): InBlock {
  const { statement, trace } = context.step;
  const seen = (trace?.observedSql ?? []).flatMap((sql) => first([sql], statement, parse));
  return {
    seen: contextsOf(context, seen),
    written: contextsOf(context, statementsIn(context, altering, parse)),
  };
}

function contextsOf(context: Context, statements: readonly Statement[]): readonly Context[] {
  const { trace: _trace, ...rest } = context;
  const steps = statements.map((statement) => ({ statement, actions: [] }));
  return steps.map((step, i) => ({
    ...rest,
    step,
    before: [...context.before, ...steps.slice(0, i)],
    after: [...steps.slice(i + 1), ...context.after],
  }));
}

/**
 * What no lock or scan tells of a block: schemas that it renames, and by its text changes of many rows, for which an index
 * may have been used.
 */
export function actionsInBlock(
  context: Context,
  { seen, written }: InBlock,
  parse: Parser,
): readonly Action[] {
  const { trace } = context.step;
  const done = [...seen, ...written].flatMap(({ step }) => readActions(step.statement));
  const renamed = done.filter((action) => action.kind === 'rename' && action.object === 'schema');
  const commits = [context.step.statement.text, ...(trace?.bodies ?? [])].some((text) =>
    /\bcommit\b/i.test(text),
  );
  const isMade = (table: Name) => done.some((one) => one.kind === 'create' && sameName(one.table, table));
  const changed = statementsIn(context, changing, parse).flatMap((statement) => {
    const isOfOneRow = comparesWithVariable(statement);
    return readActions(statement).filter(
      (action) =>
        (action.kind === 'change-rows' || action.kind === 'copy-rows') &&
        // What a block commits is no longer one transaction, unless it is all rows at once.
        (!commits || (action.kind === 'change-rows' && action.where.whole)) &&
        !isOfOneRow &&
        !isMade(action.table) &&
        !(trace?.observed ?? []).some(
          ({ kind, table }) => kind === action.kind && sameName(table, action.table),
        ),
    );
  });
  return [...renamed, ...changed];
}

/** `id = v` without another table: v is a variable of the block, and the statement one of many. */
function comparesWithVariable({ node }: Statement): boolean {
  const select = child(child(node, 'selectStmt'), 'SelectStmt');
  if (findAll([node.fromClause, node.usingClause], 'RangeVar').length > 0) return false;
  return [node.whereClause, select.whereClause].some((where) =>
    findAll(where, 'A_Expr').some(({ kind, name, lexpr, rexpr }) => {
      const isEquality = kind === 'AEXPR_OP' && JSON.stringify(name).includes('"="');
      return isEquality && [lexpr, rexpr].every((side) => child({ side }, 'side').ColumnRef !== undefined);
    }),
  );
}

/** In the order of the text, with the place of the block. */
function statementsIn({ step }: Context, beginning: RegExp, parse: Parser): readonly Statement[] {
  const { statement, trace } = step;
  const body = listOf(statement.node, 'args', 'DefElem').find(({ defname }) => defname === 'as');
  const source = text(child(child(body ?? {}, 'arg'), 'String'), 'sval');
  const sources = statement.kind === 'DoStmt' && source !== undefined ? [source] : (trace?.bodies ?? []);
  return sources
    .flatMap((text) => (beginning === changing ? [text, ...executedIn(text)] : [text]))
    .filter((text) => text.length <= longest)
    .flatMap((text) => withoutWords(text).split(';'))
    .flatMap((piece) =>
      first(
        [...piece.matchAll(beginning)].slice(0, 20).map(({ index }) => piece.slice(index)),
        statement,
        parse,
      ),
    );
}

/** Without comments, and without the words of strings: they are no statements. */
function withoutWords(source: string): string {
  return source.replaceAll(/--[^\n]*|\/\*(?:[^*]|\*(?!\/))*(?:\*\/)?|'(?:[^']|'')*'/g, (found) =>
    found.startsWith("'") ? "'x'" : ' ',
  );
}

/** What EXECUTE runs where it stands there as one string. */
function executedIn(source: string): readonly string[] {
  return [...source.matchAll(/\bexecute\s+(?:'((?:[^']|'')*)'|\$(\w*)\$([\s\S]*?)\$\2\$)/gi)].map(
    ([, plain, , quoted = '']) => plain?.replaceAll("''", "'") ?? quoted,
  );
}

/** The first of these texts that is a statement: what stands before it are words of the block, or of a string. */
function first(texts: readonly string[], block: Statement, parse: Parser): readonly Statement[] {
  for (const sql of texts) {
    const parsed = parse(sql);
    const [only] = parsed.ok === true ? parsed.statements : [];
    if (only !== undefined) return [{ ...block, kind: only.kind, node: only.node }];
  }
  return [];
}
