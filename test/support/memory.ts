// Takes the machine; gives a folder in memory for what a test run writes, where there is a large one. A database is made of
// some 300 small files: on a disk, making one costs PostgreSQL ten times the processor time.
import { readFileSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** The temporary folder that the run was given; for what should outlive it. */
export const diskFolder = tmpdir();

const shared = '/dev/shm';
/** Bytes: three servers with their databases and logs, and the package managers' installations, take less than half. */
const enough = 6 * 2 ** 30;

/** Makes `tmpdir()` the folder in memory, in this process; TMPDIR from outside is obeyed. */
export function writeToMemory(): void {
  if (process.env.TMPDIR === undefined && isLargeAndRunsPrograms(shared)) process.env.TMPDIR = shared;
}

function isLargeAndRunsPrograms(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    const mount = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .findLast(([, place]) => place === folder);
    return bavail * bsize >= enough && mount !== undefined && !mount[3]!.split(',').includes('noexec');
  } catch {
    return false;
  }
}
