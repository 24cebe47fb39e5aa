// Takes a migrations directory; gives what is known of its files that have not changed since they were last read and
// found in order, as git's index does: a file is known by its size, times and inode. It must not know what is in them.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, sep } from 'node:path';
import { packageRoot, programName } from '../base/paths.ts';
import { grammarOf } from '../base/postgres-major.ts';
import type { Directives } from '../base/types.ts';

/** What was found when the file was last read; only files that nothing was wrong with are kept. */
export interface KnownFile {
  readonly checksum: string;
  readonly directives: Directives;
}

/** What is known of a list of files, each by its place in it. */
export interface Known {
  /** True when these are all the files of the last run, and all are as they were then. */
  readonly isEverything: boolean;
  /** Undefined where the file has to be read. */
  get(index: number): KnownFile | undefined;
  /** Whether a file that had to be read has the bytes in which nothing was found wrong. */
  passed(index: number, checksum: string): boolean;
}

export interface FileCache {
  /** Looks at each file as it is now. Names are sorted, and asked for once. */
  look(names: readonly string[]): Known;
  /**
   * Keeps the files for the next run. Call it only when nothing is wrong with any of them.
   * @param read those that were not known, by name
   */
  keep(read: ReadonlyMap<string, KnownFile>): void;
}

/** One line of JSON before the rows. */
interface Head {
  /** What the checks are: another build of the tool may refuse what this one accepted. */
  readonly tool: string;
  readonly directory: string;
  /** Whether the rows are all the files, so that nothing is wrong with them taken together either. */
  readonly isWhole: boolean;
}

/** What the last run left. */
interface Stored {
  readonly isWhole: boolean;
  /** One for each file, sorted: its state, checksum and, where they are not the plain ones, directives as JSON. */
  readonly rows: readonly string[];
}

const checksumLength = 64;
const plain: Directives = { noTransaction: false, allow: [] };
/** Behind the name of a file that is kept by its bytes: no file's state. */
const noState = '\t\t\t\t\t';
const nothing: Stored = { isWhole: false, rows: [] };

/**
 * A file that was changed so shortly before it was looked at (ms) may be changed again without its times telling: it is
 * kept by its bytes alone. The coarsest time stamps in use are FAT's, of 2 s. https://git-scm.com/docs/racy-git
 */
const racyMs = 2000;

/** How many directories are remembered. */
const keptDirectories = 50;

/**
 * Reads what the last run left; a cache that cannot be read is empty, one that cannot be written is not kept.
 * @param major whose grammar found the files in order: what another one found does not count
 */
export function openFileCache(directory: string, major: number): FileCache {
  const lookedAt = Date.now();
  const folder = join(packageRoot, 'dist', '.cache');
  const name = createHash('sha256')
    .update(`${grammarOf(major)} ${directory}`)
    .digest('hex');
  const path = join(folder, `${name.slice(0, 24)}.files`);
  const stored = readStored(path, directory);
  let seen: readonly string[] = [];
  let found: LookedAt = { states: [], changedMs: new Float64Array() };
  let known: Known = { isEverything: false, get: () => undefined, passed: () => false };
  return {
    look: (names) => {
      seen = names;
      found = find(directory, names);
      known = knownOf(stored, names, found.states);
      return known;
    },
    keep: (read) => {
      if (read.size === 0 && known.isEverything) return;
      const isOld = (i: number) => (found.changedMs[i] ?? 0) <= lookedAt - racyMs;
      const rows = seen.flatMap((name, i) => {
        const file = known.get(i) ?? read.get(name);
        if (file === undefined) return [];
        return [rowOf(isOld(i) ? (found.states[i] ?? '') : `${name}${noState}`, file)];
      });
      write(folder, path, { tool: programName, directory, isWhole: rows.length === seen.length }, rows);
    },
  };
}

