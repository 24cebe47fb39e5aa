// Takes the configuration; tells whether the environment's name, its target and the database's stamp belong together.
// Pure: it is asked before anything connects, and again when the stamp is known.

import { withoutTrailing } from '../base/ends.ts';
import { MigrateError } from '../base/errors.ts';
import { hasWildcard, wildcard } from '../base/wildcard.ts';
import type { Config } from './config.ts';
import { canonicalHost, hostSpellings } from './host.ts';
import type { ProjectSettings } from './settings.ts';

/** What db/config.json binds an environment to; a pattern may hold `*` and `?`. */
interface Binding {
  readonly host?: string | undefined;
  readonly database?: string | undefined;
}

interface Place {
  readonly host: string;
  readonly database: string;
}

/** Where the embedded development server is. */
const embedded: Place = { host: '127.0.0.1', database: 'app_development' };

/**
 * Name and target must agree, in both directions: a target that another environment is bound to is not ours.
 * @throws MigrateError `refused`
 */
export function refuseWrongTarget(config: Config, name: string = config.environmentName): void {
  const bindings = bindingsOf(config.project);
  const place = config.target ?? embedded;
  const own = bindings.get(name);
  const problems = own === undefined ? [] : mismatches(name, own, place);
  const ownMatches = own !== undefined && problems.length === 0;
  const others = [...bindings].filter(([other, binding]) => {
    if (other === name || mismatches(other, binding, place).length > 0) return false;
    return !(ownMatches && isAtLeastAsExact(own, binding));
  });
  problems.push(...others.map(([other, binding]) => `${describe(place)} is ${other}: ${patterns(binding)}`));
  if (problems.length === 0) return;
  throw new MigrateError('refused', `MIGRATE_ENV is ${name}, but the target is ${describe(place)}`, {
    problems: problems.map((problem) => `db/config.json: ${problem}`),
    hint: others[0]
      ? `Set MIGRATE_ENV=${others[0][0]} if that is what you mean, or name the database of ${name}.`
      : `Name the database of ${name}, or correct environments.${name} in db/config.json.`,
    state: 'Nothing was connected to.',
  });
}

/** Whether db/config.json says where this environment is, not only that it is somewhere, and the target is there. */
export function isBoundHere({ project, environmentName, target }: Config): boolean {
  const own = bindingsOf(project).get(environmentName);
  return (
    /[^*?]/.test(own?.host ?? '') &&
    own !== undefined &&
    mismatches(environmentName, own, target ?? embedded).length === 0
  );
}

/** Other environments whose place this could be under another name: with their hosts, patterns aside, where those are names. */
export function namesakes(config: Config): readonly { environment: string; host: string }[] {
  const { target, environmentName } = config;
  if (target === undefined) return [];
  const bindings = bindingsOf(config.project);
  const own = bindings.get(environmentName);
  if (own !== undefined && mismatches(environmentName, own, target).length === 0) return [];
  return [...bindings].flatMap(([environment, { host, database }]) => {
    if (environment === environmentName || host === undefined) return [];
    return database === undefined || matches(database, target.database) ? [{ environment, host }] : [];
  });
}

/**
 * What was reached counts, not only how it is spelled: an alias of another environment's host is that host.
 * @param address that the connection really goes to
 * @param addresses of the hosts in `namesakes`, by name
 * @throws MigrateError `refused`
 */
export function refuseReached(
  config: Config,
  address: string,
  addresses: ReadonlyMap<string, readonly string[]>,
): void {
  const reached = namesakes(config).find(
    ({ host }) =>
      matchesHost(host, address) ||
      addresses.get(host)?.some((other) => canonicalHost(other) === canonicalHost(address)),
  );
  if (reached === undefined || config.target === undefined) return;
  const { environment, host } = reached;
  throw new MigrateError(
    'refused',
    `MIGRATE_ENV is ${config.environmentName}, but ${describe(config.target)} has the address ${address}, which is that of ${environment}`,
    {
      problems: [`db/config.json: environments.${environment}.host is "${host}"`],
      hint: `Set MIGRATE_ENV=${environment} if that is what you mean. If both are behind one address, bind ${config.environmentName} to its own host: environments.${config.environmentName} in db/config.json.`,
      state: 'Nothing was changed.',
    },
  );
}

function bindingsOf({ environments = {} }: ProjectSettings): Map<string, Binding> {
  const bound = Object.entries(environments).filter(
    ([, { host, database }]) => host !== undefined || database !== undefined,
  );
  return new Map(bound);
}

function mismatches(name: string, binding: Binding, place: Place): string[] {
  return (['host', 'database'] as const).flatMap((key) => {
    const pattern = binding[key];
    if (pattern === undefined || (key === 'host' ? matchesHost : matches)(pattern, place[key])) return [];
    return [`environments.${name}.${key} is "${pattern}", and the ${key} is ${place[key]}`];
  });
}

/** However pattern and host are spelled: `db.example.com.`, `DB.example.com`, `127.1` and `localhost` are no other place. */
function matchesHost(pattern: string, host: string): boolean {
  const meant = hasWildcard(pattern) ? withoutTrailing(pattern.toLowerCase(), '.') : canonicalHost(pattern);
  return hostSpellings(host).some((spelling) => matches(meant, spelling.toLowerCase()));
}

function matches(pattern: string, text: string): boolean {
  return wildcard(pattern, '*?')(text);
}

/** Two environments on one server are told apart by the one that says more; a mere wildcard says nothing. */
function isAtLeastAsExact(own: Binding, other: Binding): boolean {
  return (['host', 'database'] as const).every((key) => {
    const theirs = other[key];
    const ours = own[key];
    return theirs === undefined || (ours !== undefined && (ours === theirs || !hasWildcard(ours)));
  });
}

function patterns({ host, database }: Binding): string {
  return [host && `host "${host}"`, database && `database "${database}"`].filter(Boolean).join(', ');
}

function describe({ host, database }: Place): string {
  return `${database} on ${host}`;
}

/**
 * @param stamp the name that the database was stamped with at its first write; null before that
 * @throws MigrateError `refused` naming both and the way out
 */
export function refuseOtherEnvironment({ environmentName }: Config, stamp: string | null): void {
  if (stamp === null || stamp === environmentName) return;
  throw new MigrateError(
    'refused',
    `This database is stamped ${stamp}, and MIGRATE_ENV is ${environmentName}`,
    {
      hint: `If you mean this database, set MIGRATE_ENV=${stamp}. If it has become ${environmentName} (a restored copy, say): make migrate-environment set=${environmentName} confirm=${stamp}`,
      state: 'Nothing was changed.',
    },
  );
}

/**
 * What a named database is, nobody but its user knows: a container that lost its variables must not call it development.
 * @param stamp as `refuseOtherEnvironment`
 * @throws MigrateError `usage` where a run is to write to a database that has no stamp, and MIGRATE_ENV does not name it
 */
export function refuseUnnamed({ target, environmentNamed }: Config, stamp: string | null): void {
  if (target === undefined || environmentNamed || stamp !== null) return;
  throw new MigrateError(
    'usage',
    `${describe(target)} has no stamp yet that says what it is, and MIGRATE_ENV is not set`,
    {
      hint: 'Set MIGRATE_ENV to what this database is: development, test, staging, production, or a name of yours.',
      state: 'Nothing was changed.',
    },
  );
}

/** The flag, else the environment's key in db/config.json. */
export function allowsOutOfOrder({ project, environmentName }: Config, flag: boolean | undefined): boolean {
  return flag ?? project.environments?.[environmentName]?.allowOutOfOrder ?? false;
}
