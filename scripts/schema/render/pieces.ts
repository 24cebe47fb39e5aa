// Takes the model of a schema; gives the SQL of what stands apart from tables as pieces to be put in order, and the
// dependencies that no catalog knows. Pure.

import type { ObjectClass } from '../types.ts';
import { foreignDependencies } from './attached.ts';
import {
  defaultPrivilegesSql,
  eventTriggerSql,
  foreignDataWrapperSql,
  foreignServerSql,
  publicationSql,
  settingSql,
  subscriptionSql,
  textSearchSql,
  userMappingSql,
  validatorSql,
} from './database.ts';
import { distributionDependencies, distributionSql } from './distribution.ts';
import { heirDependencies } from './hierarchies.ts';
import type { Item, Model } from './model.ts';
import {
  accessMethodSql,
  baseTypeSql,
  castSql,
  collationSql,
  conversionSql,
  languageSql,
  looseMembersSql,
  operatorClassSql,
  operatorFamilySql,
  operatorSql,
  transformSql,
} from './operators.ts';
import type { Dependency, Piece } from './order.ts';
import { aggregateSql, sequenceSql, typeSql } from './programs.ts';
import { ranks } from './tables.ts';

function schemaSql(item: Item): string | undefined {
  return item.identity === 'public' ? undefined : `CREATE SCHEMA ${item.identity};`;
}

/** Without a version: which one there is, is the server's business. */
function extensionSql(item: Item): string {
  return `CREATE EXTENSION IF NOT EXISTS ${item.identity} SCHEMA ${item.parts.get('schema')};`;
}

const isNotValid = (check: Item) => check.parts.get('definition')?.endsWith('NOT VALID') === true;

/** Checks that stand inside CREATE DOMAIN. */
function domainChecks(model: Model, item: Item): readonly Item[] {
  return model.partsOf(item.identity, 'constraint').filter((check) => !isNotValid(check));
}

/** A type whose functions take it: it is announced before them and made after them. */
export function needsShell({ parts }: Item): boolean {
  return parts.get('kind') === 'base' || parts.has('canonical');
}

function typePieces(model: Model, item: Item, split: ReadonlySet<string>): Piece[] {
  const key = `type ${item.identity}`;
  const checks = domainChecks(model, item);
  const apart = split.has(key);
  const sql = item.parts.get('kind') === 'base' ? baseTypeSql(item) : typeSql(model, item, !apart);
  if (sql === undefined) return [];
  const keys = checks.map((check) => `constraint ${check.identity}`);
  return [
    ...(needsShell(item)
      ? [
          {
            key: `shell ${item.identity}`,
            rank: ranks.type,
            sql: `CREATE TYPE ${item.identity};`,
            inlined: [],
          },
        ]
      : []),
    { key, rank: ranks.type, sql, inlined: apart ? [] : keys },
    ...(apart ? checks : []).map((check) => ({
      key: `constraint ${check.identity}`,
      rank: ranks.default,
      sql: `ALTER DOMAIN ${item.identity} ADD CONSTRAINT ${check.name} ${check.parts.get('definition')};`,
      inlined: [],
    })),
  ];
}

/** Classes of which each object is one statement, told by the object alone. */
const plainClasses: readonly (readonly [ObjectClass, number, (item: Item) => string | undefined])[] = [
  ['schema', ranks.schema, schemaSql],
  ['extension', ranks.extension, extensionSql],
  ['collation', ranks.type, collationSql],
  ['text-search', ranks.type, textSearchSql],
  ['language', ranks.routine, languageSql],
  ['access-method', ranks.routine, accessMethodSql],
  ['aggregate', ranks.aggregate, aggregateSql],
  ['cast', ranks.aggregate, castSql],
  ['transform', ranks.aggregate, transformSql],
  ['conversion', ranks.aggregate, conversionSql],
  ['operator', ranks.aggregate, operatorSql],
  ['operator-family', ranks.aggregate, operatorFamilySql],
  ['operator-class', ranks.aggregate, operatorClassSql],
  ['foreign-server', ranks.aggregate, foreignServerSql],
  ['distribution', ranks.distribution, distributionSql],
  ['publication', ranks.publication, publicationSql],
];

/**
 * What stands apart from tables.
 * @param texts the texts of routines, by identity
 * @param split keys of domains whose checks, and of wrappers whose validators, must stand apart
 * @param reader the role that reads, quoted where SQL needs it
 */
