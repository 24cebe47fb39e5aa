// Takes what to leave out; gives the ledger's SQL around the stored snapshot: take it, read its head, read its objects.
// It decides nothing: whether two schemas agree is the drift check's work.

import { createHash } from 'node:crypto';
import { MigrateError } from '../base/errors.ts';
import { changeTokenSql } from '../schema/catalog/change-token.ts';
import { isNormalizedSql } from '../schema/catalog/fingerprint.ts';
import { untilStillSql } from '../schema/catalog/moving.ts';
import { canonicalSettings, classHashesSql, withClassStates } from '../schema/catalog/snapshot.ts';
import { quoteLiteral } from '../schema/sql.ts';
import {
  defaultSchemaOptions,
  type ObjectClass,
  objectClasses,
  type SchemaObject,
  type SchemaOptions,
} from '../schema/types.ts';

/** What the ledger knows of the last snapshot, and of itself since then. All null where there is no snapshot. */
export interface SnapshotHead {
  /** The change token as it was then. */
  readonly token: string | null;
  /** The server's major version then, null for snapshots of an older tool, and now. */
  readonly major: number | null;
  readonly majorNow: number;
  /** The change token as it is now, under the options that were asked for. */
  readonly tokenNow: string;
  readonly method: string | null;
  readonly options: Pick<SchemaOptions, 'include' | 'ignore' | 'partitions'> | null;
  readonly tracking: readonly string[] | null;
  readonly seq: number | null;
  readonly seqNow: number | null;
  readonly journal: string | null;
  readonly journalNow: string;
}

/** What no-transaction migrations have under way: changes whenever a statement starts or ends. */
const journalState = `(SELECT count(*) || ' ' || coalesce(max(extract(epoch FROM greatest(started_at, finished_at))), 0) || ' ' || count(*) FILTER (WHERE done) FROM migration_ledger.journal)`;

const majorSql = `current_setting('server_version_num')::integer / 10000`;

/** In place of a class: the partitions that follow their parent do not count. Whoever reads the classes may know it. */
const managedInstead = 'partitions';

/** Changes when another version of the tool reads the schema in another way. */
export function snapshotMethod(): string {
  method ??= createHash('sha256').update(classHashesSql(defaultSchemaOptions)).digest('hex').slice(0, 16);
  return method;
}
let method: string | undefined;

/** Options without the tracking tables, which are a column of their own. */
export function optionsText({ include, ignore, partitions }: SchemaOptions): string {
  return JSON.stringify({ include: [...include].sort(), ignore, partitions });
}

/**
 * Statements that take the snapshot and store it, all inside the server; they belong into a transaction, which they give
 * other settings until its end.
 */
export function storeSnapshotSql(options: SchemaOptions, ownTracking: string): string[] {
  const tracking = options.tracking.map(({ schema, table }) => quoteLiteral(`${schema}.${table}`)).join(', ');
  const managed =
    options.partitions === undefined ? '' : ` UNION ALL SELECT '${managedInstead}', 'managed', '[]'`;
  return [
    ...canonicalSettings.split('\n').map((setting) => setting.replace(/;$/, '')),
    "SET LOCAL statement_timeout = '0'",
    untilStillSql([
      'DELETE FROM migration_ledger.snapshot_classes',
      // One statement, so that change token and objects are of the same moment.
      ...withClassStates(
        options,
        (isStill) => `, stored AS (
  INSERT INTO migration_ledger.snapshot_classes (class, hash, objects) SELECT class, hash, objects FROM class_state${managed}
)
INSERT INTO migration_ledger.snapshot (gate, method, options, tracking, major, seq, newest, journal)
SELECT (SELECT token FROM (${changeTokenSql(options)}) AS now), ${quoteLiteral(snapshotMethod())}, ${quoteLiteral(optionsText(options))},
  ARRAY[${tracking}]::text[], ${majorSql}, (SELECT max(seq) FROM migration_ledger.entries),
  (SELECT max(id) FROM migration_ledger.applied WHERE tracking = ${quoteLiteral(ownTracking)}), ${journalState}
WHERE ${isStill}
ON CONFLICT (only_row) DO UPDATE SET gate = excluded.gate, method = excluded.method, options = excluded.options,
  tracking = excluded.tracking, major = excluded.major, seq = excluded.seq, newest = excluded.newest, journal = excluded.journal, taken_at = clock_timestamp()`,
      ),
    ]),
  ];
}

/**
 * Two statements around others that record something but change no schema: where the snapshot was up to date before them,
 * it still is afterwards.
 */
export const rememberCurrentSql = `SELECT set_config('migrate.snapshot_is_current', EXISTS (SELECT FROM migration_ledger.snapshot
  WHERE seq IS NOT DISTINCT FROM (SELECT max(seq) FROM migration_ledger.entries) AND journal = ${journalState})::text, true)`;
