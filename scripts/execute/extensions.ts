// Takes the steps of a plan and a session; gives what stands in the way of their CREATE EXTENSIONs, before the first
// statement runs: the server has no such extension, does not allow it, or not to this role. It only reads.
import pg from 'pg';
import { MigrateError } from '../base/errors.ts';
import type { Finding, Statement } from '../base/types.ts';
import type { Session } from '../connection/session.ts';
import { loadParser } from '../files/statements.ts';
import type { ReadyStep } from '../plan/steps.ts';

interface Wanted {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What the server says about one extension; null where it does not say. */
export interface Known {
  readonly name: string;
  readonly installed: boolean;
  readonly available: boolean;
  /** Only a superuser may create it. */
  readonly forSuperuser: boolean;
  readonly isSuperuser: boolean;
  /** The role that works. */
  readonly role: string;
  /** The setting azure.extensions; null on any other server. */
  readonly azure: string | null;
  readonly azureAdmin: boolean | null;
  readonly preloaded: string | null;
}

/** Extensions whose CREATE fails unless their library was loaded when the server started. */
const preloading = new Set(['citus', 'pg_cron', 'pg_squeeze', 'pgaudit', 'pglogical', 'timescaledb']);

/** One finding for each pending CREATE EXTENSION that cannot succeed here, with the line that helps. */
export async function extensionFindings(session: Session, steps: readonly ReadyStep[]): Promise<Finding[]> {
  const making = steps.filter(
    ({ direction, directives }) => direction === 'up' && directives.createsExtension,
  );
  if (making.length === 0) return [];
  const parse = await loadParser(session.major);
  const wanted = making.flatMap((step) => {
    const parsed = parse(step.text);
    return parsed.ok === true ? parsed.statements.flatMap((statement) => wantedBy(step, statement)) : [];
  });
  if (wanted.length === 0) return [];
  const known = new Map((await readKnown(session, wanted)).map((row) => [row.name, row]));
  return wanted.flatMap((each) => {
    const row = known.get(each.name);
    const problem = row === undefined ? null : problemOf(row, session.target.host, [...known.values()]);
    if (problem === null) return [];
    const { file, line, column } = each;
    return [{ rule: 'extension', severity: 'error' as const, file, line, column, ...problem }];
  });
}

/** @throws MigrateError `refused` listing every extension that cannot be made, before anything runs */
export async function refuseMissingExtensions(session: Session, steps: readonly ReadyStep[]): Promise<void> {
  const findings = await extensionFindings(session, steps);
  const [first] = findings;
  if (first === undefined) return;
  throw new MigrateError('refused', first.message, {
    location: { file: first.file, line: first.line, column: first.column },
    hint: first.help,
    ...(findings.length > 1
      ? { problems: findings.map(({ file, line, message, help }) => `${file}:${line}: ${message}. ${help}`) }
      : {}),
    state: 'Nothing was changed.',
  });
}

function wantedBy({ path }: ReadyStep, { kind, node, line, column }: Statement): Wanted[] {
  const { extname } = node as { extname?: string };
  return kind === 'CreateExtensionStmt' && extname !== undefined
    ? [{ name: extname, file: path, line, column }]
    : [];
}

async function readKnown(session: Session, wanted: readonly Wanted[]): Promise<Known[]> {
  return session.query<Known & Record<string, unknown>>(
    `SELECT wanted.name, e.oid IS NOT NULL AS installed, a.name IS NOT NULL AS available,
            coalesce((SELECT bool_and(v.superuser AND NOT v.trusted) FROM pg_available_extension_versions v
                       WHERE v.name = a.name AND v.version = a.default_version), false) AS "forSuperuser",
            (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS "isSuperuser",
            current_user::text AS role, current_setting('azure.extensions', true) AS azure,
            (SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = 'azure_pg_admin') AS "azureAdmin",
            (SELECT setting FROM pg_settings WHERE name = 'shared_preload_libraries') AS preloaded
       FROM unnest($1::text[]) AS wanted (name)
       LEFT JOIN pg_extension e ON e.extname = wanted.name LEFT JOIN pg_available_extensions a ON a.name = wanted.name`,
    [[...new Set(wanted.map(({ name }) => name))]],
  );
}

type Problem = Pick<Finding, 'message' | 'help'>;

/**
 * Why the extension cannot be made, and the line that helps; null where nothing stands in the way. IF NOT EXISTS of one that
 * is there needs no right; without it the server refuses by itself.
 * @param all those that are wanted: a parameter is set once, to what all of them need
 */
export function problemOf(known: Known, host: string, all: readonly Known[] = [known]): Problem | null {
  const { name, installed, available, azure, azureAdmin } = known;
  if (installed) return null;
  const isAzure = azure !== null || azureAdmin !== null;
  const server = `--resource-group <group> --server-name ${host.split('.')[0]}`;
  if (isAzure && azure !== null && !listed(azure, name))
    return {
      message: `The extension ${name} is not allowed on this server: azure.extensions does not list it`,
      help: `az postgres flexible-server parameter set ${server} --name azure.extensions --value ${withMissing(azure, all)}`,
    };
  if (!available)
    return {
      message: `This server has no extension ${name}: it is not in pg_available_extensions`,
      help: 'Install it on the server, or do without it.',
    };
  if (azureAdmin === false)
    return {
      message: `Only members of azure_pg_admin may create the extension ${name}`,
      help: `As the server's administrator: GRANT azure_pg_admin TO ${pg.escapeIdentifier(known.role)}; or name ${name} in the list of db/roles.sql.`,
    };
  return problemOfServer(known, isAzure ? server : null, all);
}

function problemOfServer(
  { name, forSuperuser, isSuperuser, preloaded }: Known,
  azureServer: string | null,
  all: readonly Known[],
): Problem | null {
  const loaded = withMissing(
    preloaded ?? '',
    all.filter((other) => preloading.has(other.name)),
  );
  if (preloading.has(name) && preloaded !== null && !listed(preloaded, name))
    return {
      message: `The extension ${name} needs its library loaded when the server starts: shared_preload_libraries does not list it`,
      help:
        azureServer === null
          ? `shared_preload_libraries = '${loaded}', then restart the server.`
          : `az postgres flexible-server parameter set ${azureServer} --name shared_preload_libraries --value ${loaded}, then restart the server`,
    };
  if (azureServer === null && forSuperuser && !isSuperuser)
    return {
      message: `Only a superuser may create the extension ${name}`,
      help: `Name ${name} in the list of db/roles.sql, which an administrator runs, and write CREATE EXTENSION IF NOT EXISTS.`,
    };
  return null;
}

/** The setting with what it lacks of them behind it. */
function withMissing(setting: string, wanted: readonly Known[]): string {
  const missing = wanted.filter(({ name, installed }) => !installed && !listed(setting, name));
  return [...names(setting), ...missing.map(({ name }) => name)].join(',');
}

const names = (setting: string) =>
  setting
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);

function listed(setting: string, name: string): boolean {
  return names(setting).some((each) => each.toLowerCase() === name.toLowerCase());
}
