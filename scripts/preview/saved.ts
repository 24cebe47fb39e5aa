// Takes a plan and what it was made from; gives the file that binds the two, and says what has changed when it is to run.
// The texts of migrations and secrets are never taken from the file: it names them by their hashes.
import { createHash } from 'node:crypto';
import { closeSync, constants, fchmodSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { visible } from '../base/foreign-text.ts';
import { toolVersion } from '../base/paths.ts';
import { refuseLinkOut } from '../base/project-file.ts';
import { redactAll } from '../base/secrets.ts';
import type { Migration } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import { type DriftCheck, readFingerprint } from '../drift/check.ts';
import type { History } from '../ledger/ledger.ts';
import { type Difference, describeDifference } from '../schema/change/diff.ts';
import { digestOf, type ShownEffects, type ShownPlan } from './approved.ts';
import { hasPlanShape } from './plan-shape.ts';

const format = 'migrate-plan/2';

/** Everything that a saved plan stands on. */
export interface Binding {
  readonly toolVersion: string;
  readonly environment: string;
  readonly target: {
    readonly host: string;
    readonly port: number;
    readonly database: string;
    readonly oid: number;
  };
  readonly history: { readonly digest: string; readonly applied: number; readonly newest: string | null };
  /** Of the schema; owners and grants aside. */
  readonly fingerprint: string;
  /** sha256 by path of every migration file. */
  readonly files: Readonly<Record<string, string>>;
}

export interface SavedPlan extends Binding, ShownPlan, ShownEffects {
  readonly format: typeof format;
  readonly createdAt: string;
  /** How far the plan was asked to go. */
  readonly asked: Asked;
  readonly allowOutOfOrder: boolean;
  /** Of everything else in the file. */
  readonly digest: string;
}

export interface Asked {
  readonly to?: string;
  readonly n?: string;
  readonly afterDeploy?: boolean;
}

export interface BindingSources {
  readonly config: Config;
  readonly session: Session;
  readonly history: Pick<History, 'applied' | 'halfDone'>;
  readonly drift: DriftCheck;
  readonly migrations: readonly Migration[];
}

/** What the plan stands on now; one round trip, and another where the drift check did not read the schema. */
export async function readBinding({
  config,
  session,
  history: { applied, halfDone },
  drift,
  migrations,
}: BindingSources): Promise<Binding> {
  const [row] = await session.query<{ oid: number }>(
    'SELECT oid FROM pg_database WHERE datname = current_database()',
  );
  const { host, port, database } = session.target;
  const entries = applied.map(({ id, tracked, entry }) => [id, tracked, entry?.seq, entry?.upChecksum]);
  const fingerprint = await readFingerprint(session, drift);
  const files = migrations.flatMap(({ up, down }) => [up, down]);
  return {
    toolVersion: toolVersion(),
    environment: config.environmentName,
    target: { host, port, database, oid: row?.oid ?? 0 },
    history: {
      digest: createHash('sha256')
        .update(JSON.stringify(halfDone.length === 0 ? entries : [entries, halfDone]))
        .digest('hex'),
      applied: applied.length,
      newest: applied.at(-1)?.id ?? null,
    },
    fingerprint,
    files: Object.fromEntries(files.map(({ path, checksum }) => [path, checksum])),
  };
}

/**
 * Writes a file that its owner alone may read, without a secret in it.
 * @returns its digest
 * @throws MigrateError `usage` where the file cannot be written
 */
export function savePlan(
  { root }: Config,
  path: string,
  plan: Omit<SavedPlan, 'format' | 'createdAt' | 'migrations' | 'digest'>,
  shown: Readonly<Record<string, unknown>>,
): string {
  const said = redactAll({ format, createdAt: new Date().toISOString(), ...shown, ...plan });
  refuseLinkOut(root, path);
  const digest = digestOf(JSON.parse(JSON.stringify(said)) as Record<string, unknown>);
  try {
    writePrivately(resolve(root, path), `${JSON.stringify({ ...said, digest }, null, 2)}\n`);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code === 'ELOOP' ? `${path} is a symbolic link` : message;
    throw new MigrateError('usage', `The plan cannot be written: ${reason}`, { cause });
  }
  return digest;
}

/** Whoever may write to the folder must not choose which file is overwritten, and made private. */
function writePrivately(path: string, text: string): void {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW = 0 } = constants;
  const file = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  try {
    // One that was there before keeps its mode otherwise.
    fchmodSync(file, 0o600);
    writeFileSync(file, text);
  } finally {
    closeSync(file);
  }
}

