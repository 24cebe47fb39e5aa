// Takes a connection URL and the variables of libpq; gives the connection's parameters under libpq's keywords, the URL's
// first. What we cannot do as libpq does is refused by name. It reads no file and opens no connection.
import { MigrateError } from '../base/errors.ts';
import type { Environment } from './environment.ts';
import {
  connectionVariables,
  families,
  followed,
  limited,
  serviceVariables,
  withoutEffect,
} from './libpq.ts';

/** A parameter, and where it was said: the name of the variable, or `sslmode in DATABASE_URL`. */
export interface Parameter {
  readonly value: string;
  readonly source: string;
}

export type Parameters = ReadonlyMap<string, Parameter>;

/**
 * @param name the variable that the URL stands in, for messages
 * @throws MigrateError `usage` naming the parameter or variable that is unknown or cannot be followed; never with the
 *   URL, which may hold a password
 */
export function readParameters(url: string | undefined, environment: Environment, name: string): Parameters {
  const parameters = new Map<string, Parameter>();
  for (const [keyword, variable] of Object.entries(followed)) {
    const value = variable === null ? '' : (environment[variable] ?? '');
    if (variable !== null && value !== '') parameters.set(keyword, { value, source: variable });
  }
  for (const [keyword, [variable]] of Object.entries(limited)) {
    const value = variable === null ? '' : (environment[variable] ?? '');
    if (variable !== null && value !== '') refuseLimited(keyword, { value, source: variable });
  }
  refuseStrangers(environment);
  if (!url) return parameters;
  for (const [keyword, value] of urlParameters(url, name)) {
    const parameter = { value, source: `${keyword} in ${name}` };
    if (Object.hasOwn(followed, keyword)) parameters.set(keyword, parameter);
    else if (Object.hasOwn(limited, keyword)) refuseLimited(keyword, parameter);
    else throw unknown(keyword, name);
  }
  return parameters;
}

/** What looks like a demand on the connection, and is none that libpq or we know: `PGSSLPASSWORD`, `PGSSLMOD`, `PGREALM`. */
function refuseStrangers(environment: Environment): void {
  const stranger = Object.keys(environment).find(
    (name) =>
      families.test(name) &&
      (environment[name] ?? '') !== '' &&
      !connectionVariables.has(name) &&
      !withoutEffect.includes(name),
  );
  if (stranger === undefined) return;
  throw new MigrateError(
    'usage',
    `${stranger} is no variable that PostgreSQL's libpq knows: it would do nothing`,
    {
      hint:
        stranger === 'PGSSLPASSWORD'
          ? 'The key’s passphrase is the parameter sslpassword of the URL; it has no variable.'
          : `Take ${stranger} away, or spell it as libpq does: PGSSLMODE, PGSSLROOTCERT, PGREQUIREAUTH …`,
    },
  );
}

/** Told once a run: what is set, would matter to psql, and does not matter here. */
export function connectionRemarks(environment: Environment): readonly string[] {
  const services = serviceVariables.filter((name) => (environment[name] ?? '') !== '');
  if (services.length === 0) return [];
  return [
    `${services.join(' and ')} ${services.length === 1 ? 'is' : 'are'} not read: no connection service is followed here. The server is what DATABASE_URL or PGHOST says.`,
  ];
}

function refuseLimited(keyword: string, { value, source }: Parameter): void {
  const values = limited[keyword]?.[1] ?? [];
  if (values.includes(value.toLowerCase())) return;
  throw new MigrateError(
    'usage',
    `${source} is not supported${values.length === 0 ? '' : ` with this value; it may be ${values.join(', ')}`}`,
    { hint: hints[keyword] ?? `Take ${source} away.` },
  );
}

const hints: Readonly<Record<string, string>> = {
  hostaddr: 'Put the address or the name into PGHOST or the URL.',
  service: 'Name the server with DATABASE_URL, or PGHOST, PGPORT, PGUSER and PGDATABASE.',
  sslcrldir: 'Put the revocation lists into one PEM file and name that in PGSSLCRL.',
  requiressl: 'Say PGSSLMODE=require (or verify-full).',
};

function unknown(keyword: string, name: string): MigrateError {
  return new MigrateError('usage', `${name}: the parameter "${keyword}" is unknown to PostgreSQL's libpq`, {
    hint: 'Take it out of the URL. Parameters of one driver or tool (pgbouncer, schema, pool_timeout …) mean nothing here; settings of the session go into options=-c%20name%3Dvalue.',
  });
}

const example = 'a right value is postgres://user@host:5432/database, with the password in PGPASSWORD';

/** The URL's parts under libpq's keywords, those of its query last, so that they win. */
function urlParameters(text: string, name: string): [string, string][] {
  if (!/^postgres(ql)?:\/\//.test(text)) {
    throw new MigrateError('usage', `${name} is no PostgreSQL URL; ${example}`);
  }
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // Neither the URL nor the parser's error is shown or kept as a cause: both may hold the password.
    throw new MigrateError('usage', `${name} cannot be read; ${example}`);
  }
  refuseTwoReadings(text, name);
  const parts: [string, string][] = [
    ['host', lenient(url.hostname.replace(/^\[(.*)\]$/, '$1'))],
    ['port', url.port],
    ['user', lenient(url.username)],
    ['password', lenient(url.password)],
    ['dbname', lenient(url.pathname.slice(1))],
    ...queryParameters(url.search.slice(1), name),
  ];
  const torn = parts.find(([, value]) => value.includes('\0'));
  // What follows would be read as parameters of their own.
  if (torn !== undefined)
    throw new MigrateError('usage', `${name}: ${torn[0]} holds %00, where the server takes it to end`);
  return parts.filter(([, value]) => value !== '').flatMap(jdbcSsl);
}

/**
 * A password that holds / ? or # as it is ends where it begins: what follows would be taken for a port, a database, a
 * parameter, and shown as such. libpq reads # as any other character, a URL does not.
 */
function refuseTwoReadings(text: string, name: string): void {
  const [address = '', ...query] = text.replace(/^[^:]+:\/\//, '').split('?');
  const [authority = '', ...path] = address.split('/');
  const isTorn = !authority.includes('@') && /^[^=&]*@/.test(query.join('?'));
  if (!isTorn && !text.includes('#') && !path.join('/').includes('@')) return;
  throw new MigrateError(
    'usage',
    `${name} can be read in two ways: it holds a # or an @ that is not escaped`,
    {
      hint: `In a URL / is written %2F, ? %3F, # %23 and @ %40; or leave the password out: ${example}`,
    },
  );
}

/** As libpq: `+` is a plus, nothing is decoded twice, and a bad escape is an error. */
function queryParameters(search: string, name: string): [string, string][] {
  if (search === '') return [];
  return search.split('&').map((pair) => {
    const [key = '', ...rest] = pair.split('=');
    try {
      return [decodeURIComponent(key), decodeURIComponent(rest.join('='))];
    } catch {
      throw new MigrateError(
        'usage',
        `${name}: the parameter "${key}" has a % that is no escape (write %25)`,
      );
    }
  });
}

/** libpq takes JDBC's spelling too. */
function jdbcSsl([keyword, value]: [string, string]): [string, string][] {
  return keyword === 'ssl' && value === 'true' ? [['sslmode', 'require']] : [[keyword, value]];
}

/** A user or password with a lone % was always taken as it stands. */
function lenient(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