export const keepCurrentSql = `UPDATE migration_ledger.snapshot SET seq = (SELECT max(seq) FROM migration_ledger.entries), journal = ${journalState}
  WHERE current_setting('migrate.snapshot_is_current') = 'true'`;

/** One more tracking table to leave out, before it is created; 42P01 where the ledger is too old for snapshots. */
export function leaveOutSql(tracking: string): string {
  return `UPDATE migration_ledger.snapshot SET tracking = array_append(tracking, ${quoteLiteral(tracking)}) WHERE NOT ${quoteLiteral(tracking)} = ANY (tracking)`;
}

/** Of a snapshot that is otherwise as it was: another version of the tool makes the change token in another way. */
export function storeTokenSql(token: string): string {
  return `UPDATE migration_ledger.snapshot SET gate = ${quoteLiteral(token)}`;
}

/** A batch of three statements; the last two give one row with one column each, which `parseHead` reads. */
export function headSql(options: SchemaOptions): string {
  const key = JSON.stringify(options);
  const text = heads.get(key) ?? newHeadSql(options);
  heads.set(key, text);
  return text;
}
/** Of thousands of databases, all ask the same. */
const heads = new Map<string, string>();

function newHeadSql(options: SchemaOptions): string {
  // Compiling the change token's query would take longer than running it. Inside of another query it takes a third longer.
  return `SET LOCAL jit = off;
${changeTokenSql(options)};
SELECT json_build_object('token', s.gate, 'method', s.method,
  'options', s.options, 'tracking', s.tracking, 'major', (to_json(s) ->> 'major')::int, 'majorNow', ${majorSql}, 'seq', s.seq, 'seqNow', (SELECT max(seq) FROM migration_ledger.entries),
  'journal', s.journal, 'journalNow', ${journalState})
FROM (SELECT) AS one LEFT JOIN migration_ledger.snapshot s ON true`;
}

/** Rows of `class` and `hash`; see `completeHashes`. */
export const storedHashesSql = 'SELECT class, hash FROM migration_ledger.snapshot_classes';

/** Rows of `tracking`: the tracking tables of all applications that the ledger has entries of. */
export const applicationsSql = 'SELECT DISTINCT tracking FROM migration_ledger.entries';

/** The head of a stored snapshot, from the change token and JSON of the server. */
export function parseHead(tokenNow: string, json: string): SnapshotHead {
  const head = JSON.parse(json) as Omit<SnapshotHead, 'options' | 'tokenNow'> & { options: string | null };
  const options = parseOptions(head.options);
  return {
    ...head,
    tokenNow,
    // Nobody knows what a snapshot was compared by whose options were changed by hand.
    ...(head.options !== null && options === null ? { method: null } : {}),
    options,
  };
}

function parseOptions(text: string | null): SnapshotHead['options'] {
  try {
    const options = JSON.parse(text ?? 'null') as SnapshotHead['options'];
    return Array.isArray(options?.include) && Array.isArray(options.ignore) ? options : null;
  } catch {
    return null;
  }
}

/**
 * Rows of `class` and `hash`, and of `objects` where some of a class have more than one spelling, or where partitions that
 * follow their parent do not count: `managed`.
 */
export const storedPortableSql = `SELECT class, hash, managed, CASE WHEN managed OR ${isNormalizedSql('objects')} THEN objects END AS objects
  FROM migration_ledger.snapshot_classes, (SELECT EXISTS (SELECT FROM migration_ledger.snapshot_classes WHERE class OPERATOR(pg_catalog.=) '${managedInstead}') AS managed) AS head
  WHERE class OPERATOR(pg_catalog.<>) '${managedInstead}'`;

/** Rows of `class` and `objects`; see `parseObjects`. */
export function storedObjectsSql(classes: readonly ObjectClass[] = objectClasses): string {
  return `SELECT class, objects FROM migration_ledger.snapshot_classes WHERE class IN (${classes.map((name) => quoteLiteral(name)).join(', ')}) ORDER BY class COLLATE "C"`;
}

/**
 * The objects of a stored snapshot, from the server's rows.
 * @throws MigrateError `refused` where somebody has changed them so that they cannot be read
 */
export function parseObjects(rows: readonly { class: string; objects: string }[]): SchemaObject[] {
  return rows.flatMap(({ class: name, objects }) => {
    const pairs = readPairs(objects);
    if (pairs === null)
      throw new MigrateError(
        'refused',
        'The stored schema in migration_ledger.snapshot_classes was changed by hand',
        {
          hint: 'DELETE FROM migration_ledger.snapshot; the next run takes the schema as it is then, and stores it.',
          state: 'Nothing was changed.',
        },
      );
    return pairs.map(([identity, definition]) => ({ class: name as ObjectClass, identity, definition }));
  });
}

function readPairs(objects: string): readonly (readonly [string, string])[] | null {
  try {
    const pairs = JSON.parse(objects) as [string, string][];
    const isText = (part: unknown) => typeof part === 'string';
    return pairs.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(isText))
      ? pairs
      : null;
  } catch {
    return null;
  }
}