/**
 * The digest in the file has no key: whoever edits the file can make it anew. What was approved by its digest is held
 * against that.
 * @param approved a digest, or undefined
 * @throws MigrateError `usage` for what is no plan, `refused` for one of another format, edited, or another than approved
 */
export function readPlan({ root }: Pick<Config, 'root'>, path: string, approved?: string): SavedPlan {
  const file = resolve(root, path);
  const hint = 'make migrate-plan out=plan.json writes one.';
  const text = readText(file);
  if (text === null) throw new MigrateError('usage', `There is no plan ${path}`, { hint });
  const plan = parse(text);
  if (plan === null || typeof plan.format !== 'string')
    throw new MigrateError('usage', `${path} is no plan of this tool`, { hint });
  const isIntact = plan.format === format && plan.digest === digestOf(plan) && hasPlanShape(plan);
  if (isIntact && (approved === undefined || approved === plan.digest)) return plan as unknown as SavedPlan;
  const otherwise = isIntact
    ? `is not the plan that was approved: its digest is ${String(plan.digest)}`
    : plan.format === format
      ? 'is not as this tool wrote it'
      : `was written by another version of this tool (${visible(plan.format).slice(0, 40)})`;
  throw new MigrateError('refused', `${path} ${otherwise}`, {
    hint: 'Make the plan anew, have it approved, then run that.',
    state: 'Nothing was connected to.',
  });
}

/** Null for what is no file that can be read. */
function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/**
 * @param differences of a drift check, to name the objects where the schema is another
 * @throws MigrateError `refused` naming everything that is not as it was
 */
export function refuseChanged(saved: SavedPlan, now: Binding, differences: readonly Difference[] = []): void {
  const problems = changes(saved, now, differences);
  if (problems.length === 0) return;
  throw new MigrateError('refused', 'The plan does not hold any more: what it was made from has changed', {
    problems,
    hint: 'Make the plan anew (make migrate-plan out=…), have it approved, then run that.',
    state: 'Nothing was changed.',
  });
}

function changes(saved: SavedPlan, now: Binding, differences: readonly Difference[]): string[] {
  const differ = (what: string, then: unknown, is: unknown) =>
    then === is ? [] : [visible(`${what}: ${then ?? 'none'} in the plan, ${is ?? 'none'} now`)];
  const place = ({ host, port, database, oid }: Binding['target']) =>
    `${database} (oid ${oid}) on ${host}:${port}`;
  const past = ({ applied, newest }: Binding['history']) => `${applied} applied, newest ${newest ?? 'none'}`;
  const history =
    past(saved.history) === past(now.history)
      ? ['history: the same migrations are applied, but they were reverted and applied again, or repaired']
      : differ('history', past(saved.history), past(now.history));
  return [
    ...differ('tool version', saved.toolVersion, now.toolVersion),
    ...differ('environment', saved.environment, now.environment),
    ...differ('target', place(saved.target), place(now.target)),
    ...(saved.history.digest === now.history.digest && past(saved.history) === past(now.history)
      ? []
      : history),
    ...differ('database schema', saved.fingerprint, now.fingerprint),
    ...(saved.fingerprint === now.fingerprint
      ? []
      : differences.map((difference) => describeDifference(difference))),
    ...fileChanges(saved.files, now.files),
  ];
}

function fileChanges(then: Binding['files'], now: Binding['files']): string[] {
  return [...new Set([...Object.keys(then), ...Object.keys(now)])].sort().flatMap((path) => {
    if (then[path] === now[path]) return [];
    if (then[path] === undefined) return [`file ${visible(path)} is new`];
    return [`file ${visible(path)} ${now[path] === undefined ? 'is gone' : 'has changed'}`];
  });
}
