// Takes an object that is to go; gives the SQL that drops it, or nothing where it goes with something else.
// Pure; it must not know in which order things are dropped.

import { commentSql } from '../render/comments.ts';
import { textSearchName } from '../render/database.ts';
import { foreignKeyOf } from '../render/definitions.ts';
import type { Item, Model } from '../render/model.ts';
import { transformName } from '../render/operators.ts';
import { parentOf } from '../sql.ts';
import type { ObjectClass } from '../types.ts';

const plainDrops: Partial<Record<ObjectClass, string>> = {
  statistics: 'STATISTICS',
  aggregate: 'AGGREGATE',
  schema: 'SCHEMA',
  extension: 'EXTENSION',
  collation: 'COLLATION',
  conversion: 'CONVERSION',
  publication: 'PUBLICATION',
  language: 'LANGUAGE',
  'access-method': 'ACCESS METHOD',
  'event-trigger': 'EVENT TRIGGER',
  'operator-class': 'OPERATOR CLASS',
  'operator-family': 'OPERATOR FAMILY',
  'foreign-data-wrapper': 'FOREIGN DATA WRAPPER',
  'foreign-server': 'SERVER',
  cast: 'CAST',
  operator: 'OPERATOR',
};

/** What stays of the objects, to know what goes along: `gone` says whether an object of that name goes as a whole. */
export type Gone = (objectClass: ObjectClass, identity: string) => boolean;

/** Undefined where no statement of ours drops such an object; empty where it goes with another. */
export function dropSql(model: Model, item: Item, gone: Gone): string[] | undefined {
  const { identity, parts, table } = item;
  const withTable = table !== undefined && (gone('relation', table) || gone('type', table));
  switch (item.class) {
    case 'relation':
      return dropRelation(item);
    case 'constraint':
      return dropConstraint(item, withTable, gone);
    case 'column':
    case 'column-order':
    case 'index':
    case 'trigger':
    case 'rule':
    case 'policy':
      return withTable || goesWithOther(model, item) ? [] : [dropFromTable(model, item)];
    case 'sequence':
      return dropSequence(item, gone);
    case 'comment':
      return dropComment(item);
    case 'routine':
      return [`DROP ${parts.get('kind') === 'procedure' ? 'PROCEDURE' : 'FUNCTION'} ${identity};`];
    case 'type':
      return [`DROP ${parts.get('kind') === 'domain' ? 'DOMAIN' : 'TYPE'} ${identity};`];
    case 'text-search':
      return [`DROP TEXT SEARCH ${textSearchName(identity)};`];
    case 'user-mapping':
      return [`DROP USER MAPPING FOR ${identity.replace(/ on ([^ ]+|"(?:[^"]|"")*")$/, ' SERVER $1')};`];
    case 'transform':
      return [`DROP TRANSFORM ${transformName(identity)};`];
    default: {
      const word = plainDrops[item.class];
      return word === undefined ? undefined : [`DROP ${word} ${identity};`];
    }
  }
}

/** Whether a part of a table goes with something other than the table: its parent's part, or its constraint. */
function goesWithOther(model: Model, item: Item): boolean {
  const { parts, table } = item;
  if (item.class === 'column') return !holdsColumns(model, table) || parts.get('inherited') === 'only';
  if (item.class === 'index') return parts.has('constraint') || parts.has('partition_of');
  return item.class === 'column-order' || (item.class === 'trigger' && parts.has('inherited'));
}

function dropFromTable(model: Model, item: Item): string {
  const { identity, name, table } = item;
  if (item.class === 'column') return `ALTER TABLE ${table} DROP COLUMN ${name};`;
  if (item.class !== 'index') return `DROP ${item.class.toUpperCase()} ${name} ON ${table};`;
  const cascade = isWhole(model, table) && backsConstraints(model, identity) ? ' CASCADE' : '';
  return `DROP INDEX ${identity}${cascade};`;
}

const isWhole = (model: Model, table: string | undefined): boolean =>
  model.find('relation', table ?? '')?.parts.has('partition_key') === true;

/** Whether constraints of partitions have indexes that are attached to this one: nothing detaches those, and they go along. */
const backsConstraints = (model: Model, index: string): boolean =>
  model
    .of('index')
    .some(
      ({ parts, identity }) =>
        parts.get('partition_of') === index && (parts.has('constraint') || backsConstraints(model, identity)),
    );

/** Whether the model has a table of this identity, partitioned or not. */
export function isTable(model: Model, identity: string | undefined): boolean {
  const kind = identity === undefined ? undefined : model.find('relation', identity)?.parts.get('kind');
  return kind === 'table' || kind === 'partitioned table';
}

/** Whether its columns are its own: they are added and dropped by statements, those of a view are not. */
export function holdsColumns(model: Model, identity: string | undefined): boolean {
  const kind = identity === undefined ? undefined : model.find('relation', identity)?.parts.get('kind');
  return kind?.endsWith('table') === true;
}

function dropRelation({ identity, parts }: Item): string[] | undefined {
  const kind = parts.get('kind') ?? '';
  return [`DROP ${kind.replace('partitioned ', '').toUpperCase()} ${identity};`];
}

/** Tables that go together may refer to each other, so that foreign keys go first. */
function dropConstraint(
  { name, parts, table, identity }: Item,
  withTable: boolean,
  gone: Gone,
): string[] | undefined {
  const definition = parts.get('definition') ?? '';
  if (parts.get('inherited') === 'only') return [];
  if (parts.has('domain')) return withTable ? [] : [`ALTER DOMAIN ${table} DROP CONSTRAINT ${name};`];
  if (withTable) {
    const target = foreignKeyOf(definition)?.target;
    const needed = target !== undefined && target !== table && gone('relation', target);
    return needed ? [`ALTER TABLE ${table} DROP CONSTRAINT ${name};`] : [];
  }
  return identity === '' ? undefined : [`ALTER TABLE ${table} DROP CONSTRAINT ${name};`];
}

function dropSequence({ identity, parts }: Item, gone: Gone): string[] {
  const owner = parts.get('identity_of') ?? parts.get('owned_by');
  const table = owner === undefined ? undefined : parentOf(owner);
  const goesAlong =
    parts.has('identity_of') ||
    (owner !== undefined && (gone('column', owner) || gone('relation', table ?? '')));
  return goesAlong ? [] : [`DROP SEQUENCE ${identity};`];
}

function dropComment(item: Item): string[] | undefined {
  const sql = commentSql(item);
  return sql === undefined ? undefined : [sql.replace(/ IS E?'(?:[^']|'')*';$/s, ' IS NULL;')];
}
