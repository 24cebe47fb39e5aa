// Takes the folder where Prisma or Drizzle keeps its migrations; gives each with the version and name that its pair gets,
// in the order in which that tool applies them. It reads folders and Drizzle's journal, no SQL.
import { type Dirent, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { fromFolderName, normaliseName, secondAfter, stampOf } from '../files/version.ts';

/** One migration of the other tool: 14 digits, a name of ours, and where its SQL is. */
export interface ImportedMigration {
  readonly version: string;
  readonly name: string;
  readonly path: string;
  /** What reverts it, where somebody put a `down.sql` beside it. */
  readonly down: string | null;
}

/** @param shown a path as people are told it */
type Read = (folder: string, shown: (path: string) => string) => readonly ImportedMigration[];

/** What is imported from, and where it keeps its files unless somebody says otherwise. */
export const sqlTools: ReadonlyMap<string, { readonly folder: string; readonly read: Read }> = new Map([
  ['prisma', { folder: 'prisma/migrations', read: readFolders }],
  ['drizzle', { folder: 'drizzle', read: readDrizzle }],
]);

/**
 * A folder for each migration, `20240101120000_name/migration.sql`; a baseline of Prisma's is called `0_init`.
 * @throws MigrateError `usage` for one whose name begins with no number
 */
function readFolders(folder: string, shown: (path: string) => string): ImportedMigration[] {
  const sources = entriesOf(folder, shown)
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'migration.sql')))
    .map(({ name }) => name)
    .sort()
    .map((folderName) => {
      const place = join(folder, folderName);
      const found = fromFolderName(folderName);
      if (found === null)
        throw wrong(`${shown(place)} begins with no number, so no version can be made of it`);
      const down = join(place, 'down.sql');
      return {
        version: found.version,
        name: usableName(found.name),
        path: join(place, 'migration.sql'),
        down: existsSync(down) ? down : null,
      };
    });
  return told(sources);
}

/** Those of one second run in the order in which they are given: each gets the second after the one before it. */
function told(sources: readonly ImportedMigration[]): ImportedMigration[] {
  let first = '';
  let last = '';
  return sources.map((source) => {
    const isTold = source.version > last || source.version < first;
    if (isTold) first = source.version;
    last = isTold ? source.version : secondAfter(last);
    return { ...source, version: last };
  });
}

interface JournalEntry {
  readonly idx: number;
  readonly when: number;
  readonly tag: string;
}

/**
 * `0000_name.sql` beside `meta/_journal.json`, which says when each was made (ms) and in which order; from Drizzle 1.0 on a
 * folder for each, as Prisma has them.
 */
function readDrizzle(folder: string, shown: (path: string) => string): ImportedMigration[] {
  const path = join(folder, 'meta', '_journal.json');
  if (!existsSync(path)) {
    const sources = readFolders(folder, shown);
    if (sources.length > 0) return sources;
  }
  const entries = [...readJournal(path, shown)].sort((a, b) => a.idx - b.idx);
  const sources = entries.map(({ when, tag }) => ({
    version: stampOf(String(when)) ?? '',
    name: usableName(tag.replace(/^\d+_/, '')),
    path: join(folder, `${tag}.sql`),
    down: null,
  }));
  const isInOrder = entries.every(
    ({ when }, i) => when > (entries[i - 1]?.when ?? 0) && sources[i]?.version !== '',
  );
  return isInOrder ? told(sources) : sources;
}

function readJournal(path: string, shown: (path: string) => string): readonly JournalEntry[] {
  let content: { entries?: unknown } | null;
  try {
    content = JSON.parse(readFileSync(path, 'utf8').replace(/^\ufeff/, ''));
  } catch (cause) {
    throw wrong(`Cannot read ${shown(path)}: ${(cause as Error).message}`, cause);
  }
  const entries = content?.entries;
  // A tag is a file's name: one that leads elsewhere is none.
  const isEntry = (entry: Partial<JournalEntry> | null) =>
    Number.isInteger(entry?.idx) &&
    Number.isInteger(entry?.when) &&
    typeof entry?.tag === 'string' &&
    !/[\\/]/.test(entry.tag);
  if (!Array.isArray(entries) || !entries.every(isEntry))
    throw wrong(`${shown(path)} is no journal of Drizzle's: it lacks entries with idx, when and tag`);
  return entries as readonly JournalEntry[];
}

/** Letters and digits of any name; `migration` where it has none that a file's name here may have. */
function usableName(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .replace(/[^A-Za-z0-9]+/g, ' ')
    .trim();
  return plain === '' ? 'migration' : normaliseName(plain.slice(0, 100).trim());
}

function entriesOf(folder: string, shown: (path: string) => string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (cause) {
    throw wrong(`Cannot read ${shown(folder)}: ${(cause as Error).message}`, cause);
  }
}

function wrong(message: string, cause?: unknown): MigrateError {
  return new MigrateError('usage', message, { state: 'Nothing was written.', cause });
}
