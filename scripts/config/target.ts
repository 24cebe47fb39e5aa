// Takes the variables that name a database; gives how to connect to it, every parameter as libpq means it.
// It opens no connection. The password stays out of every text made here.

import { MigrateError } from '../base/errors.ts';
import { visible } from '../base/foreign-text.ts';
import { type Parameter, type Parameters, readParameters } from './connection-string.ts';
import type { Environment } from './environment.ts';
import { settingVariables } from './libpq.ts';
import { readTls, type TlsSettings } from './tls.ts';

const sessionKinds = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;
export type SessionKind = (typeof sessionKinds)[number];

/** Where and how to connect; `password` is undefined where `.pgpass` may know it. */
export interface Target extends TlsSettings {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  /** The password file to look in, instead of `~/.pgpass`. */
  readonly passfile?: string;
  /** For the server at the start of the session, such as `-c search_path=app`. */
  readonly options?: string;
  /** Instead of the name that says who runs which command. */
  readonly applicationName?: string;
  /** How long one attempt may take; no bound of its own where left out. */
  readonly connectTimeoutMs?: number;
  /** What the server must be; left out for any. */
  readonly sessionKind?: SessionKind;
  /** SCRAM bound to the TLS connection; not done where left out. */
  readonly channelBinding?: ChannelBinding;
  /** Ways to log in that are allowed (`password`, `md5`, `scram-sha-256`, `none`); left out for all. */
  readonly loginMethods?: readonly LoginMethod[];
  /** False where TCP's keep-alive is not wanted. */
  readonly keepAlive?: boolean;
}

const channelBindings = ['disable', 'prefer', 'require'] as const;
type ChannelBinding = (typeof channelBindings)[number];

const loginMethods = ['password', 'md5', 'scram-sha-256', 'none'] as const;
export type LoginMethod = (typeof loginMethods)[number];

/** `database on host:port`, for people; never with user or password. */
export function describeTarget(target: Pick<Target, 'database' | 'host' | 'port'>): string {
  return visible(`${target.database} on ${target.host}:${target.port}`);
}

/**
 * Reads `DATABASE_URL`, completed by `PG*` where it leaves something open, else `PG*` alone.
 * @param variable the name to use in errors, where the URL came from another one
 * @throws MigrateError `usage` naming the variable; the URL itself is never printed, for it may hold a password.
 */
export async function readTarget(environment: Environment, variable = 'DATABASE_URL'): Promise<Target> {
  const parameters = readParameters(environment.DATABASE_URL, environment, variable);
  const value = (keyword: string) => parameters.get(keyword)?.value;
  const host = readHost(parameters, variable);
  const user = value('user') ?? (environment.USER || 'postgres');
  return {
    host,
    port: readPort(parameters.get('port'), variable),
    user,
    password: value('password'),
    database: value('dbname') ?? user,
    ...readTls(parameters, host),
    ...given('passfile', value('passfile')),
    ...given('options', optionsOf(value('options'), environment)),
    ...given('applicationName', value('application_name') ?? value('fallback_application_name')),
    ...given('connectTimeoutMs', connectTimeout(parameters.get('connect_timeout'))),
    ...given('sessionKind', choice(parameters.get('target_session_attrs'), sessionKinds)),
    ...given('channelBinding', choice(parameters.get('channel_binding'), channelBindings)),
    ...given('loginMethods', methodsOf(parameters.get('require_auth'))),
    ...given('keepAlive', value('keepalives') === '0' ? false : undefined),
  };
}

function given<Key extends keyof Target>(key: Key, value: Target[Key]): Partial<Target> {
  return value === undefined ? {} : { [key]: value };
}

function readHost(parameters: Parameters, variable: string): string {
  const said = parameters.get('host') ?? { value: 'localhost', source: variable };
  if (!said.value.includes(',')) return said.value;
  throw new MigrateError('usage', `${said.source} names several hosts; migrations run on one server`, {
    hint: 'Name the primary server alone.',
  });
}

function readPort(said: Parameter | undefined, variable: string): number {
  const text = said?.value ?? '5432';
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    const source = said?.source === 'PGPORT' ? 'PGPORT' : variable;
    throw new MigrateError('usage', `${source}: "${text}" is no port; a right value is 5432`);
  }
  return port;
}

/** Spaces and backslashes in a value are escaped with a backslash, as the server reads them. */
function optionsOf(options: string | undefined, environment: Environment): string | undefined {
  const settings = Object.entries(settingVariables).flatMap(([variable, setting]) => {
    const value = environment[variable];
    return value ? [`-c ${setting}=${value.replace(/[\s\\]/g, '\\$&')}`] : [];
  });
  return [...settings, ...(options === undefined ? [] : [options])].join(' ') || undefined;
}

/** Seconds, as libpq; zero, negative and below is no bound. https://www.postgresql.org/docs/16/libpq-connect.html#LIBPQ-CONNECT-CONNECT-TIMEOUT */
function connectTimeout(said: Parameter | undefined): number | undefined {
  if (said === undefined) return undefined;
  if (!/^\s*-?\d{1,9}\s*$/.test(said.value)) {
    throw new MigrateError(
      'usage',
      `${said.source}: "${said.value}" is no number of seconds; a right value is 10`,
    );
  }
  const seconds = Number(said.value);
  return seconds > 0 ? seconds * 1000 : undefined;
}

function choice<Value extends string>(
  said: Parameter | undefined,
  values: readonly Value[],
): Value | undefined {
  if (said === undefined) return undefined;
  const found = values.find((value) => value === said.value);
  if (found !== undefined) return found;
  throw new MigrateError(
    'usage',
    `${said.source}: "${said.value}" is unknown; it may be ${values.join(', ')}`,
  );
}

/** A list of methods, or of forbidden ones with `!` before each. */
function methodsOf(said: Parameter | undefined): readonly LoginMethod[] | undefined {
  if (said === undefined) return undefined;
  const names = said.value.split(',').map((name) => name.trim());
  const negated = names.filter((name) => name.startsWith('!'));
  const known: readonly string[] = [...loginMethods, 'gss', 'sspi'];
  const wrong = names.find((name) => !known.includes(name.replace('!', '')));
  if (wrong !== undefined || (negated.length > 0 && negated.length < names.length)) {
    throw new MigrateError(
      'usage',
      `${said.source}: "${said.value}" is no list of ${known.join(', ')}, each without or each with a ! before it`,
    );
  }
  return loginMethods.filter((method) =>
    negated.length > 0 ? !names.includes(`!${method}`) : names.includes(method),
  );
}