function knownOf(stored: Stored, names: readonly string[], states: readonly string[]): Known {
  const rows = rowsOf(stored, names, states);
  let checksums: ReadonlyMap<string, string> | undefined;
  return {
    isEverything: stored.isWhole && stored.rows.length === names.length && !rows.includes(undefined),
    get: (i) => fileIn(states[i] ?? '', rows[i]),
    passed: (i, checksum) => {
      checksums ??= checksumsOf(stored);
      return checksums.get(names[i] ?? '') === checksum;
    },
  };
}

/** Files as they are now, by index. */
interface LookedAt {
  /** Name, size, mtime, ctime (ms) and inode, a tab behind each. */
  readonly states: readonly string[];
  readonly changedMs: Float64Array;
}

/** Of a file that cannot be looked at the state is no row's: what is wrong with it is for its reader to explain. */
function find(directory: string, names: readonly string[]): LookedAt {
  const changedMs = new Float64Array(names.length).fill(Number.POSITIVE_INFINITY);
  const states = names.map((name, i) => {
    const stat = statOf(`${directory}${sep}${name}`);
    if (stat === undefined) return '\n';
    const { size, mtimeMs, ctimeMs, ino } = stat;
    changedMs[i] = Math.max(mtimeMs, ctimeMs);
    return `${name}\t${size}\t${mtimeMs}\t${ctimeMs}\t${ino}\t`;
  });
  return { states, changedMs };
}

function statOf(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** The stored row of each file, undefined where it has none. Both lists are sorted, so that one walk finds all. */
function rowsOf(
  { rows }: Stored,
  names: readonly string[],
  states: readonly string[],
): (string | undefined)[] {
  let at = 0;
  return names.map((name, i) => {
    while (at < rows.length && (rows[at] ?? '') < name) at += 1;
    const row = rows[at];
    return row?.startsWith(states[i] ?? '\n') ? row : undefined;
  });
}

/** By name, whatever the file's state was: behind name, size, times and inode. */
function checksumsOf({ rows }: Stored): ReadonlyMap<string, string> {
  return new Map(
    rows.map((row) => {
      const [name = '', , , , , rest = ''] = row.split('\t', 6);
      return [name, rest.slice(0, checksumLength)] as const;
    }),
  );
}

function rowOf(state: string, { checksum, directives }: KnownFile): string {
  const text = JSON.stringify(directives);
  return `${state}${checksum}${text === JSON.stringify(plain) ? '' : `\t${text}`}`;
}

function fileIn(state: string, row: string | undefined): KnownFile | undefined {
  if (row === undefined) return undefined;
  const end = state.length + checksumLength;
  return {
    checksum: row.slice(state.length, end),
    directives: row.length === end ? plain : (JSON.parse(row.slice(end + 1)) as Directives),
  };
}

function readStored(path: string, directory: string): Stored {
  try {
    const [first = '', ...rows] = readFileSync(path, 'utf8').split('\n');
    const head = JSON.parse(first) as Head;
    if (head.tool !== programName || head.directory !== directory) return nothing;
    return { isWhole: head.isWhole, rows };
  } catch {
    return nothing;
  }
}

/** By a rename, so that a run beside this one reads all of it or nothing. */
function write(folder: string, path: string, head: Head, rows: readonly string[]): void {
  const draft = `${path}.${process.pid}`;
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(draft, [JSON.stringify(head), ...rows].join('\n'));
    renameSync(draft, path);
    prune(folder);
  } catch {
    // A folder that cannot be written (an archive, a read-only image) keeps nothing, and has nothing to be removed.
    if (existsSync(draft)) rmSync(draft, { force: true });
  }
}

function prune(folder: string): void {
  const names = readdirSync(folder).filter((name) => name.endsWith('.files'));
  if (names.length <= keptDirectories) return;
  const byAge = names
    .map((name) => ({
      path: join(folder, name),
      stat: statSync(join(folder, name), { throwIfNoEntry: false }),
    }))
    .sort((a, b) => (b.stat?.mtimeMs ?? 0) - (a.stat?.mtimeMs ?? 0));
  for (const { path } of byAge.slice(keptDirectories)) rmSync(path, { force: true });
}
