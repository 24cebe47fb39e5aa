// Takes the steps of a plan and a session; gives what stands in the way of their CREATE EXTENSIONs, and of those that
// CASCADE makes as well, before the first statement runs: the server has no such extension, does not allow it, or not to
// this role. It only reads.
import pg from 'pg';
import { MigrateError } from '../base/errors.ts';
import type { Finding, Statement } from '../base/types.ts';
import type { Session } from '../connection/session.ts';
import { loadParser } from '../files/statements.ts';
import type { ReadyStep } from '../plan/steps.ts';
import { quoteLiteral } from '../schema/sql.ts';

interface Wanted {
  readonly name: string;
  /** Null where the statement names none: the server's default. */
  readonly version: string | null;
  /** What it requires is made as well. */
  readonly cascade: boolean;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What the server says about one extension; null where it does not say. */
export interface KnownExtension {
  readonly name: string;
  /** The extension of the statement: another one where CASCADE makes this one for it. */
  readonly statement: string;
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
  const making = steps.filter(({ directives }) => directives.createsExtension);
  if (making.length === 0) return [];
  const parse = await loadParser(session.major);
  const wanted = making.flatMap((step) => {
    const parsed = parse(step.text);
    return parsed.ok === true ? parsed.statements.flatMap((statement) => wantedBy(step, statement)) : [];
  });
  if (wanted.length === 0) return [];
  const known = await readKnown(session, wanted);
  const told = new Set<string>();
  return wanted.flatMap(({ name, file, line, column }) =>
    known.flatMap((row) => {
      if (row.statement !== name || told.has(row.name)) return [];
      told.add(row.name);
      const problem = problemOf(row, session.target.host, known);
      if (problem === null) return [];
      return [{ rule: 'extension', severity: 'error' as const, file, line, column, ...problem }];
    }),
  );
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

interface CreateExtension {
  readonly extname?: string;
  readonly options?: readonly {
    readonly DefElem?: {
      readonly defname?: string;
      readonly arg?: { readonly String?: { readonly sval?: string } };
    };
  }[];
}

function wantedBy({ path }: ReadyStep, { kind, node, line, column }: Statement): Wanted[] {
  const { extname, options = [] } = node as CreateExtension;
  if (kind !== 'CreateExtensionStmt' || extname === undefined) return [];
  const option = (name: string) => options.find(({ DefElem }) => DefElem?.defname === name)?.DefElem;
  const version = option('new_version')?.arg?.String?.sval ?? null;
  const cascade = option('cascade') !== undefined;
  return [{ name: extname, version, cascade, file: path, line, column }];
}

/** Those of the statements, each followed by what CASCADE makes for it, at any depth. */
async function readKnown(session: Session, wanted: readonly Wanted[]): Promise<KnownExtension[]> {
  return session.query<KnownExtension & Record<string, unknown>>(
    `WITH RECURSIVE versions AS MATERIALIZED (
       SELECT name, version, superuser AND NOT trusted AS "forSuperuser", requires FROM pg_available_extension_versions
     ), available AS MATERIALIZED (
       SELECT name, default_version FROM pg_available_extensions
     ), needed (name, version, cascade, statement, depth) AS (
       SELECT w.name COLLATE "C", coalesce(w.version, a.default_version), w.cascade, w.name, 0
         FROM unnest($1::text[], $2::text[], $3::boolean[]) AS w (name, version, cascade) LEFT JOIN available a USING (name)
       UNION
       SELECT r.name::text COLLATE "C", a.default_version, true, n.statement, n.depth + 1
         FROM needed n JOIN versions v USING (name, version) CROSS JOIN unnest(v.requires) AS r (name)
         LEFT JOIN available a ON a.name = r.name
        WHERE n.cascade AND n.depth < 20 AND NOT EXISTS (SELECT FROM pg_extension e WHERE e.extname = n.name)
     )
     SELECT n.name, n.statement, e.oid IS NOT NULL AS installed,
            EXISTS (SELECT FROM available a WHERE a.name = n.name) AS available,
            coalesce((SELECT bool_or(v."forSuperuser") FROM versions v WHERE v.name = n.name AND v.version = n.version), false)
              AS "forSuperuser",
            (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS "isSuperuser",
            current_user::text AS role, current_setting('azure.extensions', true) AS azure,
            (SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = 'azure_pg_admin') AS "azureAdmin",
            (SELECT setting FROM pg_settings WHERE name = 'shared_preload_libraries') AS preloaded
       FROM needed n LEFT JOIN pg_extension e ON e.extname = n.name
      ORDER BY n.depth, n.name`,
    [
      wanted.map(({ name }) => name),
      wanted.map(({ version }) => version),
      wanted.map(({ cascade }) => cascade),
    ],
  );
}

type Problem = Pick<Finding, 'message' | 'help'>;

/**
 * Why the extension cannot be made, and the line that helps; null where nothing stands in the way. IF NOT EXISTS of one that
 * is there needs no right; without it the server refuses by itself.
 * @param all those that are wanted: a parameter is set once, to what all of them need
 */
export function problemOf(
  known: KnownExtension,
  host: string,
  all: readonly KnownExtension[] = [known],
): Problem | null {
  const { name, installed, available, azure, azureAdmin } = known;
  if (installed) return null;
  const isAzure = azure !== null || azureAdmin !== null;
  const server = host.split('.')[0] ?? host;
  if (azure !== null && plain.test(name) && !listed(azure, name))
    return {
      message: `${titleOf(known)} is not allowed on this server: azure.extensions does not list it`,
      help: setParameter(server, 'azure.extensions', withMissing(azure, all)),
    };
  if (!available)
    return {
      message: `This server has no extension ${name}${forOther(known)}: it is not in pg_available_extensions`,
      help: 'Install it on the server, or do without it.',
    };
  if (azureAdmin === false)
    return {
      message: `Only members of azure_pg_admin may create the extension ${name}${forOther(known)}`,
      help: `As the server's administrator: GRANT azure_pg_admin TO ${pg.escapeIdentifier(known.role)}; or name ${name} in the list of db/roles.sql.`,
    };
  return problemOfServer(known, isAzure ? server : null, all);
}

function problemOfServer(
  known: KnownExtension,
  azureServer: string | null,
  all: readonly KnownExtension[],
): Problem | null {
  const { name, forSuperuser, isSuperuser, preloaded } = known;
  if (preloading.has(name) && preloaded !== null && !listed(preloaded, name)) {
    const libraries = all.filter((other) => preloading.has(other.name));
    const loaded = withMissing(preloaded, libraries);
    return {
      message: `${titleOf(known)} needs its library loaded when the server starts: shared_preload_libraries does not list it`,
      help:
        azureServer === null
          ? `shared_preload_libraries = ${quoteLiteral(loaded.join(','))}, then restart the server.`
          : `${setParameter(azureServer, 'shared_preload_libraries', loaded)}, then az postgres flexible-server restart --resource-group <group> --name ${azureServer}`,
    };
  }
  if (azureServer === null && forSuperuser && !isSuperuser)
    return {
      message: `Only a superuser may create the extension ${name}${forOther(known)}`,
      help: `Name ${name} in the list of db/roles.sql, which an administrator runs, and write CREATE EXTENSION IF NOT EXISTS.`,
    };
  return null;
}

const forOther = ({ name, statement }: KnownExtension) =>
  name === statement ? '' : `, which ${statement} brings with CASCADE`;

function titleOf(known: KnownExtension): string {
  const other = forOther(known);
  return `The extension ${known.name}${other}${other === '' ? '' : ','}`;
}

/** Quoted, for PowerShell would take a bare comma for a list; double, for cmd knows no others. */
function setParameter(server: string, parameter: string, values: readonly string[]): string {
  const value = values.filter((each) => plain.test(each)).join(',');
  return `az postgres flexible-server parameter set --resource-group <group> --server-name ${server} --name ${parameter} --value "${value}"`;
}

/** What every extension of Azure is called like; nothing else gets into a line for a shell. */
const plain = /^[\w-]+$/;

/** The setting with what it lacks of them behind it. */
function withMissing(setting: string, wanted: readonly KnownExtension[]): string[] {
  const missing = wanted.filter(({ name, installed }) => !installed && !listed(setting, name));
  return [...new Set([...names(setting), ...missing.map(({ name }) => name)])];
}

const names = (setting: string) =>
  setting
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);

function listed(setting: string, name: string): boolean {
  return names(setting).some((each) => each.toLowerCase() === name.toLowerCase());
}
