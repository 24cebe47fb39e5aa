// Takes the context of a DO block; gives one for each statement that stands in it as it is, without those that it puts
// together. What it runs of them, and how often, nobody knows from the text.
import type { Statement } from '../base/types.ts';
import type { Parser } from '../files/statements.ts';
import type { Context } from './rules/rule.ts';
import { child, listOf, text } from './statement/ast.ts';

const longest = 64 * 1024;
const beginning = /\b(?:drop|alter|revoke|create)\s/gi;

/** A context for each statement of a block, as if the file consisted of them; what was seen is of the block as a whole. */
export function contextsInBlock(context: Context, parse: Parser): readonly Context[] {
  const { trace: _trace, ...rest } = context;
  const steps = statementsInBlock(context.step.statement, parse).map((statement) => ({
    statement,
    actions: [],
  }));
  return steps.map((step, i) => ({
    ...rest,
    step,
    before: [...context.before, ...steps.slice(0, i)],
    after: [...steps.slice(i + 1), ...context.after],
  }));
}

/** In the order of the text, with the place of the block; none for any other statement. */
function statementsInBlock(block: Statement, parse: Parser): readonly Statement[] {
  if (block.kind !== 'DoStmt' || block.text.length > longest) return [];
  const body = listOf(block.node, 'args', 'DefElem').find(({ defname }) => defname === 'as');
  const source = text(child(child(body ?? {}, 'arg'), 'String'), 'sval') ?? '';
  return source
    .replaceAll(/--[^\n]*|\/\*(?:[^*]|\*(?!\/))*(?:\*\/)?/g, ' ')
    .split(';')
    .flatMap((piece) =>
      first(
        [...piece.matchAll(beginning)].slice(0, 20).map(({ index }) => piece.slice(index)),
        block,
        parse,
      ),
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
