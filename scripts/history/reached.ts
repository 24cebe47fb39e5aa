// Takes a session whose stamp agrees with MIGRATE_ENV; refuses where its address is that of another environment, and where
// a protected database is on another server than it was stamped on. It is asked before the first write of a run.
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { MigrateError } from '../base/errors.ts';
import { isBoundHere, namesakes, refuseReached } from '../config/binding.ts';
import type { Config } from '../config/config.ts';
import { canonicalHost, isLoopback } from '../config/host.ts';
import { isProtected } from '../config/protection.ts';
import { streamOf } from '../connection/connect.ts';
import type { Session } from '../connection/session.ts';
import type { History } from '../ledger/ledger.ts';
import { type Place, readPlace } from '../ledger/stamp.ts';

/** How long (ms) a name server may take; what it does not know by then stands for nothing. */
const patience = 2000;

/** Addresses of a host. */
type Resolve = (host: string) => Promise<readonly string[]>;

/**
 * @param history with the stamp, null before the first write, and the place that the database had then
 * @returns what is worth a line, or null
 * @throws MigrateError `refused` naming the environment whose address was reached, or the place that was stamped
 */
export async function refuseOtherPlace(
  session: Pick<Session, 'client' | 'query' | 'login' | 'target'>,
  config: Config,
  { environment, place }: Pick<History, 'environment' | 'place'>,
  resolve: Resolve = addressesOf,
): Promise<string | null> {
  await refuseOtherAddress(session, config, resolve);
  // Where a host is bound, a restore, a failover or an upgrade behind its name is meant.
  if (environment === null || place === null || !isProtected(config, environment) || isBoundHere(config))
    return null;
  const here = await readPlace(session);
  const moved = isElsewhere(place, here);
  const isOther = place.system !== null && here.system !== null && place.system !== here.system;
  // A tunnel ends on this machine, wherever it begins: there another server is no upgrade of the one that was stamped.
  if (isOther && (moved || isLoopback(here.host))) throw otherServer(environment, place, here);
  if (!isOther && !moved && place.database === here.database) return null;
  return `${environment} was stamped at ${identity(place)}, and is reached at ${identity(here)}: restored, copied, upgraded, after a failover or by another way. ${meant(environment)}`;
}

async function refuseOtherAddress(
  session: Pick<Session, 'client'>,
  config: Config,
  resolve: Resolve,
): Promise<void> {
  const { remoteAddress } = streamOf(session.client);
  const others = namesakes(config);
  if (remoteAddress === undefined || others.length === 0) return;
  const names = [...new Set(others.map(({ host }) => host))].filter((host) => isName(host));
  const found = await Promise.all(
    names.map(
      async (host): Promise<[string, readonly string[]]> => [host, await resolve(host).catch(() => [])],
    ),
  );
  refuseReached(config, remoteAddress, new Map(found));
}

/** No pattern, no address, no folder of a socket. */
const isName = (host: string) => isIP(host) === 0 && /^[\w.-]+$/.test(host);

async function addressesOf(host: string): Promise<readonly string[]> {
  const { lookup } = await import('node:dns/promises');
  const known = lookup(host, { all: true }).then((all) => all.map(({ address }) => address));
  const limit = new AbortController();
  const late = delay(patience, [], { signal: limit.signal, ref: false });
  return Promise.race([known, late]).finally(() => limit.abort());
}

/** Neither the host nor its address is what it was. */
function isElsewhere(stamped: Place, here: Place): boolean {
  return canonicalHost(stamped.host) !== canonicalHost(here.host) && stamped.address !== here.address;
}

/** A dump that was restored on another server has the stamp, but not the identity. */
function otherServer(environment: string, stamped: Place, here: Place): MigrateError {
  return new MigrateError(
    'refused',
    `This database is stamped ${environment}, and its server is not the one where it was stamped`,
    {
      problems: [`stamped: ${identity(stamped)}`, `here: ${identity(here)}`],
      hint: `If it is a copy, stamp it as what it is: make migrate-environment set=staging confirm=${environment}. ${meant(environment)}`,
      state: 'Nothing was changed.',
    },
  );
}

const meant = (environment: string) =>
  `If this is ${environment} from now on: make migrate-environment set=${environment} confirm=${environment}. Where environments.${environment}.host is in db/config.json, its host counts instead.`;

const at = ({ host, address }: Place) =>
  address === null || address === host ? host : `${host} (${address})`;

const identity = (place: Place) =>
  `database ${place.database} of server ${place.system ?? 'unknown'}, at ${at(place)}`;
