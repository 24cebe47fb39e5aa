// Takes a way to query and what to leave out; gives the canonical snapshot: one md5 per class, and the objects.
// Everything in it is text that any server of the same major version would give for the same schema.
// It must not know how snapshots are stored or compared.

import { quoteLiteral, scope } from '../sql.ts';
import {
  type ClassHashes,
  type IgnorePattern,
  type ObjectClass,
  objectClasses,
  type Query,
  type SchemaObject,
  type SchemaOptions,
} from '../types.ts';
import * as annotations from './annotations.ts';
import * as constraints from './constraints.ts';
import * as database from './database.ts';
import { distribution } from './distribution.ts';
import { readUntilStill } from './moving.ts';
import * as operators from './operators.ts';
import { onlyWhere, presenceSql, type Source } from './presence.ts';
import * as programs from './programs.ts';
import * as relations from './relations.ts';

/** Where the objects of a class come from. */
const sources: Readonly<Record<ObjectClass, string | readonly Source[]>> = {
  relation: relations.relation,
  column: relations.column,
  'column-order': relations.columnOrder,
  constraint: constraints.constraint,
  index: constraints.index,
  routine: programs.routine,
  aggregate: programs.aggregate,
  trigger: relations.trigger,
  rule: relations.rule,
  policy: relations.policy,
  statistics: relations.statistics,
  type: programs.type,
  sequence: relations.sequence,
  schema: database.schema,
  extension: database.extension,
  publication: database.publication,
  subscription: database.subscription,
  'event-trigger': database.eventTrigger,
  'default-privileges': database.defaultPrivileges,
  collation: operators.collation,
  operator: operators.operator,
  'operator-class': operators.operatorClass,
  'operator-family': operators.operatorFamily,
  cast: operators.cast,
  conversion: operators.conversion,
  'text-search': database.textSearch,
  'foreign-data-wrapper': database.foreignDataWrapper,
  'foreign-server': database.foreignServer,
  'user-mapping': database.userMapping,
  language: database.language,
  transform: database.transform,
  'access-method': database.accessMethod,
  distribution,
  comment: annotations.comment,
  setting: database.setting,
  owner: annotations.owner,
  grant: annotations.grant,
};

const canonicalNames = {
  search_path: '',
  timezone: 'UTC',
  datestyle: 'ISO, YMD',
  intervalstyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
  quote_all_identifiers: 'off',
  standard_conforming_strings: 'on',
  // The catalog queries look expensive to the planner; compiling them takes longer than running them.
  jit: 'off',
};

/**
 * `SET LOCAL` for everything that changes how PostgreSQL spells a definition; send it in a transaction.
 * https://www.postgresql.org/docs/16/runtime-config-client.html
 */
export const canonicalSettings = Object.entries(canonicalNames)
  .map(([name, value]) => `SET LOCAL ${name} = '${value}';`)
  .join('\n');

/**
 * Runs `work` under the canonical settings: in a transaction of its own (REPEATABLE READ READ ONLY), or, with
 * `running`, inside the caller's transaction, whose settings are as before afterwards.
 * The query function must send texts of several statements as one batch. Where other sessions changed the schema
 * meanwhile, `work` is done again.
 * @throws what `work` and the query function throw
 */
export async function withCanonicalSession<T>(
  query: Query,
  work: () => Promise<T>,
  transaction: 'own' | 'running' = 'own',
): Promise<T> {
  const [open, close] =
    transaction === 'own'
      ? ['BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', 'ROLLBACK']
      : // Nothing is written in between, so rolling back to the savepoint undoes the settings and no more.
        [
          'SAVEPOINT canonical_session',
          'ROLLBACK TO SAVEPOINT canonical_session; RELEASE SAVEPOINT canonical_session',
        ];
  return readUntilStill(async () => {
    await query(`${open};\n${canonicalSettings}`);
    try {
      return await work();
    } finally {
      await query(close);
    }
  });
}

function patternSource(name: string): string {
  const escaped = name.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&').replaceAll('*', '.*');
  return quoteLiteral(`^(?:${escaped})$`);
}

function ignored(patterns: readonly IgnorePattern[], objectClass: ObjectClass): string {
  const conditions = patterns.flatMap((pattern) => {
    const matches = [];
    if (pattern.class === '*' || pattern.class === objectClass) matches.push('identity');
    if (pattern.class === '*' || pattern.class === 'relation') matches.push('parent');
    return matches.map((column) => `coalesce(${column} ~ ${patternSource(pattern.name)}, false)`);
  });
  return conditions.length === 0 ? '' : `\nWHERE NOT (${conditions.join(' OR ')})`;
}

function wantedClasses(options: SchemaOptions, classes: readonly ObjectClass[]): ObjectClass[] {
  return classes.filter(
    (name) =>
      (name !== 'owner' || options.include.includes('owners')) &&
      (name !== 'grant' || options.include.includes('grants')),
  );
}

