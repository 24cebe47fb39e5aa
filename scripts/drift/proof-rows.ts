// Takes both sides of a claim; gives what its rows must satisfy, so that they can be there before and after: constraints that
// only one side has hold for rows of both. It must not know how rows are made.

import { withoutTrailing } from '../base/ends.ts';
import { diffObjects } from '../schema/change/diff.ts';
import { labelsOf } from '../schema/change/likeness-shape.ts';
import { foreignKeyOf } from '../schema/render/definitions.ts';
import { buildModel, type Item, type Model, splitNames } from '../schema/render/model.ts';
import { parentOf } from '../schema/sql.ts';
import type { Query, SchemaObject } from '../schema/types.ts';
import type { Demands } from './seed.ts';

interface BothSchemas {
  readonly stored: readonly SchemaObject[];
  readonly live: readonly SchemaObject[];
}

/** Values of enums that both sides have; columns that refer to a table which only the stored schema has stay NULL. */
export function demandsOf({ stored, live }: BothSchemas): Demands {
  const [before, after] = [buildModel(stored), buildModel(live)];
  const labels = after.of('type').flatMap((type): [string, string[]][] => {
    const other = before.find('type', type.identity);
    if (other === undefined || !type.parts.has('labels')) return [];
    const known = labelsOf(other);
    return [
      [
        type.identity,
        labelsOf(type)
          .filter((label) => known.includes(label))
          .map(bare),
      ],
    ];
  });
  const nulls = before.of('constraint').flatMap((item) => {
    const key = foreignKeyOf(item.parts.get('definition') ?? '');
    if (key === null || after.find('relation', key.target) !== undefined) return [];
    return splitNames(key.columns).map((column) => `${item.table}.${column}`);
  });
  const values = after.of('column').flatMap((column): [string, string[]][] => {
    const type = before.find('column', column.identity)?.parts.get('type');
    const enumBefore = before.find('type', withoutTrailing(type ?? '', '[]'));
    if (type === column.parts.get('type') || enumBefore?.parts.has('labels') !== true) return [];
    return [[column.identity, labelsOf(enumBefore).map(bare)]];
  });
  const bounds = before.of('relation').flatMap((table): [string, string][] => {
    const bound = table.parts.get('bound');
    const attached = after.find('relation', table.identity)?.parts.has('bound') === true;
    return bound === undefined || attached ? [] : [[table.identity, bound]];
  });
  return {
    ...{ labels: new Map(labels), values: new Map(values) },
    ...{ bounds: new Map(bounds), nulls: new Set(nulls) },
  };
}

const bare = (literal: string) => literal.replace(/^E?'/, '').replace(/'$/, '').replaceAll("''", "'");

/** Gives columns that are plain now the values that they had when they were computed: only such a down takes back. */
export async function withFormerValues(scratch: Query, { stored, live }: BothSchemas): Promise<void> {
  const before = buildModel(stored);
  for (const { identity, table, name, parts } of buildModel(live).of('column')) {
    const value = before.find('column', identity)?.parts.get('generated');
    if (value === undefined || parts.has('generated')) continue;
    await scratch(`UPDATE ${table} SET ${name} = ${value}`).catch(() => undefined);
  }
}

/** Constraints and unique indexes of the stored schema that the live one lacks stand while rows are put in. */
export async function withFormerConstraints<Result>(
  scratch: Query,
  { stored, live }: BothSchemas,
  work: () => Promise<Result>,
): Promise<Result> {
  const before = buildModel(stored);
  const former = diffObjects(stored, live)
    .filter(({ kind, change }) => (kind === 'constraint' || kind === 'index') && change !== 'added')
    .flatMap(({ kind, identity }) => before.find(kind, identity) ?? []);
  const undo: string[] = [];
  for (const [i, item] of former.entries()) {
    const sql = standIn(item, `held_while_seeding_${i}`, before);
    if (sql === undefined) continue;
    const stands = await scratch(sql.make).then(
      () => true,
      () => false,
    );
    if (stands) undo.push(sql.drop);
  }
  try {
    return await work();
  } finally {
    for (const sql of undo) await scratch(sql);
  }
}

function standIn(item: Item, name: string, model: Model): { make: string; drop: string } | undefined {
  const definition = item.parts.get('definition') ?? '';
  if (item.class === 'constraint') {
    const isKey = definition.startsWith('PRIMARY KEY');
    const kind = item.parts.has('domain') ? 'DOMAIN' : 'TABLE';
    if (model.find(kind === 'DOMAIN' ? 'type' : 'relation', item.table ?? '') === undefined) return undefined;
    return {
      make: `ALTER ${kind} ${item.table} ADD CONSTRAINT ${name} ${isKey ? definition.replace('PRIMARY KEY', 'UNIQUE') : definition}`,
      drop: `ALTER ${kind} ${item.table} DROP CONSTRAINT ${name}`,
    };
  }
  if (!definition.startsWith('CREATE UNIQUE INDEX ') || item.parts.has('constraint')) return undefined;
  const schema = parentOf(item.identity);
  return {
    make: definition.replace(
      /^CREATE UNIQUE INDEX (?:"(?:[^"]|"")*"|\S+) ON/,
      `CREATE UNIQUE INDEX ${name} ON`,
    ),
    drop: `DROP INDEX ${schema}.${name}`,
  };
}

/**
 * Tables without a row whose columns the pair changes: whether it keeps their rows was not tried.
 * @param nulls columns that can refer to nothing before the down made their table anew: such rows come after it
 */
export function untried(
  { stored, live }: BothSchemas,
  bareTables: ReadonlyMap<string, string>,
  nulls: ReadonlySet<string>,
): string[] {
  const touched = new Set(
    diffObjects(stored, live).flatMap(({ kind, change, identity, actual, expected }) => {
      const table = /^table=(.*)$/m.exec(actual ?? expected ?? '')?.[1];
      if (kind === 'relation' && change === 'changed') return [identity];
      return (kind === 'column' || kind === 'constraint') && table !== undefined ? [table] : [];
    }),
  );
  const onBoth = (name: string) =>
    [stored, live].every((side) =>
      side.some((object) => object.class === 'relation' && object.identity === name),
    );
  return [...bareTables]
    .filter(([name]) => touched.has(name) && onBoth(name))
    .filter(([name]) => ![...nulls].some((column) => column.startsWith(`${name}.`)))
    .map(
      ([name, said]) =>
        `no row could be made for ${name}, so that nobody knows what becomes of its rows: ${said}`,
    );
}
