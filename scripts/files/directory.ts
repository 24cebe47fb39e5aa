// Takes the migrations directory; gives its pairs, checksums and directives, and every problem of names and bytes.
// It knows nothing of databases; what the SQL says is check.ts's work.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { sep } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { shownPath } from '../base/paths.ts';
import { skipBlank } from '../base/positions.ts';
import { leadsOut } from '../base/project-file.ts';
import type { Direction, Directives, Migration, SqlFile } from '../base/types.ts';
import { allowPauses, saveMemory } from '../base/v8-heap.ts';
import { checksumOfFile, decode } from './decode.ts';
import { readDirectives } from './directives.ts';
import type { FileCache, Known, KnownFile } from './file-cache.ts';

/** What is wrong with one file; the line is 1-based. */
export interface FileProblem {
  readonly file: string;
  readonly line?: number;
  readonly message: string;
  /** Set where the text is at fault, not its name, its bytes or its partner. */
  readonly isContent?: true;
  /** Set where the file holds no statement, and should. */
  readonly isEmpty?: true;
}

/** The migrations of a directory. */
export interface MigrationList {
  readonly count: number;
  /** Oldest first. Made when first asked for: where no file has changed, that may wait until the server is at work. */
  all(): readonly Migration[];
}

export interface Loaded extends MigrationList {
  readonly problems: readonly FileProblem[];
  /** Those whose bytes no cache knew, so that their SQL has not been looked at yet. */
  readonly unchecked: readonly SqlFile[];
  /** All that were read, by name, for the cache. */
  readonly read: ReadonlyMap<string, SqlFile>;
}

const fileName = /^(\d{14})_([a-z0-9][a-z0-9_-]*)\.(up|down)\.sql$/;
const ignored = (name: string) => name.startsWith('.') || name === 'README.md';

/**
 * Reads all pairs of a directory, oldest first.
 * @param directory absolute path
 * @param root what shown paths are relative to
 * @param cache spares reading the files that it knows
 * @param mayBeMissing a directory that is not there then holds nothing
 * @throws MigrateError `usage` when the directory cannot be read; file problems are returned, all of them.
 */
export function readMigrations(
  directory: string,
  root: string,
  cache?: Pick<FileCache, 'look'>,
  mayBeMissing = false,
): Loaded {
  const names = mayBeMissing && !existsSync(directory) ? [] : listDirectory(directory, root);
  allowPauses(names.length);
  const known = cache?.look(names);
  const shown = shownPath(root, directory);
  const onDemand = filesOnDemand(directory, shown);
  if (known?.isEverything) return unchanged(names, known, onDemand);
  saveMemory(names.length);
  const problems: FileProblem[] = [];
  const pairs = new Map<string, Partial<Record<Direction, SqlFile>>>();
  const read = new Map<string, SqlFile>();
  const unproven = new Set<SqlFile>();
  for (const [i, name] of names.entries()) {
    const file = below(shown, name);
    const [, version, title, side] = fileName.exec(name) ?? [];
    if (side === undefined) {
      problems.push({ file, message: nameProblem(name) });
      continue;
    }
    const direction = side as Direction;
    const cached = known?.get(i);
    const sql =
      cached === undefined
        ? readSqlFile(`${directory}${sep}${name}`, file, direction, problems)
        : knownFile(onDemand, name, cached);
    if (cached === undefined) read.set(name, sql);
    if (cached === undefined && known?.passed(i, sql.checksum) !== true) unproven.add(sql);
    const id = `${version}_${title}`;
    pairs.set(id, { ...pairs.get(id), [direction]: sql });
  }
  const both = [...pairs.values()].flatMap(({ up, down }) => [up, down]);
  const unchecked = both.filter((sql) => sql !== undefined && unproven.has(sql)) as SqlFile[];
  const migrations = toMigrations(pairs, shown, problems);
  return { count: migrations.length, all: () => migrations, problems, unchecked, read };
}

/** Names that nothing is wrong with come in pairs, the down before the up. */
function unchanged(
  names: readonly string[],
  known: Known,
  onDemand: Readonly<Record<string, unknown>>,
): Loaded {
  const fileAt = (i: number) => knownFile(onDemand, names[i] ?? '', known.get(i) as KnownFile);
  const pairAt = (at: number): Migration => {
    const id = (names[at] ?? '').slice(0, -'.down.sql'.length);
    return { id, version: id.slice(0, 14), name: id.slice(15), up: fileAt(at + 1), down: fileAt(at) };
  };
  const count = names.length / 2;
  let made: readonly Migration[] | undefined;
  const all = () => {
    made ??= Array.from({ length: count }, (_, i) => pairAt(2 * i));
    return made;
  };
  return { count, all, problems: [], unchecked: [], read: new Map() };
}