/** The sources of some classes, with the class of each row in front. */
function branches(options: SchemaOptions, classes: readonly ObjectClass[]): Source[] {
  return wantedClasses(options, classes).flatMap((name) => {
    const own = sources[name];
    const each: readonly Source[] =
      typeof own === 'string' ? [{ sql: own, onlyWhere: onlyWhere[name] }] : own;
    return each.map((source) => ({
      ...source,
      sql: `SELECT '${name}' AS class, identity, definition FROM (${source.sql}\n) AS o (identity, parent, definition)${ignored(options.ignore, name)}`,
    }));
  });
}

/** A WITH clause whose last table `object` has class, identity and definition of every object. */
export function objectsSql(options: SchemaOptions, classes: readonly ObjectClass[]): string {
  const each = branches(options, classes).map(({ sql }) => sql);
  return `${scope(options)}, object AS (\n${each.join(betweenBranches)}\n)`;
}
const betweenBranches = '\nUNION ALL\n';

/**
 * A SELECT of the columns `class` and `hash`, without parameters; it must run under the canonical settings.
 * Classes without objects give no row.
 */
export function classHashesSql(
  options: SchemaOptions,
  classes: readonly ObjectClass[] = objectClasses,
): string {
  return `${objectsSql(options, classes)}
SELECT class, md5(string_agg(identity || E'\\n' || definition, E'\\n\\n' ORDER BY identity COLLATE "C", definition COLLATE "C")) AS hash
FROM object GROUP BY class`;
}

/** Per class its `hash`, as `classHashesSql`, and its `objects`, a JSON array of identity and definition. */
const classState = `class_state AS MATERIALIZED (
SELECT class, md5(string_agg(identity || E'\\n' || definition, E'\\n\\n' ORDER BY identity COLLATE "C", definition COLLATE "C")) AS hash,
  json_agg(json_build_array(identity, definition) ORDER BY identity COLLATE "C", definition COLLATE "C")::text AS objects
FROM object GROUP BY class
)`;

/**
 * Statements of PL/pgSQL that run one of SQL: `use`, behind a WITH clause that has `class_state`. Only what may have objects is
 * read: to plan the query of every class takes longer than to read them all. Where that changed before the statement began,
 * it finds `isStill` false and must write no row; then they raise `undefined_object`. They need a variable `present` (text).
 */
export function withClassStates(options: SchemaOptions, use: (isStill: string) => string): string[] {
  const each = branches(options, objectClasses);
  const presence = presenceSql(scope(options), each);
  const values = each.map(({ sql }, i) => `(${i + 1}, ${quoteLiteral(sql)})`);
  const text = [
    quoteLiteral(`${scope(options)}, object AS (\n`),
    `(SELECT string_agg(sql, ${quoteLiteral(betweenBranches)}) FROM (VALUES ${values.join(',\n')}) AS branch (place, sql) WHERE substr(present, place, 1) = 't')`,
    quoteLiteral(`\n), ${classState}${use(`(${presence}) = $1`)}`),
  ];
  return [
    `present := (${presence})`,
    `EXECUTE ${text.join(' || ')} USING present`,
    'GET DIAGNOSTICS present = ROW_COUNT',
    `IF present = '0' THEN RAISE undefined_object; END IF`,
  ];
}

/** Hashes as a database gave them, completed with those of classes that have no objects. */
export function completeHashes(found: ReadonlyMap<unknown, string>): ClassHashes {
  const entries = objectClasses.map((name) => [name, found.get(name) ?? emptyHash] as const);
  return Object.fromEntries(entries) as Record<ObjectClass, string>;
}

/** The md5 of nothing: what a class without objects has. */
const emptyHash = 'd41d8cd98f00b204e9800998ecf8427e';

/**
 * One md5 per class, in one round trip; call it inside `withCanonicalSession`.
 * @param classes those to read; the others come out as if they had no objects
 */
export async function readClassHashes(
  query: Query,
  options: SchemaOptions,
  classes: readonly ObjectClass[] = objectClasses,
): Promise<ClassHashes> {
  const rows = await query(classHashesSql(options, classes));
  return completeHashes(new Map(rows.map((row) => [row.class, String(row.hash)])));
}

/** The objects of some classes (all by default), ordered by class and identity; call it inside `withCanonicalSession`. */
export async function readObjects(
  query: Query,
  options: SchemaOptions,
  classes: readonly ObjectClass[] = objectClasses,
): Promise<SchemaObject[]> {
  const wanted = wantedClasses(options, classes);
  if (wanted.length === 0) return [];
  const rows = await query(
    `${objectsSql(options, wanted)}
SELECT class, identity, definition FROM object ORDER BY class COLLATE "C", identity COLLATE "C", definition COLLATE "C"`,
  );
  return rows.map((row) => ({
    class: row.class as ObjectClass,
    identity: String(row.identity),
    definition: String(row.definition),
  }));
}

/** The classes whose hashes differ: the only ones worth fetching. */
export function differingClasses(a: ClassHashes, b: ClassHashes): ObjectClass[] {
  return objectClasses.filter((name) => a[name] !== b[name]);
}
