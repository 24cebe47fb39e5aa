// Takes the folder of an embedded server; deletes what the tool has made there and nothing else. It stops no server.
import { existsSync, lstatSync, readdirSync, realpathSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { substituteFor } from './account.ts';
import { clusterOf } from './cluster.ts';

/** What the tool puts beside the cluster; a number is the process that a file belongs to. */
const made = /^(?:cluster(?:\.\d+)?|password\.\d+|port|server\.log|start\.lock)$/;

/**
 * Asked before anything is stopped or deleted.
 * @throws MigrateError `refused` where the folder, or the one around it, is a link that the tool did not make, or where
 *   the cluster in it was not made by the tool
 */
export function refuseForeign(dataDirectory: string): void {
  const path = resolve(dataDirectory);
  for (const place of [path, dirname(path)]) {
    const isLink = lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    if (!isLink || (place === path && leadsToSubstitute(path))) continue;
    throw foreign(`${place} is a link to ${existsSync(place) ? realpathSync(place) : 'nothing'}`, place);
  }
  const cluster = clusterOf(path);
  if (
    isReadable(cluster) &&
    existsSync(join(cluster, 'PG_VERSION')) &&
    !existsSync(join(cluster, 'superuser.password'))
  )
    throw foreign(`${cluster} is a cluster that this tool did not make`, cluster);
}

function leadsToSubstitute(path: string): boolean {
  const substitute = substituteFor(path);
  return existsSync(path) && existsSync(substitute) && realpathSync(path) === realpathSync(substitute);
}

function isReadable(folder: string): boolean {
  try {
    return readdirSync(folder).length > 0;
  } catch {
    return false;
  }
}

function foreign(what: string, place: string): MigrateError {
  return new MigrateError('refused', `${what}: only what this tool has made is stopped and deleted`, {
    hint: `Move ${place} away, or name its database with DATABASE_URL.`,
    state: 'Nothing was changed.',
  });
}

/** Deletes cluster, log, port and lock, then the folder where nothing else is left in it, and the link to it. */
export function deleteMade(dataDirectory: string): void {
  const home = realpathSync(dataDirectory);
  for (const name of readdirSync(home)) {
    if (made.test(name)) rmSync(join(home, name), { recursive: true, force: true, maxRetries: 5 });
  }
  if (readdirSync(home).length > 0) return;
  rmdirSync(home);
  if (lstatSync(dataDirectory, { throwIfNoEntry: false })?.isSymbolicLink())
    rmSync(dataDirectory, { force: true });
}
