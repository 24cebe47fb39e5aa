// Takes a list of databases as text; gives a name and an address each, or every mistake with its line. Pure.

import { MigrateError } from '../base/errors.ts';
import { formatCount } from '../base/size.ts';

/** So many mistakes are listed; whoever made more has made the same one. */
const mostListed = 100;

/** Of ten thousand wrong lines the first hundred, and the number of the others. */
export function firstOf(problems: readonly string[]): readonly string[] {
  const more = problems.length - mostListed;
  return more <= 0 ? problems : [...problems.slice(0, mostListed), `and ${formatCount(more)} more`];
}

export interface NamedTarget {
  readonly name: string;
  /** `postgres://…` without a password. */
  readonly url: string;
}

const hint =
  'A line is "<name> <URL without password>", such as: shop_001 postgres://migrator@db.example.com/shop_001';

/** One entry as it came, with its place for messages. */
interface Entry {
  readonly place: string;
  /** Null where it is not made of a name and a URL. */
  readonly pair: readonly [string, string] | null;
}

/**
 * A line per target; `#` begins a comment. A BOM, and line ends of any kind, are fine.
 * @param source where the text is from, for messages
 * @throws MigrateError `usage` listing every line that is none, every name that stands twice, and every password
 */
export function readTargets(text: string, source: string): readonly NamedTarget[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  const entries = lines.flatMap((raw, i): Entry[] => {
    const words = wordsOf(raw);
    const [name = '', url = ''] = words;
    if (words.length === 0) return [];
    return [{ place: `${source}:${i + 1}`, pair: words.length === 2 ? [name, url] : null }];
  });
  return namedTargets(entries, source);
}

/** The words of a line up to its comment. */
function wordsOf(line: string): readonly string[] {
  const words = line.split(/\s+/).filter((word) => word !== '');
  const comment = words.findIndex((word) => word.startsWith('#'));
  return comment === -1 ? words : words.slice(0, comment);
}

/** As `readTargets`, of the rows of a query: what stands in a column is never taken for a comment or for more lines. */
export function readTargetRows(
  rows: readonly (readonly unknown[])[],
  source: string,
): readonly NamedTarget[] {
  const entries = rows.map((row, i): Entry => {
    const [name, url] = row;
    // A key may be a number.
    const isPair = row.length === 2 && /^(?:string|number)$/.test(typeof name) && typeof url === 'string';
    return { place: `${source}, row ${i + 1}`, pair: isPair ? [String(name), url] : null };
  });
  return namedTargets(entries, source);
}

function namedTargets(entries: readonly Entry[], source: string): readonly NamedTarget[] {
  const problems: string[] = [];
  const placeOf = new Map<string, string>();
  const targets = entries.flatMap(({ place, pair }): NamedTarget[] => {
    const [name, url] = pair ?? ['', ''];
    const earlier = placeOf.get(name);
    const problem = pair === null ? 'is not "<name> <URL>"' : problemOf(name, url);
    if (problem !== null) problems.push(`${place}: ${problem}`);
    else if (earlier !== undefined) problems.push(`${place}: the name ${name} stands in ${earlier} already`);
    else placeOf.set(name, place.replace(`${source}:`, 'line ').replace(`${source}, `, ''));
    return problem === null && earlier === undefined ? [{ name, url }] : [];
  });
  const state = 'None of the databases was connected to.';
  if (problems.length > 0)
    throw new MigrateError('usage', `${source} is no list of databases`, {
      problems: firstOf(problems),
      hint,
      state,
    });
  if (targets.length === 0) throw new MigrateError('usage', `${source} names no database`, { hint, state });
  return targets;
}

function problemOf(name: string, url: string): string | null {
  if (!/^[\w.:@/-]{1,200}$/.test(name)) return 'the name may hold a-z, A-Z, 0-9 and . _ - : @ / alone';
  if (/[\s\p{Cc}]/u.test(url)) return 'the URL holds white space or a control character';
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return 'the second word is no URL';
  }
  if (!/^postgres(?:ql)?:$/.test(parsed.protocol)) return 'the URL does not begin with postgres://';
  // Any of them: sslpassword is one too.
  if (parsed.password !== '' || [...parsed.searchParams.keys()].some((key) => /password/i.test(key)))
    return 'the URL holds a password, which belongs into PGPASSWORD or .pgpass';
  return null;
}
