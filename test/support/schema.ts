// Takes a test database; gives the schema stage's view of it: a query function, gate, snapshot and what changed.
// It knows nothing of migrations.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { changeTokenSql } from '../../scripts/schema/catalog/change-token.ts';
import { fingerprint, readPortableHashes } from '../../scripts/schema/catalog/fingerprint.ts';
import {
  differingClasses,
  readClassHashes,
  readObjects,
  withCanonicalSession,
} from '../../scripts/schema/catalog/snapshot.ts';
import { type Difference, diffSnapshots } from '../../scripts/schema/change/diff.ts';
import {
  defaultSchemaOptions,
  type Query,
  type SchemaOptions,
  type Snapshot,
} from '../../scripts/schema/types.ts';

/** Anything with pg's `query`. */
interface Connection {
  // biome-ignore lint/suspicious/noExplicitAny: pg gives an array for a batch, which its types leave out
  query(text: string, values?: unknown[]): Promise<any>;
}

/** The change token of the connected database; compare it only with one read from the same database. */
export async function readChangeToken(query: Query, options: SchemaOptions): Promise<string> {
  const [row] = await query(changeTokenSql(options));
  return String(row?.token);
}

/** Hashes and objects together; call it inside `withCanonicalSession`. */
async function readSnapshot(query: Query, options: SchemaOptions): Promise<Snapshot> {
  const classes = await readClassHashes(query, options);
  return { classes, objects: await readObjects(query, options) };
}

/** The rows of the last statement of a batch. */
export function queryOn(connection: Connection): Query {
  return async (text, values) => {
    const results = [await connection.query(text, values)].flat();
    return results.at(-1).rows;
  };
}

/**
 * The same on a connection of its own, for reading a schema many times: planning the catalog queries takes six times as
 * long as running them, so each is planned once. What the connection prepared must not be discarded.
 */
export function preparedQueryOn(connection: pg.Client): Query {
  const query = queryOn(connection);
  return async (text, values) => {
    if (text.length < 1000) return query(text, values);
    const name = createHash('md5').update(text).digest('hex');
    return (await connection.query({ name, text, ...(values === undefined ? {} : { values }) })).rows;
  };
}

/** A file of test/fixtures/schema. */
export function schemaFixture(name: string): string {
  return readFileSync(join(import.meta.dirname, '..', 'fixtures', 'schema', name), 'utf8');
}

export function snapshotOf(
  query: Query,
  options: SchemaOptions = defaultSchemaOptions,
  transaction: 'own' | 'running' = 'own',
): Promise<Snapshot> {
  return withCanonicalSession(query, () => readSnapshot(query, options), transaction);
}

export async function fingerprintOf(
  query: Query,
  options: SchemaOptions = defaultSchemaOptions,
): Promise<string> {
  return fingerprint(await withCanonicalSession(query, () => readPortableHashes(query, options)));
}

/** What differs from the snapshot now; fetches only the classes whose hashes differ, as the product does. */
export function changesSince(
  before: Snapshot,
  query: Query,
  options: SchemaOptions = defaultSchemaOptions,
  transaction: 'own' | 'running' = 'own',
): Promise<Difference[]> {
  return withCanonicalSession(
    query,
    async () => {
      const classes = differingClasses(before.classes, await readClassHashes(query, options));
      const expected = before.objects.filter((object) => classes.includes(object.class));
      return diffSnapshots(expected, await readObjects(query, options, classes));
    },
    transaction,
  );
}
