// Takes the objects of both sides; gives them without what machinery makes: other tools' tables of what they ran, and,
// where the configuration says so, partitions that follow their parent. Pure.

import { isBesideHistory, toolOf } from '../history/foreign-tools.ts';
import { managedPartitions, withoutTables } from '../schema/change/managed.ts';
import { parseDefinition } from '../schema/definition.ts';
import { bareName, splitSchema } from '../schema/sql.ts';
import type { SchemaObject, TableName } from '../schema/types.ts';

export interface BothSides {
  readonly expected: readonly SchemaObject[];
  readonly live: readonly SchemaObject[];
}

/**
 * What is left to compare. A table counts as another tool's by its name and columns, on whichever side it is.
 * @param partitions `managed` where partitions that follow their parent come and go by a job
 */
export function withoutMachinery({ expected, live }: BothSides, partitions?: 'managed'): BothSides {
  const names = [
    ...foreignHistories(expected),
    ...foreignHistories(live),
    ...(partitions === 'managed' ? managedPartitions([expected, live]) : []),
  ];
  if (names.length === 0) return { expected, live };
  return { expected: withoutTables(expected, names), live: withoutTables(live, names) };
}

/** As the identities of objects have them: quoted where SQL needs it. */
function foreignHistories(objects: readonly SchemaObject[]): TableName[] {
  const columns = new Map<string, Record<string, string>>();
  for (const { class: name, identity, definition } of objects) {
    if (name !== 'column') continue;
    const parts = parseDefinition(definition);
    const table = parts.get('table') ?? '';
    const own = columns.get(table) ?? {};
    own[bareName(identity.slice(table.length + 1))] = (parts.get('type') ?? '').replace(/\(\d{1,8}\)/, '');
    columns.set(table, own);
  }
  const tables = [...columns].flatMap(([identity, own]) => {
    const parts = splitSchema(identity);
    return parts === undefined ? [] : [{ schema: parts.schema, table: parts.rest, own }];
  });
  return tables.filter(({ schema, table, own }) => {
    const beside = tables.filter((other) => other.schema === schema).map((other) => bareName(other.table));
    const shape = { name: bareName(table), columns: own, beside };
    return toolOf(shape) !== null || isBesideHistory(shape);
  });
}
