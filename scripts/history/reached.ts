// Takes a session on a database without a stamp; refuses where its address is that of another environment. A stamp says
// what a database is, so that nothing is looked up where there is one.
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { namesakes, refuseReached } from '../config/binding.ts';
import type { Config } from '../config/config.ts';
import { streamOf } from '../connection/connect.ts';
import type { Session } from '../connection/session.ts';

/** How long (ms) a name server may take; what it does not know by then stands for nothing. */
const patience = 2000;

/** Addresses of a host. */
type Resolve = (host: string) => Promise<readonly string[]>;

/**
 * @param stamp what the database says it is; null before its first write
 * @throws MigrateError `refused` naming the environment whose address was reached
 */
export async function refuseOtherAddress(
  session: Pick<Session, 'client'>,
  config: Config,
  stamp: string | null,
  resolve: Resolve = addressesOf,
): Promise<void> {
  if (stamp !== null) return;
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
