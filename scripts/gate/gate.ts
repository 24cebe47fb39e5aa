// Takes a connection and the manifest that a release was built with; tells whether the database has the schema for it.
// Part of an application: it reads, a row at a time, and never writes; it knows nothing of migration files.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { callStyleOfPackage, respelled, respelledError } from '../base/call-style.ts';
import { MigrateError } from '../base/errors.ts';
import { undisturbing } from '../base/logger.ts';
import { text } from '../base/options.ts';
import { needFingerprint, readStored, type StoredSchema } from './gate-fingerprint.ts';
import { type GateOptions, gateShapes, manifestShape, refuseWrongOptions } from './gate-options.ts';
import { type Comparison, compare, type Queryable, readPresence } from './gate-queries.ts';
import { checkManifest, defaultManifestPath, type Manifest, parseManifest } from './manifest.ts';
import { formatReleaseName } from './release-name.ts';

export { MigrateError } from '../base/errors.ts';
export type { GateLogger, GateOptions } from './gate-options.ts';
export type { Queryable } from './gate-queries.ts';
export type { Manifest, ManifestMigration } from './manifest.ts';

/**
 * The release's identity for the application's own sessions (`application_name`): `up --after-deploy` takes nothing away
 * while sessions of an older release are connected. At most 63 ASCII characters.
 * @throws MigrateError `usage` (no manifest, an option that it does not know)
 */
export function releaseName(
  options: { readonly manifest?: Manifest | string; readonly application?: string } = {},
): string {
  try {
    refuseWrongOptions('releaseName()', options, { manifest: manifestShape, application: text });
    const manifest = readManifest(options.manifest ?? defaultManifestPath);
    return formatReleaseName(manifest, options.application ?? 'app');
  } catch (error) {
    throw spelledHere(error);
  }
}

/** Commands as they are called where the application runs; the gate's own messages have no options. */
function spelledHere(error: unknown): unknown {
  const style = callStyleOfPackage(process.cwd());
  return respelledError(error, (text) => respelled(text, style, () => []));
}

/** What the gate found; `ready` is the verdict, `message` says why in a sentence. Lists hold `<version>_<name>`. */
export interface SchemaState {
  readonly ready: boolean;
  readonly state:
    | 'current'
    | 'ahead'
    | 'behind'
    | 'modified'
    | 'half-done'
    | 'other-environment'
    | 'other-schema';
  readonly message: string;
  readonly behind: readonly string[];
  /** After-deploy migrations that have not run yet; the release does not need them to start. */
  readonly waiting: readonly string[];
  readonly ahead: readonly string[];
  readonly modified: readonly string[];
  /** Migrations of this release that stopped half-way, up or down: neither applied nor pending. */
  readonly halfDone: readonly string[];
  /** The database's stamp; null where it has none. */
  readonly environment: string | null;
  /** That of the schema as the last run stored it; null where none is stored, or it was not asked for. */
  readonly fingerprint: string | null;
}

/**
 * Compares the database with the release; for a start that must not go on otherwise.
 * @throws MigrateError `pending` (behind), `history` (modified, half done), `drift` (another fingerprint), `refused` (stamped as
 * another environment, or no right to look), `usage` (no manifest, or none with a fingerprint, an
 * option that it does not know), `connection`
 */
export async function assertSchema(options: GateOptions = {}): Promise<SchemaState> {
  refuseWrongOptions('assertSchema()', options, gateShapes);
  const found = await checkSchema(options);
  const logger = undisturbing(options.logger ?? console);
  if (!found.ready) throw spelledHere(refusal(found));
  if (found.state === 'ahead') logger.warn(found.message);
  else logger.log(found.message);
  return found;
}

/**
 * The same, but tells instead of refusing; for readiness probes.
 * @throws MigrateError `usage` (no manifest, no target, an option that it does not know), `connection`, `refused` (no right to look)
 */
export async function checkSchema(options: GateOptions = {}): Promise<SchemaState> {
  try {
    refuseWrongOptions('checkSchema()', options, gateShapes);
    const manifest = readManifest(options.manifest ?? defaultManifestPath);
    const expected = options.environment ?? (process.env.MIGRATE_ENV || undefined);
    const wanted = options.fingerprint === true ? needFingerprint(manifest) : null;
    return await withClient(options, async (client) => {
      const presence = await readPresence(client, manifest);
      const found = judge(await compare(client, manifest, presence), expected);
      if (wanted === null || found.state !== 'current' || found.waiting.length > 0) return found;
      const stored = presence.ledger ? await readStored(client) : null;
      return judgeSchema(found, wanted, stored, manifest.postgres);
    });
  } catch (error) {
    throw spelledHere(error);
  }
}

