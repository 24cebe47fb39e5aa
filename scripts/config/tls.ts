// Takes the TLS parameters of one target; gives how to encrypt and what to verify, as libpq means it. It reads the PEM
// files that they name and opens no connection.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions, SecureVersion } from 'node:tls';
import { MigrateError } from '../base/errors.ts';
import type { Parameter, Parameters } from './connection-string.ts';
import { isLoopback } from './host.ts';

const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof sslModes)[number];

/** How one target wants TLS; PEM texts as Node takes them. */
export interface TlsSettings {
  readonly sslMode: SslMode;
  /** Certificate authorities to trust instead of Node's own. */
  readonly sslRootCertificate?: string;
  /** What Node's TLS takes besides: our certificate and key, revocation lists, protocol versions. */
  readonly sslDetails?: ConnectionOptions;
}

/** @throws MigrateError `usage` naming the parameter or variable */
export function readTls(parameters: Parameters, host: string): TlsSettings {
  const root = parameters.get('sslrootcert');
  const system = root?.value === 'system';
  const sslMode = readSslMode(parameters.get('sslmode'), host, system);
  const certificate = pem(parameters, 'sslcert');
  const key = pem(parameters, 'sslkey');
  if ((certificate === undefined) !== (key === undefined)) {
    throw new MigrateError(
      'usage',
      'sslcert (PGSSLCERT) and sslkey (PGSSLKEY) go together; one of them is missing',
    );
  }
  // libpq's own files in the home directory count where its rules were asked for, not for our stricter default.
  const isSaid = parameters.has('sslmode');
  const authority = system
    ? undefined
    : (pem(parameters, 'sslrootcert') ?? (isSaid ? homeFile('root.crt') : undefined));
  refuseEverybodysAuthority(parameters.get('sslmode'), authority);
  refuseSharedKey(parameters.get('sslkey'));
  const revoked = pem(parameters, 'sslcrl') ?? (authority === undefined ? undefined : homeFile('root.crl'));
  const details: ConnectionOptions = {
    ...option('cert', certificate),
    ...option('key', key),
    ...option('passphrase', parameters.get('sslpassword')?.value),
    ...option('crl', revoked),
    ...option('minVersion', protocolVersion(parameters.get('ssl_min_protocol_version'))),
    ...option('maxVersion', protocolVersion(parameters.get('ssl_max_protocol_version'))),
  };
  return {
    sslMode,
    ...(authority === undefined ? {} : { sslRootCertificate: authority }),
    ...(Object.keys(details).length === 0 ? {} : { sslDetails: details }),
  };
}

function option<Key extends keyof ConnectionOptions>(key: Key, value: ConnectionOptions[Key] | undefined) {
  return value === undefined ? {} : { [key]: value };
}

/** The system's authorities sign for everybody: without the name in the certificate they prove nothing. */
function readSslMode(said: Parameter | undefined, host: string, system: boolean): SslMode {
  if (said === undefined) return isLoopback(host) && !system ? 'allow' : 'verify-full';
  const mode = sslModes.find((known) => known === said.value);
  if (mode === undefined) {
    throw new MigrateError(
      'usage',
      `sslmode (${said.source}): "${said.value}" is unknown; a right value is one of ${sslModes.join(', ')}`,
    );
  }
  if (system && mode !== 'verify-full') {
    throw new MigrateError(
      'usage',
      `sslrootcert=system does not go with sslmode ${mode}; it means verify-full`,
      {
        hint: 'Set PGSSLMODE=verify-full, or leave it out; or name the PEM file of your own authority in PGSSLROOTCERT.',
      },
    );
  }
  return mode;
}

/** Without a root certificate the authorities of Node count, which sign for everybody: `verify-ca` would let anybody in. */
function refuseEverybodysAuthority(mode: Parameter | undefined, authority: string | undefined): void {
  if (mode?.value !== 'verify-ca' || authority !== undefined) return;
  throw new MigrateError(
    'usage',
    `${mode.source} is verify-ca, and no root certificate says which authority`,
    {
      hint: 'Name its PEM file in PGSSLROOTCERT, or set PGSSLMODE=verify-full, which looks at the name in the certificate too.',
    },
  );
}

/** As libpq: 0600, or 0640 of root. https://www.postgresql.org/docs/16/libpq-ssl.html#LIBPQ-SSL-CLIENTCERT */
function refuseSharedKey(said: Parameter | undefined): void {
  const stat = said === undefined ? undefined : statSync(said.value, { throwIfNoEntry: false });
  if (said === undefined || stat === undefined || process.platform === 'win32') return;
  if ((stat.mode & (stat.uid === 0 ? 0o37 : 0o77)) === 0) return;
  throw new MigrateError('usage', `${said.source} names ${said.value}, a key that others may read`, {
    hint: `chmod 600 ${said.value}`,
  });
}

/** The text of a file of libpq's folder, where there is one. https://www.postgresql.org/docs/16/libpq-ssl.html */
function homeFile(name: string): string | undefined {
  const { APPDATA } = process.env;
  const folder =
    process.platform === 'win32' && APPDATA ? join(APPDATA, 'postgresql') : join(homedir(), '.postgresql');
  const path = join(folder, name);
  return existsSync(path) ? readPem(path, `~/.postgresql/${name}`) : undefined;
}

function pem(parameters: Parameters, keyword: string): string | undefined {
  const said = parameters.get(keyword);
  return said === undefined ? undefined : readPem(said.value, said.source);
}

function readPem(path: string, source: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new MigrateError(
      'usage',
      `${source} names ${path}, which ${missing ? 'does not exist' : 'cannot be read'}; a right value is the path of a PEM file`,
      { cause },
    );
  }
}

const protocolVersions = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;

function protocolVersion(said: Parameter | undefined): SecureVersion | undefined {
  if (said === undefined) return undefined;
  const version = protocolVersions.find((known) => known.toLowerCase() === said.value.toLowerCase());
  if (version !== undefined) return version;
  throw new MigrateError(
    'usage',
    `${said.source}: "${said.value}" is unknown; it may be ${protocolVersions.join(', ')}`,
  );
}

/**
 * The ways to try, first to last, each as Node's TLS options or `false` for none.
 * https://www.postgresql.org/docs/16/libpq-ssl.html#LIBPQ-SSL-PROTECTION
 */
export function tlsAttempts({
  sslMode,
  sslRootCertificate,
  sslDetails,
}: TlsSettings): (ConnectionOptions | false)[] {
  const ca = sslRootCertificate === undefined ? {} : { ca: sslRootCertificate };
  const unverified: ConnectionOptions = { ...sslDetails, rejectUnauthorized: false };
  const chainOnly: ConnectionOptions = {
    ...sslDetails,
    ...ca,
    rejectUnauthorized: true,
    checkServerIdentity: () => undefined,
  };
  switch (sslMode) {
    case 'disable':
      return [false];
    case 'allow':
      return [false, unverified];
    case 'prefer':
      return [unverified, false];
    case 'require':
      // libpq: with a root certificate given, `require` checks the chain like `verify-ca`.
      return [sslRootCertificate === undefined ? unverified : chainOnly];
    case 'verify-ca':
      return [chainOnly];
    case 'verify-full':
      return [{ ...sslDetails, ...ca, rejectUnauthorized: true }];
  }
}
