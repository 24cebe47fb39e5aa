// Takes the configuration of a command and a list of databases; gives a configuration each, or every entry that is wrong or
// that belongs elsewhere. It connects to nothing.
import { MigrateError } from '../base/errors.ts';
import { keepSecret } from '../base/secrets.ts';
import { refuseWrongTarget } from '../config/binding.ts';
import { type CommonFlags, type Config, resolveConfig } from '../config/config.ts';
import { canonicalHost } from '../config/host.ts';
import { secretsOf } from '../config/secrets.ts';
import { readTarget } from '../config/target.ts';
import { refuseUnreadable, sharedFiles } from '../history/load-migrations.ts';
import { firstOf, type NamedTarget } from './list.ts';

/**
 * The same variables, but for the address. Files are read, checked and parsed once for all.
 * @throws MigrateError `usage` for wrong addresses, two names of one database and unreadable files, `refused` where any
 *   target is bound to another environment
 */
export async function configsOf(
  config: Config,
  targets: readonly NamedTarget[],
  flags: CommonFlags,
): Promise<ReadonlyMap<string, Config>> {
  // Named by the process, so that no .env file adds a login that is meant for another server; which one, each says itself.
  const named = { ...process.env, DATABASE_URL: 'postgres://' };
  const base = { ...(await resolveConfig(config.command, flags, named, config.root)), shared: sharedFiles() };
  const configs = new Map<string, Config>();
  const mistakes: string[] = [];
  const strangers: string[] = [];
  const nameOf = new Map<string, string>();
  for (const { name, url } of targets) {
    const own = await withUrl(base, url).catch((error: unknown) => {
      if (!(error instanceof MigrateError)) throw error;
      mistakes.push(`${name}: ${error.message}`);
      return null;
    });
    if (own === null) continue;
    keepSecret(secretsOf(own.variables));
    const same = placeOf(own);
    const twin = nameOf.get(same);
    if (twin === undefined) nameOf.set(same, name);
    else mistakes.push(`${name}: is the same database as ${twin}`);
    try {
      refuseWrongTarget(own);
    } catch (error) {
      if (!(error instanceof MigrateError)) throw error;
      strangers.push(`${name}: ${error.message}`);
    }
    configs.set(name, Object.freeze({ ...own, ...(config.signal && { signal: config.signal }) }));
  }
  // What is wrong with the files is so for all. `drift` reads none.
  if (mistakes.length + strangers.length === 0 && config.command !== 'drift') await refuseUnreadable(base);
  refuseWrong({ mistakes, strangers, total: targets.length, environment: config.environmentName });
  return configs;
}

interface Wrong {
  /** A line for each entry that cannot be followed. */
  readonly mistakes: readonly string[];
  /** A line for each database of another environment. */
  readonly strangers: readonly string[];
  readonly total: number;
  readonly environment: string;
}

function refuseWrong({ mistakes, strangers, total, environment }: Wrong): void {
  const state = 'Nothing was connected to.';
  if (mistakes.length > 0)
    throw new MigrateError('usage', `The list of databases is wrong in ${mistakes.length} of ${total}`, {
      problems: firstOf(mistakes),
      state,
    });
  if (strangers.length === 0) return;
  throw new MigrateError(
    'refused',
    `${strangers.length} of ${total} databases do not belong to ${environment}`,
    {
      problems: firstOf(strangers),
      state,
      hint: 'Correct the list, MIGRATE_ENV, or the bindings in db/config.json.',
    },
  );
}

/** @throws MigrateError `usage` for an address that libpq would not take */
async function withUrl(base: Config, url: string): Promise<Config> {
  const variables = { ...base.variables, DATABASE_URL: url };
  return { ...base, variables, target: await readTarget(variables, 'its URL') };
}

/**
 * One text for every spelling of an address; two runs on one database would wait for each other. Behind 127.0.0.2 may be
 * another server: tunnels have addresses of their own.
 */
function placeOf({ target }: Config): string {
  if (target === undefined) return '';
  const host = canonicalHost(target.host);
  const isHere = ['localhost', '127.0.0.1', '::1'].includes(host);
  return JSON.stringify([isHere ? 'localhost' : host, target.port, target.database]);
}
