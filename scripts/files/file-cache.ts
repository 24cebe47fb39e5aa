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

/** Columns rather than rows: twenty thousand small objects would take longer to read than the files' states. */
interface Stored {
  /** Sorted, with a slash between them. */
  readonly names: string;
  /** All of them, one after the other. */
  readonly checksums: string;
  /** Of each file: size, mtime, ctime (ms), inode; as Float64Array in this machine's order of bytes. */
  readonly states: Buffer;
  /** Where they are not the plain ones, by name. */
  readonly directives: Readonly<Record<string, Directives>>;
  /** Whether these were all the files, so that nothing is wrong with them taken together either. */
  readonly isWhole: boolean;
}

/** One line of JSON before the columns, in the order of `Stored`. */
interface Head extends Pick<Stored, 'directives' | 'isWhole'> {
  /** What the checks are: another build of the tool may refuse what this one accepted. */
  readonly tool: string;
  readonly directory: string;
  /** Length of the names in bytes. */
  readonly names: number;
  /** How many files there are. */
  readonly count: number;
}

const stateLength = 4;
const stateBytes = stateLength * Float64Array.BYTES_PER_ELEMENT;
const checksumLength = 64;
const plain: Directives = { noTransaction: false, allow: [] };
const nothing: Stored = { names: '', checksums: '', states: Buffer.alloc(0), directives: {}, isWhole: false };

/**
 * A file that was changed so shortly before it was looked at (ms) may be changed again without its times telling, so
 * that it is not kept: the coarsest time stamps in use are FAT's, of 2 s. https://git-scm.com/docs/racy-git
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
  const path = join(
    folder,
    `${createHash('sha256')
      .update(`${grammarOf(major)} ${directory}`)
      .digest('hex')
      .slice(0, 24)}.files`,
  );
  const stored = readStored(path, directory);
  let seen: readonly string[] = [];
  let states: Float64Array = new Float64Array();
  let known: Known = { isEverything: false, get: () => undefined };
  return {
    look: (names) => {
      seen = names;
      states = statesOf(directory, names);
      known = compare(stored, names, states);
      return known;
    },
    keep: (read) => {
      if (read.size === 0 && known.isEverything) return;
      const isOld = (i: number) =>
        Math.max(states[i * stateLength + 1] ?? 0, states[i * stateLength + 2] ?? 0) <= lookedAt - racyMs;
      const files = seen.map((name, i) => known.get(i) ?? (isOld(i) ? read.get(name) : undefined));
      write(folder, path, directory, columns(seen, states, files));
    },
  };
}

/** NaN, which equals nothing, where a file cannot be looked at: what is wrong is for its reader to explain. */
function statesOf(directory: string, names: readonly string[]): Float64Array {
  const states = new Float64Array(names.length * stateLength);
  // Inside of it, the system need not follow the whole path for each file.
  const before = enter(directory);
  let at = 0;
  for (const name of names) {
    const { size, mtimeMs, ctimeMs, ino } =
      statOf(before === null ? `${directory}${sep}${name}` : name) ?? unknown;
    states[at] = size;
    states[at + 1] = mtimeMs;
    states[at + 2] = ctimeMs;
    states[at + 3] = ino;
    at += stateLength;
  }
  if (before !== null) process.chdir(before);
  return states;
}

/** Where the process was before; null where it cannot change that, as in a worker thread. */
function enter(directory: string): string | null {
  try {
    const before = process.cwd();
    process.chdir(directory);
    return before;
  } catch {
    return null;
  }
}

const unknown = { size: Number.NaN, mtimeMs: Number.NaN, ctimeMs: Number.NaN, ino: Number.NaN };