function knownFile(
  onDemand: Readonly<Record<string, unknown>>,
  name: string,
  { checksum: expected, directives }: KnownFile,
): SqlFile {
  return { __proto__: onDemand, name, checksum: expected, directives } as unknown as SqlFile;
}

/**
 * What the files of a directory have in common whose text is read when it is asked for, which most runs do for the
 * pending ones only. Getters of a closure each, times twenty thousand, are what a run with nothing to do would be made of.
 */
function filesOnDemand(directory: string, shown: string): Readonly<Record<string, unknown>> {
  return {
    get path(): string {
      const { name } = this as unknown as { name: string };
      return below(shown, name);
    },
    get text(): string {
      const { name, path, checksum: expected } = this as unknown as SqlFile & { name: string };
      const bytes = readFileSync(`${directory}${sep}${name}`);
      if (checksumOfFile(bytes) === expected) return decode(bytes).text;
      throw new MigrateError('usage', `${path} was changed while this command ran`, {
        hint: 'Run the same command again.',
      });
    },
  };
}

/** Shown paths have slashes on every system; empty is the root itself. */
const below = (shown: string, name: string) => (shown === '' ? name : `${shown}/${name}`);

function nameProblem(name: string): string {
  return `name is not <14-digit version>_<name>.up.sql or .down.sql with a-z, 0-9, _ and - (make migrate-new name=… makes a right one)${name.endsWith('.sql') ? '' : '; move other files out of this directory'}`;
}

function listDirectory(directory: string, root: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => !ignored(name))
      .sort();
  } catch (cause) {
    throw new MigrateError(
      'usage',
      `Cannot read the migrations directory ${shownPath(root, directory) || '.'}: ${(cause as Error).message}`,
      {
        hint: 'Create it, or name another one with --dir.',
        cause,
      },
    );
  }
}

function readSqlFile(path: string, file: string, direction: Direction, problems: FileProblem[]): SqlFile {
  const bytes = readBytes(path, file, problems);
  const { text, faults, isText } = decode(bytes);
  problems.push(...faults.map((fault) => ({ file, ...fault })));
  if (!isText) return { path: file, text, checksum: checksumOfFile(bytes), directives: noDirectives };
  const { directives, problems: wrong } = readDirectives(text, direction);
  problems.push(...wrong.map((problem) => ({ file, ...problem, isContent: true as const })));
  if (directives.irreversible === undefined && skipBlank(text, 0) >= text.length) {
    problems.push({ file, message: emptyProblem(direction), isEmpty: true });
  } else if (directives.irreversible !== undefined && skipBlank(text, 0) < text.length) {
    problems.push({ file, message: 'is marked irreversible, yet holds statements: keep one of the two' });
  }
  return { path: file, text, checksum: checksumOfFile(bytes), directives };
}

const noDirectives: Directives = { noTransaction: false, allow: [] };

function emptyProblem(direction: Direction): string {
  return direction === 'up'
    ? 'is empty: it holds no statement'
    : 'is empty: write what reverts the up, or "-- migrate: irreversible <reason>"';
}

function readBytes(path: string, file: string, problems: FileProblem[]): Buffer {
  try {
    if (leadsOut(path)) {
      const message = 'is a symbolic link to a file outside of this directory: put the file itself here';
      problems.push({ file, message });
      return Buffer.from('-- unread');
    }
    return readFileSync(path);
  } catch (cause) {
    problems.push({ file, message: `cannot be read: ${(cause as Error).message}` });
    return Buffer.from('-- unreadable');
  }
}

function toMigrations(
  pairs: ReadonlyMap<string, Partial<Record<Direction, SqlFile>>>,
  directory: string,
  problems: FileProblem[],
): Migration[] {
  const migrations: Migration[] = [];
  let twin = '';
  for (const id of [...pairs.keys()].sort()) {
    const { up, down } = pairs.get(id) ?? {};
    const version = id.slice(0, 14);
    if (twin.startsWith(version)) {
      problems.push({
        file: below(directory, `${id}.up.sql`),
        message: `has the same version as ${twin}: give one of them another (make migrate-new makes a fresh one)`,
      });
    }
    twin = id;
    if (up === undefined)
      problems.push({ file: below(directory, `${id}.down.sql`), message: `has no partner ${id}.up.sql` });
    if (down === undefined) {
      problems.push({
        file: below(directory, `${id}.up.sql`),
        message: `has no partner ${id}.down.sql; for a change that cannot be reverted write one that holds "-- migrate: irreversible <reason>"`,
      });
    }
    if (up !== undefined && down !== undefined)
      migrations.push({ id, version, name: id.slice(15), up, down });
  }
  return migrations;
}