export function simplePieces(
  model: Model,
  texts: ReadonlyMap<string, string>,
  split: ReadonlySet<string> = new Set(),
  reader = '',
): Piece[] {
  const pieces = (objectClass: ObjectClass, rank: number, sqlOf: (item: Item) => string | undefined) =>
    model.of(objectClass).flatMap((item): Piece[] => {
      const sql = sqlOf(item);
      return sql === undefined ? [] : [{ key: `${objectClass} ${item.identity}`, rank, sql, inlined: [] }];
    });
  return [
    ...plainClasses.flatMap(([objectClass, rank, sqlOf]) => pieces(objectClass, rank, sqlOf)),
    ...model.of('type').flatMap((item) => typePieces(model, item, split)),
    ...pieces('sequence', ranks.sequence, (item) =>
      item.parts.has('identity_of') ? undefined : sequenceSql(item),
    ),
    ...model.of('sequence').flatMap(ownershipPieces),
    ...pieces('routine', ranks.routine, ({ identity }) => `${texts.get(identity)};`),
    ...pieces('operator-family', ranks.aggregate, looseMembersSql).map((piece) => ({
      ...piece,
      key: `members ${piece.key}`,
    })),
    ...pieces('foreign-data-wrapper', ranks.aggregate, (item) =>
      foreignDataWrapperSql(item, !split.has(`foreign-data-wrapper ${item.identity}`)),
    ),
    ...pieces('user-mapping', ranks.aggregate, (item) => userMappingSql(item, reader)),
  ];
}

function ownershipPieces({ identity, parts }: Item): Piece[] {
  const owner = parts.get('owned_by');
  if (owner === undefined) return [];
  const sql = `ALTER SEQUENCE ${identity} OWNED BY ${owner};`;
  return [{ key: `ownership ${identity}`, rank: ranks.ownership, sql, inlined: [] }];
}

/** What is written after everything else, comments too: from then on it would take part in what the file does. */
export function closingStatements(model: Model, reader: string): string[] {
  const all = (objectClass: ObjectClass, sqlOf: (item: Item) => string | undefined) =>
    model.of(objectClass).flatMap((item) => sqlOf(item) ?? []);
  return [
    ...all('foreign-data-wrapper', validatorSql),
    ...all('default-privileges', (item) => defaultPrivilegesSql(item, reader)),
    ...all('setting', settingSql),
    ...all('subscription', subscriptionSql),
    ...all('event-trigger', eventTriggerSql),
  ];
}

/**
 * Dependencies that no catalog knows: those of the pieces that come after a table, a family or a shell.
 * @param isApart true for a table whose defaults and checks stand apart
 */
export function addedDependencies(
  model: Model,
  isApart: (table: Item) => boolean = () => false,
): Dependency[] {
  return [
    ...model.of('sequence').flatMap((item) =>
      item.table === undefined
        ? []
        : [
            { from: `ownership ${item.identity}`, to: `relation ${item.table}` },
            { from: `ownership ${item.identity}`, to: `sequence ${item.identity}` },
          ],
    ),
    ...model.of('operator-family').map(({ identity }) => ({
      from: `members operator-family ${identity}`,
      to: `operator-family ${identity}`,
    })),
    ...model
      .of('type')
      .filter(needsShell)
      .map(({ identity }) => ({ from: `type ${identity}`, to: `shell ${identity}` })),
    ...distributionDependencies(model),
    ...model.of('operator').flatMap((item) => oneWayLinks(model, item)),
    ...foreignDependencies(model),
    ...heirDependencies(model, isApart),
    ...model.of('relation').flatMap((table) => tableDependencies(model, table)),
  ];
}

/** An operator that does not link back is made after the one that names it: made before, it would get the link. */
function oneWayLinks(model: Model, item: Item): Dependency[] {
  const linked = (from: Item, link: string) =>
    model.find('operator', from.parts.get(link)?.replace(/\(([^(),]*),([^(),]*)\)$/, ' ($1, $2)') ?? '');
  return ['commutator', 'negator'].flatMap((link) => {
    const other = linked(item, link);
    return other === undefined || other === item || linked(other, link) === item
      ? []
      : [{ from: `operator ${other.identity}`, to: `operator ${item.identity}` }];
  });
}

function tableDependencies(model: Model, table: Item): Dependency[] {
  const parts = [
    ...model.partsOf(table.identity, 'constraint'),
    ...model.partsOf(table.identity, 'index'),
  ].map((item) => ({
    key: `${item.class} ${item.identity}`,
    definition: item.parts.get('definition') ?? '',
  }));
  const isForeign = ({ definition }: { definition: string }) => definition.startsWith('FOREIGN KEY');
  return [
    { from: `late ${table.identity}`, to: `relation ${table.identity}` },
    { from: `reserved ${table.identity}`, to: `relation ${table.identity}` },
    { from: `view ${table.identity}`, to: `relation ${table.identity}` },
    ...parts
      .filter((part) => !isForeign(part))
      .map(({ key }) => ({ from: `late ${table.identity}`, to: key })),
    ...parts.filter(isForeign).map(({ key }) => ({ from: key, to: `reserved ${table.identity}` })),
  ];
}
