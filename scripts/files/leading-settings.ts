// Takes the text of a migration; gives what its leading SET statements ask of the transaction it is to run in.
// It reads no further than these.
import { skipBlank } from '../base/positions.ts';

const setTransaction =
  /^set\s+(?:local\s+|session\s+)?transaction\s+(isolation\s+level\s+[a-z]+(?:\s+[a-z]+)?)\s*$/i;

/**
 * ` ISOLATION LEVEL …`, to be put behind BEGIN, where a SET TRANSACTION stands before the text's first query; else an empty
 * text. The statement itself then changes nothing, which PostgreSQL allows at any time.
 */
export function isolationOf(text: string): string {
  for (let at = skipBlank(text, 0); /^set\s$/i.test(text.slice(at, at + 4)); ) {
    const end = statementEnd(text, at);
    const modes = setTransaction.exec(text.slice(at, Math.min(end, at + 200)))?.[1];
    if (modes !== undefined) return ` ${modes.replace(/\s+/g, ' ')}`;
    at = skipBlank(text, end + 1);
  }
  return '';
}

/** Where the semicolon is that is in no literal or quoted name. */
function statementEnd(text: string, from: number): number {
  let quote = '';
  for (let at = from; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (quote === '' && char === ';') return at;
    if (quote === '' && (char === "'" || char === '"')) quote = char;
    else if (char === quote) quote = '';
  }
  return text.length;
}
