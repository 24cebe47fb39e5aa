// Takes items that went and items that came; gives which belong together, and a renaming as SQL. Pure.
import type { Item, Model } from '../render/model.ts';
import type { Difference } from './diff.ts';
import { lastName, schemaOf } from './likeness-shape.ts';

/** Something that went and something of a like shape that came. */
export interface Likeness {
  /** As people say them: `column public.users.note`. */
  readonly gone: string;
  readonly came: string;
  /** What hangs on the answer: rows and positions of sequences are lost where a renaming is taken for something else. */
  readonly holdsRows: boolean;
  /** Renames what went to what came; empty where nothing can be renamed: its rows were moved by hand. */
  readonly rename: readonly string[];
  readonly renameBack: readonly string[];
}

/** What a person says: the object of the first name is that of the second, as people type them. */
export interface Renamed {
  readonly gone: string;
  readonly came: string;
}

/** Whether a person called both one, or called one of them something else; undefined where nobody spoke of them. */
export type Decide = (gone: Item, came: Item) => 'one' | 'two' | undefined;

/** What went and what came between two schemas. */
export interface Compared {
  readonly from: Model;
  readonly to: Model;
  readonly gone: readonly Item[];
  readonly came: readonly Item[];
  readonly differences: readonly Difference[];
  readonly decide: Decide;
}

/** Those of one class. */
export const ofClass = (items: readonly Item[], name: Item['class']) =>
  items.filter((item) => item.class === name);

/**
 * Each of the first with the best of the second, none twice.
 * @param score 0 keeps two apart unless a person called them one; null keeps them apart in any case
 */
export function pairUp(
  gone: readonly Item[],
  came: readonly Item[],
  decide: Decide,
  score: (a: Item, b: Item) => number | null,
): [Item, Item][] {
  const decided = (a: Item, b: Item) => {
    const own = score(a, b) ?? Number.NEGATIVE_INFINITY;
    const said = own === Number.NEGATIVE_INFINITY ? undefined : decide(a, b);
    return said === 'one' ? Number.POSITIVE_INFINITY : said === 'two' ? 0 : own;
  };
  const all = gone
    .flatMap((a) =>
      came.flatMap((b) => {
        const found = decided(a, b);
        return found > 0 ? [{ a, b, score: found }] : [];
      }),
    )
    .sort((x, y) => (x.score === y.score ? 0 : y.score - x.score));
  const used = new Set<Item>();
  return all.flatMap(({ a, b }): [Item, Item][] => {
    if (used.has(a) || used.has(b)) return [];
    used.add(a).add(b);
    return [[a, b]];
  });
}

/** Says of a pair what may have been renamed, with the SQL of both ways; `word` is what people call such a thing. */
export function likeness(
  [gone, came]: [Item, Item],
  word: string,
  holdsRows: boolean,
  sql: (a: Item, b: Item) => string[],
): Likeness {
  return {
    gone: `${word} ${gone.identity}`,
    came: `${word} ${came.identity}`,
    holdsRows,
    rename: sql(gone, came),
    renameBack: sql(came, gone),
  };
}

/** SQL that gives `a` the name of `b`. Into the other schema first, where that differs. */
export function renameQualified(kind: string, a: Item, b: Item): string[] {
  const [from, to] = [schemaOf(a.identity), schemaOf(b.identity)];
  const name = lastName(a.identity);
  const rest = a.identity.slice(from.length + 1 + name.length);
  return [
    ...(from === to ? [] : [`ALTER ${kind} ${a.identity} SET SCHEMA ${to};`]),
    ...(name === lastName(b.identity)
      ? []
      : [`ALTER ${kind} ${to}.${name}${rest} RENAME TO ${lastName(b.identity)};`]),
  ];
}
