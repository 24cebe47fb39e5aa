// Takes two SQL texts; tells whether PostgreSQL reads them as the same statements. Comments, white space, line ends and
// a BOM make no difference, nor do line ends inside of literals and bodies, nor what stands where a secret stands. Pure but for loading the parser.
import { withoutSecrets } from '../base/redact.ts';
import type { Statement } from '../base/types.ts';
import { unifyLineEnds } from './decode.ts';
import { loadParser, type Parser } from './statements.ts';
import { places } from './tree.ts';

/**
 * @param major of the server that the texts are for
 * @returns a comparison; texts that do not parse are the same only if they are equal
 */
export async function loadComparison(major: number): Promise<(a: string, b: string) => boolean> {
  const parse = await loadParser(major);
  const said = (text: string) => meaning(parse, text) ?? withoutSecrets(unifyLineEnds(text));
  return (a, b) => a === b || said(a) === said(b);
}

/**
 * What a text says, comments, white space, line ends and secrets aside, as one string; null when it does not parse. The
 * ledger keeps texts without the secrets in them, and a secret that leaked may be taken out of a file.
 */
export function meaning(parse: Parser, text: string): string | null {
  const result = parse(withoutSecrets(unifyLineEnds(text)));
  return result.ok === true ? `[${result.statements.map(nodeText).join(',')}]` : null;
}

/** What one statement says, its place aside, as JSON. */
export function nodeText({ kind, node }: Pick<Statement, 'kind' | 'node'>): string {
  return JSON.stringify([kind, node], (key, value: unknown) => (places.has(key) ? undefined : value));
}
