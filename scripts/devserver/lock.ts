// Takes the path of a lock file and some work; gives the work's result, run by one process at a time. A lock whose
// holder died is taken over. It must not know what the work is.
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { MigrateError } from '../base/errors.ts';

/** A holder that lives longer than this (ms) is another program that was given the same process id. */
const longestHold = 300_000;
/** A lock file that is still empty after this time (ms) was left by a process that died while writing it. */
const longestWrite = 5_000;
const pollInterval = 50;

/**
 * Runs `work` while holding the lock file. While waiting, `meanwhile` may find that the work is done already.
 * A takeover can, in a race of microseconds, let two processes in: the work must bear that (initdb ends in a rename,
 * and the postmaster has a lock of its own); the lock saves them from doing it twice.
 * @throws MigrateError `locked` after `timeout` ms
 */
export async function withStartLock<T>(
  path: string,
  timeout: number,
  meanwhile: () => Promise<T | undefined>,
  work: () => Promise<T>,
): Promise<T> {
  const deadline = Date.now() + timeout;
  while (!take(path)) {
    const done = await meanwhile();
    if (done !== undefined) return done;
    if (Date.now() > deadline) {
      throw new MigrateError(
        'locked',
        'Another process has been starting the embedded PostgreSQL for too long.',
        {
          hint: `If there is no such process, delete ${path}`,
        },
      );
    }
    if (isAbandoned(path)) rmSync(path, { force: true });
    else await delay(pollInterval);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function take(path: string): boolean {
  try {
    writeFileSync(path, `${process.pid}\n`, { flag: 'wx', mode: 0o644 });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Windows refuses a name whose file is about to go, for another process has it open.
    if (code === 'EEXIST' || (code === 'EPERM' && process.platform === 'win32')) return false;
    throw error;
  }
}

function isAbandoned(path: string): boolean {
  try {
    const age = Date.now() - statSync(path).mtimeMs;
    const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
    if (!(pid > 0)) return age > longestWrite;
    return age > longestHold || !isAlive(pid);
  } catch {
    return false; // released this very moment
  }
}

/** True when a process of this id exists, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