function statOf(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function compare(stored: Stored, names: readonly string[], states: Float64Array): Known {
  const known = (at: number, name: string): KnownFile => ({
    checksum: stored.checksums.slice(at * checksumLength, (at + 1) * checksumLength),
    directives: stored.directives[name] ?? plain,
  });
  const now = Buffer.from(states.buffer);
  if (stored.isWhole && stored.names === names.join('/') && stored.states.equals(now))
    return { isEverything: true, get: (i) => known(i, names[i] ?? '') };
  const places = placesOf(stored, names, now);
  return {
    isEverything: false,
    get: (i) => {
      const at = places[i] ?? -1;
      return at === -1 ? undefined : known(at, names[i] ?? '');
    },
  };
}

/** Where the stored file of the same name and state is, or -1. Both lists are sorted, so that one walk finds all. */
function placesOf(stored: Stored, names: readonly string[], states: Buffer): number[] {
  const old = stored.names.split('/');
  let at = 0;
  return names.map((name, i) => {
    while (at < old.length && (old[at] ?? '') < name) at += 1;
    if (old[at] !== name) return -1;
    const [from, to] = [at * stateBytes, (at + 1) * stateBytes];
    return stored.states.compare(states, i * stateBytes, (i + 1) * stateBytes, from, to) === 0 ? at : -1;
  });
}

function columns(
  names: readonly string[],
  states: Float64Array,
  files: readonly (KnownFile | undefined)[],
): Stored {
  const kept = [...names.keys()].filter((i) => files[i] !== undefined);
  const special = kept.filter((i) => JSON.stringify(files[i]?.directives) !== JSON.stringify(plain));
  const bytes = Buffer.from(states.buffer);
  return {
    names: kept.map((i) => names[i] ?? '').join('/'),
    checksums: kept.map((i) => files[i]?.checksum ?? '').join(''),
    states: Buffer.concat(kept.map((i) => bytes.subarray(i * stateBytes, (i + 1) * stateBytes))),
    directives: Object.fromEntries(special.map((i) => [names[i] ?? '', files[i]?.directives ?? plain])),
    isWhole: kept.length === names.length,
  };
}

function readStored(path: string, directory: string): Stored {
  try {
    const bytes = readFileSync(path);
    const end = bytes.indexOf(10);
    const head = JSON.parse(bytes.toString('utf8', 0, end)) as Head;
    const checksums = end + 1 + head.names;
    const states = checksums + head.count * checksumLength;
    if (head.tool !== programName || head.directory !== directory) return nothing;
    if (bytes.length !== states + head.count * stateBytes) return nothing;
    return {
      names: bytes.toString('latin1', end + 1, checksums),
      checksums: bytes.toString('latin1', checksums, states),
      states: bytes.subarray(states),
      directives: head.directives,
      isWhole: head.isWhole,
    };
  } catch {
    return nothing;
  }
}

/** By a rename, so that a run beside this one reads all of it or nothing. Names that nothing is wrong with are ASCII. */
function write(folder: string, path: string, directory: string, stored: Stored): void {
  const { names, checksums, states, directives, isWhole } = stored;
  const head: Head = {
    tool: programName,
    directory,
    directives,
    isWhole,
    names: names.length,
    count: states.length / stateBytes,
  };
  const draft = `${path}.${process.pid}`;
  try {
    mkdirSync(folder, { recursive: true });
    const text = Buffer.from(`${JSON.stringify(head)}\n`);
    writeFileSync(draft, Buffer.concat([text, Buffer.from(names + checksums, 'latin1'), states]));
    renameSync(draft, path);
    prune(folder);
  } catch {
    // A folder that cannot be written (an archive, a read-only image) keeps nothing, and has nothing to be removed.
    if (existsSync(draft)) rmSync(draft, { force: true });
  }
}

function prune(folder: string): void {
  const names = readdirSync(folder);
  if (names.length <= keptDirectories) return;
  const byAge = names
    .map((name) => ({
      path: join(folder, name),
      stat: statSync(join(folder, name), { throwIfNoEntry: false }),
    }))
    .sort((a, b) => (b.stat?.mtimeMs ?? 0) - (a.stat?.mtimeMs ?? 0));
  for (const { path } of byAge.slice(keptDirectories)) rmSync(path, { force: true });
}
