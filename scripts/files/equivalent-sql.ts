// Takes two SQL texts; tells whether PostgreSQL reads them as the same statements. Comments, white space, line ends and
// a BOM make no difference. Pure but for loading the parser.
import { loadParser, type Parser } from './statements.ts';

/** @returns a comparison; texts that do not parse are the same only if they are equal. */
export async function loadComparison(): Promise<(a: string, b: string) => boolean> {
  const parse = await loadParser();
  return (a, b) => a === b || (meaning(parse, a) ?? a) === (meaning(parse, b) ?? b);
}

/** What a text says, comments and white space aside, as one string; null when it does not parse. */
export function meaning(parse: Parser, text: string): string | null {
  const result = parse(text);
  if (result.ok !== true) return null;
  return JSON.stringify(
    result.statements.map(({ kind, node }) => [kind, node]),
    (key, value: unknown) =>
      key === 'location' || key === 'stmt_location' || key === 'stmt_len' ? undefined : value,
  );
}