function readManifest(manifest: Manifest | string): Manifest {
  if (typeof manifest !== 'string') return checkManifest(manifest, 'The manifest');
  let text: string;
  try {
    text = readFileSync(resolve(manifest), 'utf8');
  } catch (cause) {
    throw new MigrateError(
      'usage',
      `The manifest of migrations cannot be read: ${(cause as Error).message}. Build it into the release: make manifest`,
      { cause },
    );
  }
  return parseManifest(text, manifest);
}

async function withClient<Result>(
  { client, connection }: GateOptions,
  work: (client: Queryable) => Promise<Result>,
): Promise<Result> {
  if (client !== undefined) return work(client);
  const [{ connect }, { readTarget }, { namesTarget }] = await Promise.all([
    import('../connection/connect.ts'),
    import('../config/target.ts'),
    import('../config/environment.ts'),
  ]);
  const variables =
    typeof connection === 'string'
      ? { DATABASE_URL: connection, PGPASSWORD: process.env.PGPASSWORD }
      : (connection ?? process.env);
  // A setting that is missing is told at once, not as a server on this machine that does not answer.
  if (!namesTarget(variables))
    throw new MigrateError('usage', 'The gate has no database to look at', {
      hint: 'Give it the application’s client or a connection, or set DATABASE_URL (or PGHOST …).',
    });
  const own = await connect(await readTarget(variables), {
    applicationName: 'migration gate',
    timeoutMs: 10_000,
  });
  try {
    return await work(own);
  } finally {
    await own.end().catch(() => undefined);
  }
}

const listed = 20;

function list(ids: readonly string[]): string {
  const more = ids.length - listed;
  return ids.slice(0, listed).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function judge(
  { behind, waiting, ahead, modified, halfDone, environment }: Comparison,
  expected: string | undefined,
): SchemaState {
  const common = { behind, waiting, ahead, modified, halfDone, environment, fingerprint: null };
  if (expected !== undefined && environment !== null && environment !== expected) {
    const message = `The database is stamped as ${environment}, but this application runs as ${expected}`;
    return { ...common, ready: false, state: 'other-environment', message };
  }
  if (halfDone.length > 0) {
    const message = `The database is between two states, for migrations of this release are half done: ${list(halfDone)}`;
    return { ...common, ready: false, state: 'half-done', message };
  }
  if (modified.length > 0) {
    const message = `The database has other versions of migrations than this release: ${list(modified)}`;
    return { ...common, ready: false, state: 'modified', message };
  }
  if (behind.length > 0) {
    const message = `The database is behind this release, it lacks: ${list(behind)}`;
    return { ...common, ready: false, state: 'behind', message };
  }
  if (ahead.length > 0) {
    const message = `The database is ahead of this release, which does not know: ${list(ahead)}`;
    return { ...common, ready: true, state: 'ahead', message };
  }
  return { ...common, ready: true, state: 'current', message: 'The database has the schema of this release' };
}

/** The database has exactly the release's migrations: so should its schema be. */
function judgeSchema(
  found: SchemaState,
  wanted: string,
  stored: StoredSchema | null,
  major: number | undefined,
): SchemaState {
  if (stored?.fingerprint === wanted && stored.isCurrent) return { ...found, fingerprint: wanted };
  const message =
    stored === null
      ? 'The database’s ledger holds no schema, so it cannot be compared with this release’s'
      : stored.isCurrent
        ? `The schema that the last run left has the fingerprint ${stored.fingerprint}, this release’s is ${wanted}${printedBy(stored.server, major)}`
        : 'The stored schema is older than the newest migration, for a run was cut off before it could look';
  const fingerprint = stored?.fingerprint ?? null;
  return { ...found, ready: false, state: 'other-schema', message, fingerprint };
}

/** Another major version may print the same schema with another fingerprint. */
function printedBy(server: number, release: number | undefined): string {
  if (release === undefined || release === server) return '';
  return `: that is PostgreSQL ${release}’s, and the server is ${server}. Set "postgres": ${server} in db/config.json, make schema and make manifest, and build the release with them`;
}

const refusals = {
  behind: 'pending',
  modified: 'history',
  'half-done': 'history',
  'other-environment': 'refused',
  'other-schema': 'drift',
} as const;
const hints = {
  behind: 'Run the migrations of this release against this database first: make migrate-up.',
  modified: 'Build the release from the commit whose migrations were applied, or see make migrate-status.',
  'half-done': 'Finish them with the command that stopped (make migrate-status names it).',
  'other-environment': 'Check the connection settings, and MIGRATE_ENV of the application.',
  'other-schema':
    'Run the migrations of this release once more (make migrate-up): a run stores the schema; make migrate-drift shows what differs.',
} as const;

function refusal({ state, message }: SchemaState): MigrateError {
  if (state === 'current' || state === 'ahead') return new MigrateError('bug', message);
  return new MigrateError(refusals[state], `${message}. ${hints[state]}`, { hint: hints[state] });
}
