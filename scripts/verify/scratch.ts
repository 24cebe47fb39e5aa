// Takes a client on a scratch database; gives ways to run a file there and to read the schema. It judges nothing.
import type pg from 'pg';
import type { DatabaseError } from 'pg';
import { resetSql } from '../lint/catalog.ts';
import { isServerWide, withoutServerWide } from '../lint/server-wide.ts';
import { gateSql } from '../schema/gate.ts';
import { readClassHashes, readObjects, withCanonicalSession } from '../schema/snapshot.ts';
import {
  type ClassHashes,
  defaultSchemaOptions,
  type ObjectClass,
  type Query,
  type SchemaObject,
} from '../schema/types.ts';
import { describeSqlError } from '../sql-error.ts';
import type { Parser } from '../statements.ts';
import type { SqlFile } from '../types.ts';

/** A statement that PostgreSQL refused, with its place in the file (1-based). */
export interface ScratchFailure {
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
}

export interface Scratch {
  readonly client: pg.Client;
  /** Runs a file: inside the current transaction, or statement by statement where it is marked no-transaction. */
  run(file: SqlFile): Promise<ScratchFailure | null>;
  sql(text: string): Promise<void>;
  /** Cheap: equal means that nothing changed, different means nothing. */
  gate(): Promise<string>;
  hashes(): Promise<ClassHashes>;
  objects(classes: readonly ObjectClass[]): Promise<SchemaObject[]>;
}

/** @param inside whether the caller holds a transaction open around it all */
export function openScratch(client: pg.Client, parse: Parser, inside: () => boolean): Scratch {
  const query: Query = async (text, values) => {
    const result = await client.query(text, values);
    const last = Array.isArray(result) ? result.at(-1) : result;
    return last.rows as Record<string, unknown>[];
  };
  const canonical = <Result>(work: () => Promise<Result>) =>
    withCanonicalSession(query, work, inside() ? 'running' : 'own');
  return {
    client,
    run: (file) => runFile(client, parse, file),
    sql: async (text) => {
      await client.query(text);
    },
    gate: async () => String((await query(gateSql(defaultSchemaOptions)))[0]?.gate),
    hashes: () => canonical(() => readClassHashes(query, defaultSchemaOptions)),
    objects: (classes) => canonical(() => readObjects(query, defaultSchemaOptions, classes)),
  };
}

async function runFile(client: pg.Client, parse: Parser, file: SqlFile): Promise<ScratchFailure | null> {
  const parsed = parse(file.text);
  const statements = parsed.ok === true ? parsed.statements : null;
  const pieces =
    file.directives.noTransaction && statements !== null
      ? statements.filter((statement) => !isServerWide(statement))
      : [{ text: withoutServerWide(file, parse), start: 0 }];
  for (const [i, { text, start }] of pieces.entries()) {
    try {
      await client.query(`${text}\n`);
    } catch (error) {
      const prefixLength = -[...file.text.slice(0, start)].length;
      const sent = { path: file.path, text: file.text, statements, prefixLength };
      const { message, options } = describeSqlError(error as DatabaseError, sent, i);
      const { line, column } = options.location ?? {};
      return {
        message,
        ...(line === undefined ? {} : { line }),
        ...(column === undefined ? {} : { column }),
      };
    }
  }
  await client.query(resetSql);
  return null;
}
