// Takes the objects of a schema; gives them without some tables, and tells which partitions are the business of the job that
// makes them. Pure.

import { parseDefinition } from '../definition.ts';
import { buildModel, type Item, type Model } from '../render/model.ts';
import { parentOf, splitSchema } from '../sql.ts';
import type { SchemaObject, TableName } from '../types.ts';

/** Without some tables and what stands on them. */
export function withoutTables(
  objects: readonly SchemaObject[],
  tables: readonly TableName[],
): SchemaObject[] {
  const names = new Set(tables.map(({ schema, table }) => `${schema}.${table}`));
  return objects.filter(({ identity, definition }) => {
    const parts = parseDefinition(definition);
    const owned = parts.get('owned_by') ?? parts.get('identity_of');
    const own = [identity, parts.get('table'), owned === undefined ? undefined : parentOf(owned)];
    const marked = [...names].some((name) => identity.endsWith(` ${name}`) || identity.includes(` ${name}.`));
    return !marked && !own.some((table) => table !== undefined && names.has(table));
  });
}

/** Without the partitions that follow their parent: what the fingerprint counts where a job makes them. */
export function withoutManaged(objects: readonly SchemaObject[]): SchemaObject[] {
  return withoutTables(objects, managedPartitions([objects]));
}

/** Partitions that follow their parent on every side where they are; one that differs is compared like any table. */
export function managedPartitions(sides: readonly (readonly SchemaObject[])[]): TableName[] {
  const found = sides.map((objects) => partitionsOf(buildModel(objects)));
  const odd = new Set(found.flatMap(({ differing }) => differing));
  const names = new Set(found.flatMap(({ following }) => following));
  return [...names].filter((name) => !odd.has(name)).flatMap(tableName);
}

function tableName(identity: string): TableName[] {
  const parts = splitSchema(identity);
  return parts === undefined ? [] : [{ schema: parts.schema, table: parts.rest }];
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
