// Takes a cluster's folder; gives what its postmaster.pid says, whether that server lives and answers, and stops it.
// It must not start anything, and knows neither passwords nor accounts.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from './lock.ts';

/** The lines of postmaster.pid that matter here (src/include/utils/pidfile.h). */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

export const loopback = '127.0.0.1';
const pollInterval = 25;

/**
 * What the running server wrote about itself; undefined when there is no such file or it is still being written, and
 * when it tells of another folder: then this one is a copy, made while the original's server was running.
 * @throws the error of the file system, where the file is there and cannot be read
 */
export function readPostmaster(cluster: string): Postmaster | undefined {
  const lines = readText(join(cluster, 'postmaster.pid'))?.split(/\r?\n/);
  const pid = Number.parseInt(lines?.[0] ?? '', 10);
  const port = Number.parseInt(lines?.[3] ?? '', 10);
  return pid > 0 && port > 0 && isSameFolder(lines?.[1], cluster) ? { pid, port } : undefined;
}

/** On Windows PostgreSQL writes slashes. */
export function isSameFolder(
  written: string | undefined,
  cluster: string,
  system: NodeJS.Platform = process.platform,
): boolean {
  if (system !== 'win32') return written === cluster;
  return written?.toLowerCase() === cluster.replaceAll('\\', '/').toLowerCase();
}

/**
 * A file of the server as text; undefined where it is not there.
 * @throws the error of the file system, whatever else is wrong
 */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * The running server when a PostgreSQL answers at its port, without any child process. The status line tells that
 * it takes connections (https://www.postgresql.org/docs/16/storage-file-layout.html).
 * @throws the error of the file system, where the file is there and cannot be read
 */
export async function answeringPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const postmaster = readPostmaster(cluster);
  if (postmaster === undefined || !isAlive(postmaster.pid)) return undefined;
  const status = readText(join(cluster, 'postmaster.pid'))?.split('\n')[7]?.trim();
  if (status !== 'ready') return undefined;
  return (await speaksPostgres(postmaster.port)) ? postmaster : undefined;
}

/** Sends an SSLRequest, which a PostgreSQL server answers with one byte, S or N. */
function speaksPostgres(port: number): Promise<boolean> {
  const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
  return new Promise((resolve) => {
    const socket = connect({ host: loopback, port });
    const answer = (verdict: boolean) => {
      socket.destroy();
      resolve(verdict);
    };
    socket.setTimeout(3_000, () => answer(false));
    socket.once('connect', () => socket.write(sslRequest));
    socket.once('data', (data) => answer(data[0] === 0x4e || data[0] === 0x53));
    socket.once('error', () => answer(false));
    socket.once('close', () => answer(false));
  });
}

/**
 * The server of this cluster that is alive, ready or not. A process id is given out again after a reboot, so the
 * command line must name this very folder; a zombie has none.
 */
export function livingPostmaster(cluster: string): Postmaster | undefined {
  const postmaster = readPostmaster(cluster);
  if (postmaster === undefined || !isAlive(postmaster.pid)) return undefined;
  const isOurs = process.platform === 'win32' ? isPostgres(postmaster.pid) : isOf(cluster, postmaster.pid);
  return isOurs ? postmaster : undefined;
}

const isOf = (cluster: string, pid: number) => commandLine(pid).includes(`-D ${cluster}`);

/** Windows shows the arguments of a process to nobody cheaply: the program's name must do, beside the folder in its file. */
function isPostgres(pid: number): boolean {
  try {
    const options = { encoding: 'utf8', windowsHide: true } as const;
    return execFileSync('tasklist', ['/FI', `PID eq ${pid}`, '/FO', 'CSV', '/NH'], options).includes(
      'postgres',
    );
  } catch {
    return false;
  }
}

function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux')
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return ''; // gone in the meantime
  }
}

/**
 * Makes a postmaster.pid of a server that is gone harmless when its process id now belongs to another program, which
 * PostgreSQL would take for the server. Only the id is replaced: the shared memory key in the same file must stay,
 * for by it PostgreSQL sees that orphaned backends still use the data.
 * @throws the error of the file system, where the file is there and cannot be read
 */
export function disownStalePid(cluster: string): void {
  const path = join(cluster, 'postmaster.pid');
  const text = readText(path);
  if (text === undefined || livingPostmaster(cluster) !== undefined) return;
  const noSuchProcess = '2147483646';
  writeFileSync(path, text.replace(/^-?\d+/, noSuchProcess));
}

/** Waits until the living server answers; false when it died or `timeout` (ms) passed. */
export async function becomesReady(cluster: string, timeout: number): Promise<boolean> {
  const deadline = Date.now() + timeout;
  while (Date.now() < deadline && livingPostmaster(cluster) !== undefined) {
    if ((await answeringPostmaster(cluster)) !== undefined) return true;
    await delay(pollInterval);
  }
  return false;
}

/** How long (ms) a fast shutdown may take. */
const patience = 30_000;

/**
 * Fast shutdown (sessions are ended, data is written), then after `patience` an immediate one. False: nothing ran.
 * https://www.postgresql.org/docs/16/server-shutdown.html
 */
export async function stopPostmaster(cluster: string): Promise<boolean> {
  const postmaster = livingPostmaster(cluster);
  if (postmaster === undefined) return false;
  if (process.platform === 'win32') return stopByProgram(cluster);
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    if (!isAlive(postmaster.pid)) break;
    process.kill(postmaster.pid, signal);
    if (await hasEnded(cluster, Date.now() + patience)) break;
  }
  return true;
}

/** Windows has no signals: Node's would end the server as a crash does. pg_ctl lies beside the program that was started. */
function stopByProgram(cluster: string): true {
  const [program = ''] = (readText(join(cluster, 'postmaster.opts')) ?? '').split(' "');
  const stop = (mode: string) => {
    const args = ['stop', '-D', cluster, '-m', mode, '-w', '-t', String(patience / 1000)];
    execFileSync(join(dirname(program), 'pg_ctl'), args, { stdio: 'ignore', windowsHide: true });
  };
  try {
    stop('fast');
  } catch {
    if (livingPostmaster(cluster) !== undefined) stop('immediate');
  }
  return true;
}

async function hasEnded(cluster: string, deadline: number): Promise<boolean> {
  while (livingPostmaster(cluster) !== undefined) {
    if (Date.now() > deadline) return false;
    await delay(pollInterval);
  }
  return true;
}
