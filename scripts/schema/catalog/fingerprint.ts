// Takes the objects of a schema, or a way to query them; gives one short text for the whole schema, equal on every
// server of the same major version. It must not know files or configuration.

import { createHash } from 'node:crypto';
import {
  type ClassHashes,
  type ObjectClass,
  objectClasses,
  type Query,
  type SchemaObject,
  type SchemaOptions,
} from '../types.ts';
import { canonicalDefinition, hasSpellings, hasSpellingsSql } from './canonical.ts';
import { completeHashes, objectsSql } from './snapshot.ts';

/** The first 16 hex digits of the sha256 over the class hashes; the order of columns and the distribution over nodes do not count. */
export function fingerprint(classes: ClassHashes): string {
  const counted = objectClasses.filter((name) => name !== 'column-order' && name !== 'distribution');
  const text = counted.map((name) => `${name}:${classes[name]}\n`).join('');
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** What belongs to an environment, not to a release: roles' rights, who logs in elsewhere as whom, settings of database and roles, what is received from another server, what is spread over which nodes. */
const ofEnvironment: readonly string[] = [
  ...['owner', 'grant', 'default-privileges', 'setting'],
  ...['user-mapping', 'subscription'],
  // A development server need not be a cluster.
  'distribution',
];

/** Whether the fingerprint counts this class of objects; drift compares the others as well, within one environment. */
export function isPortable(name: string): boolean {
  return !ofEnvironment.includes(name);
}

/** The fingerprint of a schema, the same in every environment and whether or not owners and grants are compared. */
export function portableFingerprint(hashes: ClassHashes): string {
  const without = Object.entries(hashes).filter(([name]) => isPortable(name));
  return fingerprint(completeHashes(new Map(without)));
}

/** Which version of an extension a server offers is the server's business: its definition is not taken as it is. */
const isNormalized = (object: SchemaObject) => object.class === 'extension' || hasSpellings(object);

/**
 * The same as an SQL condition on `class` and a column with one definition, or with all of a class. Its operators are
 * written in full, for the application's gate asks under any search path.
 */
export const isNormalizedSql = (column: string) =>
  `(class OPERATOR(pg_catalog.=) 'extension' OR ${hasSpellingsSql(column)})`;

/** The objects as servers have them in common that offer other versions of an extension. */
export function withoutVersions(objects: readonly SchemaObject[]): SchemaObject[] {
  return objects.map((object) =>
    object.class === 'extension'
      ? { ...object, definition: object.definition.replace(/^version=.*\n?/m, '') }
      : object,
  );
}

const digest = (text: string) => createHash('md5').update(text).digest('hex');

/** As the server joins the objects of a class before it takes the md5. */
function join(objects: readonly { identity: string; definition: string }[]): string {
  const entries = objects.map(({ identity, definition }) => ({
    key: Buffer.from(identity),
    text: `${identity}\n${definition}`,
  }));
  return entries
    .sort((a, b) => Buffer.compare(a.key, b.key) || (a.text < b.text ? -1 : 1))
    .map(({ text }) => text)
    .join('\n\n');
}

/** @param plain the md5 of the objects that need no normalizing */
function hashOf(plain: string, normalized: readonly SchemaObject[]): string {
  if (normalized.length === 0) return plain;
  const objects = withoutVersions(normalized).map((object) => ({
    ...object,
    definition: canonicalDefinition(object),
  }));
  return digest(`${plain}\n${join(objects)}`);
}

/**
 * One md5 per class, equal on every server of the same major version however the schema came there: by its migrations,
 * by a dump or by db/schema.sql. One round trip; call it inside `withCanonicalSession`. The server hashes all but the
 * objects whose definitions have more than one spelling.
 */
export async function readPortableHashes(query: Query, options: SchemaOptions): Promise<ClassHashes> {
  const plain = `identity || E'\\n' || definition, E'\\n\\n' ORDER BY identity COLLATE "C", definition COLLATE "C"`;
  const rows = await query(`${objectsSql(options, objectClasses)}
SELECT class, md5(coalesce(string_agg(${plain}) FILTER (WHERE NOT normalized), '')) AS plain,
  json_agg(json_build_array(identity, definition)) FILTER (WHERE normalized)::text AS normalized
FROM (SELECT *, ${isNormalizedSql('definition')} AS normalized FROM object) AS o GROUP BY class`);
  return completeHashes(
    new Map(
      rows.map((row) => {
        const found = JSON.parse(String(row.normalized ?? '[]')) as [string, string][];
        const objects = found.map(([identity, definition]) => ({
          class: row.class as ObjectClass,
          identity,
          definition,
        }));
        return [row.class, hashOf(String(row.plain), objects)];
      }),
    ),
  );
}

/** The same of objects that are here already. */
export function portableHashes(objects: readonly SchemaObject[]): ClassHashes {
  const found = objectClasses.map((name): [string, string] => {
    const own = objects.filter((object) => object.class === name);
    const plain = own.filter((object) => !isNormalized(object));
    return [name, hashOf(digest(join(plain)), own.filter(isNormalized))];
  });
  return completeHashes(new Map(found));
}
