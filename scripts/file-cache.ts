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
import { join } from 'node:path';
import { packageRoot, toolVersion } from './paths.ts';
import type { Directives } from './types.ts';

/** What was found when the file was last read; only files that nothing was wrong with are kept. */
export interface KnownFile {
  readonly checksum: string;
  readonly directives: Directives;
}

export interface FileCache {
  /** What is known of the file as it is now; undefined when it has to be read. */
  lookup(name: string, path: string): KnownFile | undefined;
  /** Keeps the files for the next run. Call it only when nothing is wrong with any of them. */
  keep(files: ReadonlyMap<string, KnownFile>): void;
}

type Row = readonly [
  name: string,
  size: number,
  mtimeMs: number,
  ctimeMs: number,
  inode: number,
  checksum: string,
  directives: Directives | 0,
];

interface Stored {
  readonly tool: string;
  readonly directory: string;
  readonly rows: readonly Row[];
}

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
  const rows = new Map(readStored(path, tool, directory).map((row) => [row[0], row]));
  const seen = new Map<string, Row>();
  let hits = 0;
  return {
    lookup: (name, file) => {
      const stat = statOf(file);
      if (stat === undefined) return undefined;
      const { size, mtimeMs, ctimeMs, ino } = stat;
      const row = rows.get(name);
      const same =
        row !== undefined && row[1] === size && row[2] === mtimeMs && row[3] === ctimeMs && row[4] === ino;
      if (same) hits += 1;
      seen.set(name, same ? row : [name, size, mtimeMs, ctimeMs, ino, '', 0]);
      return same ? { checksum: row[5], directives: row[6] === 0 ? plain : row[6] } : undefined;
    },
    keep: (files) => {
      if (hits === rows.size && hits === seen.size) return;
      const kept = [...seen.values()].flatMap((row) => keptRow(row, files.get(row[0]), lookedAt));
      write(folder, path, { tool, directory, rows: kept });
    },
  };
}

/** What cannot be looked at is for its reader to explain. */
function statOf(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function keptRow(
  [name, size, mtimeMs, ctimeMs, inode]: Row,
  file: KnownFile | undefined,
  lookedAt: number,
): Row[] {
  if (file === undefined || Math.max(mtimeMs, ctimeMs) > lookedAt - racyMs) return [];
  const { checksum, directives } = file;
  const isPlain = JSON.stringify(directives) === JSON.stringify(plain);
  return [[name, size, mtimeMs, ctimeMs, inode, checksum, isPlain ? 0 : directives]];
}

/** What the checks are: another version of the tool may refuse what this one accepted. */
function toolState(): string {
  try {
    return readFileSync(join(packageRoot, 'dist', '.built'), 'utf8');
  } catch {
    return toolVersion();
  }
}

function readStored(path: string, tool: string, directory: string): readonly Row[] {
  try {
    const stored = JSON.parse(readFileSync(path, 'utf8')) as Stored;
    return stored.tool === tool && stored.directory === directory ? stored.rows : [];
  } catch {
    return [];
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
