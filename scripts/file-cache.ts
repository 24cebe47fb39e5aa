// Takes a migrations directory; gives what is known of its files that have not changed since they were last read and
// found in order, as git's index does: a file is known by its size, times and inode. It must not know what is in them.
import { createHash } from 'node:crypto';
import {
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
import { packageRoot, toolVersion } from './paths.ts';
import type { Directives } from './types.ts';

/** What was found when the file was last read; only files that nothing was wrong with are kept. */
export interface KnownFile {
  readonly checksum: string;
  readonly directives: Directives;
}

export interface FileCache {
  /** What is known of each file as it is now; undefined where it has to be read. Names are sorted, and asked for once. */
  look(names: readonly string[]): readonly (KnownFile | undefined)[];
  /**
   * Keeps the files for the next run. Call it only when nothing is wrong with any of them.
   * @param read those that were not known, by name
   */
  keep(read: ReadonlyMap<string, KnownFile>): void;
}

/** Columns rather than rows: twenty thousand small objects would take longer to read than the files' states. */
interface Stored {
  readonly tool: string;
  readonly directory: string;
  /** Sorted, with a slash between them. */
  readonly names: string;
  /** Of each file: size, mtime, ctime (ms), inode; as Float64Array in base64. */
  readonly states: string;
  /** All of them, one after the other. */
  readonly checksums: string;
  /** Where they are not the plain ones, by name. */
  readonly directives: Readonly<Record<string, Directives>>;
}

const stateLength = 4;
const checksumLength = 64;
const plain: Directives = { noTransaction: false, allow: [] };

/**
 * A file that was changed so shortly before it was looked at (ms) may be changed again without its times telling, so
 * that it is not kept: the coarsest time stamps in use are FAT's, of 2 s. https://git-scm.com/docs/racy-git
 */
const racyMs = 2000;

/** How many directories are remembered. */
const keptDirectories = 50;

/** Reads what the last run left; a cache that cannot be read is empty, one that cannot be written is not kept. */
export function openFileCache(directory: string): FileCache {
  const lookedAt = Date.now();
  const folder = join(packageRoot, 'dist', '.cache');
  const path = join(folder, `${createHash('sha256').update(directory).digest('hex').slice(0, 24)}.json`);
  const tool = toolState();
  const stored = readStored(path, tool, directory);
  let seen: readonly string[] = [];
  let states: Float64Array = new Float64Array();
  let known: (KnownFile | undefined)[] = [];
  return {
    look: (names) => {
      seen = names;
      states = statesOf(directory, names);
      known = compare(stored, names, states);
      return known;
    },
    keep: (read) => {
      if (read.size === 0 && stored.names === joined(seen)) return;
      const isOld = (i: number) =>
        Math.max(states[i * stateLength + 1] ?? 0, states[i * stateLength + 2] ?? 0) <= lookedAt - racyMs;
      const files = seen.map((name, i) => known[i] ?? (isOld(i) ? read.get(name) : undefined));
      write(folder, path, { tool, directory, ...columns(seen, states, files) });
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

/** Both lists of names are sorted, so that one walk finds all that they share. */
function compare(stored: Stored, names: readonly string[], states: Float64Array): (KnownFile | undefined)[] {
  const old = stored.names === joined(names) ? names : stored.names.split('/');
  const oldStates = decoded(stored.states);
  let at = 0;
  return names.map((name, i) => {
    while (at < old.length && (old[at] ?? '') < name) at += 1;
    if (old[at] !== name) return undefined;
    for (let k = 0; k < stateLength; k += 1)
      if (states[i * stateLength + k] !== oldStates[at * stateLength + k]) return undefined;
    const checksum = stored.checksums.slice(at * checksumLength, (at + 1) * checksumLength);
    return { checksum, directives: stored.directives[name] ?? plain };
  });
}

function columns(
  names: readonly string[],
  states: Float64Array,
  files: readonly (KnownFile | undefined)[],
): Pick<Stored, 'names' | 'states' | 'checksums' | 'directives'> {
  const kept = [...names.keys()].filter((i) => files[i] !== undefined);
  const special = kept.filter((i) => JSON.stringify(files[i]?.directives) !== JSON.stringify(plain));
  const keptStates = kept.flatMap((i) => [...states.subarray(i * stateLength, (i + 1) * stateLength)]);
  return {
    names: joined(kept.map((i) => names[i] ?? '')),
    states: Buffer.from(new Float64Array(keptStates).buffer).toString('base64'),
    checksums: kept.map((i) => files[i]?.checksum ?? '').join(''),
    directives: Object.fromEntries(special.map((i) => [names[i] ?? '', files[i]?.directives ?? plain])),
  };
}

function joined(names: readonly string[]): string {
  return names.join('/');
}

function decoded(states: string): Float64Array {
  // A copy of its own: a pooled buffer may begin anywhere.
  return new Float64Array(new Uint8Array(Buffer.from(states, 'base64')).buffer);
}

/** What the checks are: another version of the tool may refuse what this one accepted. */
function toolState(): string {
  try {
    return readFileSync(join(packageRoot, 'dist', '.built'), 'utf8');
  } catch {
    return toolVersion();
  }
}

function readStored(path: string, tool: string, directory: string): Stored {
  const nothing = { tool, directory, names: '', states: '', checksums: '', directives: {} };
  try {
    const stored = JSON.parse(readFileSync(path, 'utf8')) as Stored;
    return stored.tool === tool && stored.directory === directory ? stored : nothing;
  } catch {
    return nothing;
  }
}

/** By a rename, so that a run beside this one reads all of it or nothing. */
function write(folder: string, path: string, stored: Stored): void {
  const draft = `${path}.${process.pid}`;
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(draft, JSON.stringify(stored));
    renameSync(draft, path);
    prune(folder);
  } catch {
    rmSync(draft, { force: true });
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
