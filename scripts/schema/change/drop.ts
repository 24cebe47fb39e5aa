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
  const { identity, name, parts, table } = item;
  const withTable = table !== undefined && (gone('relation', table) || gone('type', table));
  switch (item.class) {
    case 'relation':
      return dropRelation(item);
    case 'column':
      return withTable || !holdsColumns(model, table) || parts.get('inherited') === 'only'
        ? []
        : [`ALTER TABLE ${table} DROP COLUMN ${name};`];
    case 'column-order':
      return [];
    case 'constraint':
      return dropConstraint(item, withTable, gone);
    case 'index':
      return withTable || parts.has('constraint') || parts.has('partition_of')
        ? []
        : [
            `DROP INDEX ${identity}${isWhole(model, table) && backsConstraints(model, identity) ? ' CASCADE' : ''};`,
          ];
    case 'trigger':
      return withTable || parts.has('inherited') ? [] : [`DROP TRIGGER ${name} ON ${table};`];
    case 'rule':
    case 'policy':
      return withTable ? [] : [`DROP ${item.class.toUpperCase()} ${name} ON ${table};`];
    case 'sequence':
      return dropSequence(item, gone);
    case 'routine':
      return [`DROP ${parts.get('kind') === 'procedure' ? 'PROCEDURE' : 'FUNCTION'} ${identity};`];
    case 'type':
      return [`DROP ${parts.get('kind') === 'domain' ? 'DOMAIN' : 'TYPE'} ${identity};`];
    case 'comment':
      return dropComment(item);
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
