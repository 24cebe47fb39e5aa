// Takes a text that is to be sent statement by statement; gives its statements, each proven to be on its own what it is
// in the whole. It knows nothing of databases.
import type { Statement } from '../base/types.ts';
import { nodeText } from './equivalent-sql.ts';
import type { Parser } from './statements.ts';

/**
 * The statements in their order; null where the text cannot be parsed.
 * @throws Error, a bug, unless each parses on its own as the one statement that the parser counted in the whole text
 */
export function separateStatements(parse: Parser, text: string): readonly Statement[] | null {
  const parsed = parse(text);
  if (parsed.ok !== true) return null;
  for (const statement of parsed.statements) {
    const alone = parse(statement.text);
    const [only, ...more] = alone.ok === true ? alone.statements : [];
    if (only === undefined || more.length > 0 || nodeText(only) !== nodeText(statement))
      throw new Error(
        `statement ${statement.index} of ${parsed.statements.length} is another one when it stands alone`,
      );
  }
  return parsed.statements;
}
