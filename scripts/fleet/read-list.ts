// Takes where a list of databases is: a file, standard input, or a query on a catalog database; gives the targets it names.
import { readFileSync } from 'node:fs';
import { addAbortSignal } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import pg from 'pg';
import { MigrateError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import { connect, streamOf } from '../connection/connect.ts';
import { decode } from '../files/decode.ts';
import { type NamedTarget, readTargetRows, readTargets } from './list.ts';

export interface ListFlags {
  readonly targets?: string;
  readonly targetsQuery?: string;
}

const state = 'Nothing was connected to.';

/** @throws MigrateError `usage` for what is no list, `connection` for a catalog database that does not answer */
export async function listOf(
  config: Config,
  { targets = '', targetsQuery }: ListFlags,
  signal: AbortSignal,
): Promise<readonly NamedTarget[]> {
  if (targets !== '' && targetsQuery !== undefined)
    throw new MigrateError('usage', '--targets and --targets-query exclude each other: give one of them');
  if (targetsQuery !== undefined) return queried(config, targetsQuery, signal);
  const source = targets === '-' ? 'standard input' : targets;
  const bytes = targets === '-' ? await standardInput(signal) : bytesOf(targets);
  const { text, faults } = decode(bytes);
  // Line ends of any kind are fine in a list.
  const [fault] = faults.filter(({ message }) => !message.includes('carriage return'));
  if (fault !== undefined)
    throw new MigrateError('usage', `${source}:${fault.line} ${fault.message}`, { state });
  return readTargets(text, source);
}

/** Whoever types the list may think better of it. */
async function standardInput(signal: AbortSignal): Promise<Buffer> {
  return buffer(addAbortSignal(signal, process.stdin)).catch((cause: Error) => {
    signal.throwIfAborted();
    throw new MigrateError('usage', `Cannot read the list of databases: ${cause.message}`, { state, cause });
  });
}

function bytesOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const reason = path === '' ? '--targets names no file' : (cause as Error).message;
    throw new MigrateError('usage', `Cannot read the list of databases: ${reason}`, { state, cause });
  }
}

/** The list from a catalog database, which DATABASE_URL or PG* name: two columns, name and URL. */
async function queried(config: Config, sql: string, signal: AbortSignal): Promise<readonly NamedTarget[]> {
  if (config.target === undefined)
    throw new MigrateError('usage', '--targets-query needs a catalog database to ask', {
      hint: 'Set DATABASE_URL (or PGHOST …) to the database that knows all others.',
    });
  const client = await connect(config.target, {
    applicationName: 'migrate targets',
    timeoutMs: config.connectTimeoutMs,
    signal,
  });
  const abort = () => void streamOf(client).destroy();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await client.query('SET default_transaction_read_only = on');
    // The protocol of one statement: a second could switch off what the first line sets.
    const one = { text: sql, rowMode: 'array', queryMode: 'extended' } as pg.QueryArrayConfig;
    const { rows } = await client.query<unknown[]>(one);
    return readTargetRows(rows, '--targets-query');
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof MigrateError) throw cause;
    const code = cause instanceof pg.DatabaseError ? 'usage' : 'connection';
    throw new MigrateError(code, `--targets-query does not run: ${(cause as Error).message}`, {
      state: 'No database of the list was connected to.',
      ...(code === 'connection' ? { hint: 'Run the same command again.' } : {}),
      cause,
    });
  } finally {
    signal.removeEventListener('abort', abort);
    await client.end().catch(() => undefined);
  }
}
