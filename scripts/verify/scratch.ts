// Takes a client on a scratch database; gives ways to run a file there and to read the schema. It judges nothing.
import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { SqlFile } from '../base/types.ts';
import { sendBatch } from '../connection/simple-query.ts';
import { describeSqlError } from '../files/sql-error.ts';
import type { Parser } from '../files/statements.ts';
import { changeTokenPartsSql, partsOf } from '../schema/catalog/change-token-parts.ts';
import { standInTable } from '../schema/catalog/distribution.ts';
import { readClassHashes, readObjects, withCanonicalSession } from '../schema/catalog/snapshot.ts';
import { firstUserOid } from '../schema/sql.ts';
import type { ClassHashes, ObjectClass, Query, SchemaObject, SchemaOptions } from '../schema/types.ts';
import { wholeBatch } from '../scratch/batch.ts';
import { runsOneByOne } from '../scratch/citus-stand-ins.ts';
import { resetAfter } from '../scratch/client.ts';
import { isLeftOut, withoutServerWide } from '../scratch/server-wide.ts';
import { queryOn } from '../scratch/with-scratch.ts';

/** A statement that PostgreSQL refused, with its place in the file (1-based). */
export interface ScratchFailure {
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
  /** Of the statement itself; none where a function that it called was refused something. */
  readonly sqlState?: string;
}

export interface Scratch {
  readonly client: pg.Client;
  readonly parse: Parser;
  /** What is compared besides the schema itself. */
  readonly include: SchemaOptions['include'];
  /** Runs a file: inside the current transaction, or statement by statement where it is marked no-transaction. */
  run(file: SqlFile): Promise<ScratchFailure | null>;
  sql(text: string): Promise<void>;
  /**
   * Per catalog a text; equal means that no row changed, different means nothing.
   * @param touched only of these catalogs, and of those that depend on them
   */
  token(touched?: readonly string[]): Promise<Map<string, string>>;
  /** How many rows this transaction has written so far, per catalog. */
  rowsWritten(): Promise<RowsWritten>;
  hashes(classes?: readonly ObjectClass[]): Promise<ClassHashes>;
  objects(classes?: readonly ObjectClass[]): Promise<SchemaObject[]>;
}

/** How many rows this transaction wrote into each catalog, by its name; null where the server does not count. */
export type RowsWritten = Readonly<Record<string, number>> | null;

/** Counters that the server keeps anyway: https://www.postgresql.org/docs/16/monitoring-stats.html */
const written = `(pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) + 1000000 * pg_catalog.pg_stat_get_xact_tuples_updated(c.oid)
    + 1000000000000 * pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid)) AS n FROM pg_catalog.pg_class c`;
const writtenSql = `SELECT CASE WHEN current_setting('track_counts')::bool THEN coalesce(json_object_agg(name, n) FILTER (WHERE n <> 0), '{}') END AS written
  FROM (SELECT c.relname AS name, ${written} WHERE c.oid < ${firstUserOid} AND c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r'
  UNION ALL SELECT 'distribution', ${written} WHERE c.oid = to_regclass('${standInTable}')) counted`;

/**
 * @param inside whether the caller holds a transaction open around it all
 * @throws nothing; what its ways of running reject with is the error of pg
 */
export function openScratch(
  client: pg.Client,
  parse: Parser,
  inside: () => boolean,
  options: SchemaOptions,
): Scratch {
  const query = queryOn(client);
  // To plan a reading of the catalog takes longer than to run it, and the same few are run again and again.
  const prepared: Query = async (text) =>
    text.startsWith('WITH ') ? (await client.query({ name: nameFor(client, text), text })).rows : query(text);
  const canonical = <Result>(work: () => Promise<Result>) =>
    withCanonicalSession(query, work, inside() ? 'running' : 'own');
  return {
    client,
    parse,
    include: options.include,
    run: (file) => runFile(client, parse, file),
    sql: async (text) => {
      await client.query(text);
    },
    token: async (touched) => partsOf((await prepared(tokenSql(options, touched)))[0]),
    rowsWritten: async () =>
      (
        (await client.query({ name: nameFor(client, writtenSql), text: writtenSql })).rows[0] as {
          written: RowsWritten;
        }
      ).written,
    hashes: (classes) => canonical(() => readClassHashes(prepared, options, classes)),
    objects: (classes) => canonical(() => readObjects(prepared, options, classes)),
  };
}

/** Texts by what they are made of, and names by their text: each is long, and wanted for every migration. */
const tokenTexts = new WeakMap<SchemaOptions, Map<string, string>>();
const names = new Map<string, string>();

function tokenSql(options: SchemaOptions, touched?: readonly string[]): string {
  const known = tokenTexts.get(options) ?? new Map<string, string>();
  tokenTexts.set(options, known);
  const key = touched === undefined ? '*' : touched.join();
  const text = known.get(key) ?? changeTokenPartsSql(options, touched);
  known.set(key, text);
  return text;
}

/** Names of prepared statements: by text, and by how often files have meddled with what the session has prepared. */
function nameFor(client: pg.Client, text: string): string {
  const name = names.get(text) ?? createHash('sha256').update(text).digest('hex').slice(0, 32);
  names.set(text, name);
  return `${name}_${meddled.get(client) ?? 0}`;
}

/** Per client, how many files may have thrown away some of what it has prepared, or all. */
const meddled = new WeakMap<pg.Client, number>();

async function runFile(client: pg.Client, parse: Parser, file: SqlFile): Promise<ScratchFailure | null> {
  if (/\b(prepare|deallocate|discard)\b/i.test(file.text))
    meddled.set(client, (meddled.get(client) ?? 0) + 1);
  const parsed = parse(file.text);
  const statements =
    parsed.ok === true ? parsed.statements.filter((statement) => !isLeftOut(statement)) : null;
  const separately = (file.directives.noTransaction || runsOneByOne()) && statements !== null;
  const pieces = separately ? statements : [{ text: withoutServerWide(file, parse), start: 0 }];
  for (const [i, { text, start }] of pieces.entries()) {
    const alone = separately ? await wholeBatch(client, file, text, parse) : text;
    const { error, completed } = await sendBatch(
      client,
      separately ? alone : `${text}\n;${resetAfter(text)}`,
    );
    if (error === null) continue;
    // Positions count from what was sent; a statement without one is known by how many came before it.
    const prefixLength = -[...file.text.slice(0, start)].length;
    const sent = { path: file.path, text: file.text, statements, prefixLength, isScratch: true } as const;
    const { message, options } = describeSqlError(error, sent, separately ? i : completed);
    const { line, column } = options.location ?? {};
    const { sqlState, context } = options.database ?? {};
    return {
      message,
      ...(sqlState === undefined || context !== undefined ? {} : { sqlState }),
      ...(line === undefined ? {} : { line }),
      ...(column === undefined ? {} : { column }),
    };
  }
  if (separately) await client.query(resetAfter(file.text));
  return null;
}
