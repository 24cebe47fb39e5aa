// Takes what a person says was renamed (`users.note=users.remark`) and what may have been renamed; gives which of it is decided.
// Pure. Nothing is guessed: a name that fits nothing is refused.
import { MigrateError } from '../base/errors.ts';
import { shellWord } from '../base/shell-word.ts';
import type { Likeness, Renamed } from '../schema/change/likeness-pairs.ts';

/**
 * @param values of --rename; one may hold several, with commas or blanks between them
 * @throws MigrateError `usage` for a value that is no `old=new`, or a name that stands twice on one side
 */
export function parseRenames(values: readonly string[]): Renamed[] {
  const renames = values.flatMap((value) => {
    const words = value.match(/(?:"[^"]*"|[^",\s])+/g) ?? [];
    const parsed = words.flatMap((word) => parseOne(word) ?? []);
    if (words.length === 0 || parsed.length < words.length) throw notARename(value);
    return parsed;
  });
  for (const side of ['gone', 'came'] as const) {
    const names = renames.map((rename) => qualified(rename[side]));
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) throw new MigrateError('usage', `--rename names ${twice} twice`);
  }
  return renames;
}

function notARename(value: string): MigrateError {
  return new MigrateError('usage', `--rename "${value}" is not of the form old=new`, {
    hint: 'For example --rename users.note=users.remark, a table --rename logs=journal; with its schema where that is not public.',
  });
}

function parseOne(word: string): Renamed | null {
  const sides = word.match(/(?:"[^"]*"|[^"=])+/g) ?? [];
  const [gone, came] = sides;
  const whole = `${gone}=${came}` === word && sides.length === 2;
  return whole && gone !== undefined && came !== undefined ? { gone, came } : null;
}

/** For comparison alone: names that stand without a schema are in public. */
const qualified = (name: string) => (name.startsWith('public.') ? name : `public.${name}`);

/** Whether an identity is what a person named: `public.users.note` is `users.note`. */
export function isNamed(identity: string, name: string): boolean {
  return identity === name || identity === `public.${name}`;
}

/** The identity in `column public.users.note`. */
const identityIn = (said: string) => said.slice(said.indexOf(' ') + 1);

/** Whether one of the renamings that a person has named is this one. */
export function isDecided({ gone, came }: Likeness, renames: readonly Renamed[]): boolean {
  const [from, to] = [gone, came].map(identityIn) as [string, string];
  return renames.some((rename) => isNamed(from, rename.gone) && isNamed(to, rename.came));
}

/**
 * @param found all renamings that were found, decided or not
 * @throws MigrateError `usage` for a decision that fits none of them
 */
export function refuseUnfit(renames: readonly Renamed[], found: readonly Likeness[]): void {
  const unfit = renames.filter((rename) => !found.some((likeness) => isDecided(likeness, [rename])));
  const [first] = unfit;
  if (first === undefined) return;
  throw new MigrateError(
    'usage',
    `--rename ${first.gone}=${first.came} fits nothing: no object of that name went while one of the other name, of the same kind and in the same table, came`,
    {
      problems: found.map(({ gone, came }) => `${gone} went, ${came} came`),
      hint: 'npm run migrate:drift shows what went and what came.',
      state: 'Nothing was written.',
    },
  );
}

/** What to type, where it was a renaming: `--rename users.note=users.remark`. */
export function renameFlag({ gone, came }: Likeness): string {
  const [from, to] = [gone, came].map((said) => identityIn(said).replace(/^public\./, ''));
  return `--rename ${shellWord(`${from}=${to}`)}`;
}
