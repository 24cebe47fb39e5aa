// Takes SHADOW_DATABASE_URL, or none: then the embedded server; gives how to connect there. It must not know what for.
import { MigrateError } from '../base/errors.ts';
import { defaultMajor } from '../base/postgres-major.ts';
import type { Environment } from '../config/environment.ts';
import { canonicalHost } from '../config/host.ts';
import { settingVariables } from '../config/libpq.ts';
import { readTarget, type Target } from '../config/target.ts';
import { dataMajor, projectDirectories, removeServer, startServer } from '../devserver/devserver.ts';

/** A session's name is what tells who is alive: no target says another. */
export type ScratchConnection = Omit<Target, 'applicationName'>;

/** How long (ms) one attempt to reach a scratch server may take. */
export const timeoutMs = 30_000;

export interface ScratchOptions {
  /** SHADOW_DATABASE_URL; the database that it names is never written to. */
  readonly scratchUrl?: string | undefined;
  /** The project, for the embedded scratch server. */
  readonly root: string;
  /** Major version of the embedded scratch server; 16 if left out. */
  readonly postgres?: number;
  /** Where login and TLS of the target are; those of the process if left out. */
  readonly variables?: Environment;
  /** Gives up starting, waiting and working, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Settings of a server whose data may be lost. */
export const durabilityOff = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' };

/** Starts the embedded server where that is meant. @throws MigrateError `usage`, or `connection` */
export async function scratchAddress({
  scratchUrl,
  root,
  postgres,
  variables,
  signal,
}: ScratchOptions): Promise<ScratchConnection> {
  return scratchUrl === undefined
    ? embeddedServer(root, postgres ?? defaultMajor, signal)
    : serverOf(scratchUrl, variables ?? process.env);
}

/** The named database is kept only as a place to connect to where there is no database `postgres`. Read as `DATABASE_URL` is. */
async function serverOf(url: string, variables: Environment): Promise<ScratchConnection> {
  const { applicationName: _, ...server } = await readTarget(
    {
      PGDATABASE: 'postgres',
      ...(await completing(url, variables, 'SHADOW_DATABASE_URL')),
      DATABASE_URL: url,
    },
    'SHADOW_DATABASE_URL',
  );
  return server;
}

const ofTheTarget: ReadonlySet<string> = new Set([
  ...['DATABASE_URL', 'PGHOST', 'PGPORT', 'PGDATABASE', 'PGOPTIONS', 'PGAPPNAME', 'PGTARGETSESSIONATTRS'],
  ...Object.keys(settingVariables),
]);

/**
 * Login and TLS of the target are its own: no other server is offered the password. They complete the URL only where it
 * names the same server, or where no target is named, so that they can be meant for nothing else. What sets up a session of
 * the target is no login.
 * @param name of the variable that holds the URL
 * @throws MigrateError `usage` for an address that libpq would not take
 */
export async function completing(url: string, variables: Environment, name: string): Promise<Environment> {
  const login = Object.fromEntries(Object.entries(variables).filter(([key]) => !ofTheTarget.has(key)));
  if (!variables.DATABASE_URL && !variables.PGHOST) return login;
  const [target, scratch] = await Promise.all([
    readTarget(variables),
    readTarget({ DATABASE_URL: url }, name),
  ]);
  const same = canonicalHost(target.host) === canonicalHost(scratch.host) && target.port === scratch.port;
  return same ? login : {};
}

/** A server beside the development one: it does without durability, so after a crash it is made anew. */
async function embeddedServer(
  root: string,
  postgres: number,
  signal: AbortSignal | undefined,
): Promise<ScratchConnection> {
  const dataDirectory = projectDirectories(root).scratch;
  const start = () => startServer({ dataDirectory, postgres, settings: durabilityOff, signal });
  if ((dataMajor(dataDirectory) ?? postgres) !== postgres) await removeServer(dataDirectory);
  const { host, port, user, password } = await start().catch(async (error: unknown) => {
    if (!(error instanceof MigrateError) || error.code !== 'connection') throw error;
    await removeServer(dataDirectory);
    return start();
  });
  return { host, port, user, password, database: 'postgres', sslMode: 'disable' };
}
