// Takes the objects of both sides; gives them without what machinery makes: other tools' tables of what they ran, and,
// where the configuration says so, partitions that follow their parent. Pure.
import { toolOf } from '../history/foreign-tools.ts';
import { parseDefinition } from '../schema/definition.ts';
import { buildModel, type Item, type Model } from '../schema/render/model.ts';
import type { SchemaObject, TableName } from '../schema/types.ts';
import { withoutTracking } from './filter.ts';

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
  return { expected: withoutTracking(expected, names), live: withoutTracking(live, names) };
}

const bare = (name: string) => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);

/** As the identities of objects have them: quoted where SQL needs it. */
function foreignHistories(objects: readonly SchemaObject[]): TableName[] {
  const columns = new Map<string, Record<string, string>>();
  for (const { class: name, identity, definition } of objects) {
    if (name !== 'column') continue;
    const parts = parseDefinition(definition);
    const table = parts.get('table') ?? '';
    const own = columns.get(table) ?? {};
    own[bare(identity.slice(table.length + 1))] = parts.get('type') ?? '';
    columns.set(table, own);
  }
  const tables = [...columns].flatMap(([identity, own]) => {
    const [, schema, table] = /^("(?:[^"]|"")*"|[^."]+)\.(.+)$/.exec(identity) ?? [];
    return schema === undefined || table === undefined ? [] : [{ schema, table, own }];
  });
  return tables.filter(({ schema, table, own }) => {
    const beside = tables.filter((other) => other.schema === schema).map((other) => bare(other.table));
    return toolOf({ name: bare(table), columns: own, beside }) !== null;
  });
}

/** Partitions that follow their parent on every side where they are; one that differs is compared like any table. */
function managedPartitions(sides: readonly (readonly SchemaObject[])[]): TableName[] {
  const found = sides.map((objects) => partitionsOf(buildModel(objects)));
  const odd = new Set(found.flatMap(({ differing }) => differing));
  const names = new Set(found.flatMap(({ following }) => following));
  return [...names].filter((name) => !odd.has(name)).flatMap(tableName);
}

function tableName(identity: string): TableName[] {
  const [, schema, table] = /^("(?:[^"]|"")*"|[^."]+)\.(.+)$/.exec(identity) ?? [];
  return schema === undefined || table === undefined ? [] : [{ schema, table }];
}

function partitionsOf(model: Model): { following: string[]; differing: string[] } {
  const partitions = model.of('relation').filter(({ parts }) => parts.has('partition_of'));
  const follow = partitions.filter((item) => followsParent(model, item));
  return {
    following: follow.map(({ identity }) => identity),
    differing: partitions.filter((item) => !follow.includes(item)).map(({ identity }) => identity),
  };
}

/** The same columns, checks and keys as its parent, an index for each of the parent's, nothing else of its own. */
function followsParent(model: Model, partition: Item): boolean {
  const parent = partition.parts.get('partition_of') ?? '';
  if (model.find('relation', parent) === undefined) return false;
  const own = (name: Item['class']) => model.partsOf(partition.identity, name);
  const same = (keys: readonly string[], name: 'column') => {
    const said = (table: string) =>
      model
        .partsOf(table, name)
        .map(({ parts, name: called }) => [called, ...keys.map((key) => parts.get(key))].join('\0'))
        .sort()
        .join('\n');
    return said(partition.identity) === said(parent);
  };
  const declared = own('constraint').filter(({ parts }) => parts.get('inherited') !== 'only');
  return (
    same(['type', 'nullable', 'default', 'generated', 'identity', 'collation', 'storage'], 'column') &&
    declared.length === 0 &&
    own('index').every(({ parts }) => parts.has('partition_of')) &&
    own('index').length === model.partsOf(parent, 'index').length &&
    own('trigger').every(({ parts }) => parts.has('inherited')) &&
    own('policy').length + own('rule').length === 0
  );
}
