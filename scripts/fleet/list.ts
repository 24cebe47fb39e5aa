// Takes a list of databases as text; gives a name and an address each, or every mistake with its line. Pure.
import { MigrateError } from '../base/errors.ts';

export interface NamedTarget {
  readonly name: string;
  /** `postgres://…` without a password. */
  readonly url: string;
}

const hint =
  'A line is "<name> <URL without password>", such as: shop_001 postgres://migrator@db.example.com/shop_001';

/**
 * A line per target; `#` begins a comment.
 * @param source where the text is from, for messages
 * @throws MigrateError `usage` listing every line that is none, every name that stands twice, and every password
 */
export function readTargets(text: string, source: string): readonly NamedTarget[] {
  const problems: string[] = [];
  const targets: NamedTarget[] = [];
  const lineOf = new Map<string, number>();
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const [uncommented = ''] = raw.split(/(?:^|\s)#/, 1);
    const line = uncommented.trim();
    if (line === '') continue;
    const [name = '', url = '', ...more] = line.split(/\s+/);
    const problem = more.length > 0 || url === '' ? 'is not "<name> <URL>"' : problemOf(name, url);
    const earlier = lineOf.get(name);
    if (problem !== null) problems.push(`${source}:${i + 1}: ${problem}`);
    else if (earlier !== undefined)
      problems.push(`${source}:${i + 1}: the name ${name} stands in line ${earlier} already`);
    else {
      lineOf.set(name, i + 1);
      targets.push({ name, url });
    }
  }
  if (problems.length > 0)
    throw new MigrateError('usage', `${source} is no list of databases`, {
      problems,
      hint,
      state: 'Nothing was connected to.',
    });
  if (targets.length === 0)
    throw new MigrateError('usage', `${source} names no database`, {
      hint,
      state: 'Nothing was connected to.',
    });
  return targets;
}

function problemOf(name: string, url: string): string | null {
  if (!/^[\w.:@/-]{1,200}$/.test(name)) return 'the name may hold letters, digits and . _ - : @ / alone';
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return 'the second word is no URL';
  }
  if (!/^postgres(?:ql)?:$/.test(parsed.protocol)) return 'the URL does not begin with postgres://';
  if (parsed.password !== '' || parsed.searchParams.has('password'))
    return 'the URL holds a password, which belongs into PGPASSWORD or .pgpass';
  return null;
}
