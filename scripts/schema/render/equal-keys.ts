// Takes the model of a schema and what its catalogs say needs what; gives the order that lets each foreign key find the key it
// used. FOREIGN KEY names columns, not a key: of several over the same columns the server takes the one made first. Pure.

import { foreignKeyOf, splitList } from './definitions.ts';
import { groupBy, type Item, type Model } from './model.ts';
import type { Dependency } from './order.ts';
import { keyOf } from './tables.ts';

/** Keys over the columns of another key wait for the foreign keys that use that one. */
export function equalKeyDependencies(model: Model, dependencies: readonly Dependency[]): Dependency[] {
  const equal = equalKeys(model);
  if (equal.size === 0) return [];
  const used = dependencies.filter(({ from, to }) => equal.has(to) && isForeignKey(model, from));
  const wanted = new Set(used.map(({ to }) => to));
  return used.flatMap(({ from, to }) =>
    (equal.get(to) ?? []).filter((other) => !wanted.has(other)).map((other) => ({ from: other, to: from })),
  );
}

function isForeignKey(model: Model, key: string): boolean {
  if (!key.startsWith('constraint ')) return false;
  const item = model.find('constraint', key.slice('constraint '.length));
  return item !== undefined && foreignKeyOf(item.parts.get('definition') ?? '') !== null;
}

/** For each key that has such, the others of its table over the same columns. */
function equalKeys(model: Model): ReadonlyMap<string, readonly string[]> {
  const targets = new Set(
    model.of('constraint').flatMap(({ parts }) => foreignKeyOf(parts.get('definition') ?? '')?.target ?? []),
  );
  const result = new Map<string, readonly string[]>();
  for (const table of targets) {
    const keys = model.partsOf(table, 'index').flatMap((index) => {
      const columns = keyColumns(index);
      return columns === undefined ? [] : [{ columns, key: pieceOf(index) }];
    });
    for (const group of groupBy(keys, ({ columns }) => columns).values())
      for (const { key } of group)
        if (group.length > 1)
          result.set(
            key,
            group.flatMap((other) => (other.key === key ? [] : other.key)),
          );
  }
  return result;
}

/** The key of the piece that makes an index, also as a constraint. */
export const pieceOf = (index: Item) =>
  index.parts.has('constraint') ? `constraint ${index.table}.${index.parts.get('constraint')}` : keyOf(index);

/** The columns of a unique index that a foreign key may use, whatever their order; undefined of another. */
export function keyColumns({ parts }: Item): string | undefined {
  const definition = parts.get('definition') ?? '';
  const [, list] =
    /^CREATE UNIQUE INDEX .* USING \w+ \(((?:"[^"]*"|[^()"])+)\)(?:(?! WHERE ).)*$/s.exec(definition) ?? [];
  if (list === undefined) return undefined;
  const names = splitList(list).map((column) => /^(?:"(?:[^"]|"")*"|\S+)/.exec(column)?.[0] ?? '');
  return names.sort().join(', ');
}
