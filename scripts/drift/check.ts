// Takes a session and its history; gives whether the live schema is what the last run left behind. It only reads.
// The change token comes first, in one round trip; only where that differs the schema itself is read and compared.
import type { Config } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import type { History } from '../ledger/ledger.ts';
import {
  applicationsSql,
  headSql,
  optionsText,
  parseHead,
  parseObjects,
  type SnapshotHead,
  snapshotMethod,
  storedHashesSql,
  storedObjectsSql,
} from '../ledger/snapshot.ts';
import { storedFingerprint } from '../ledger/stored-fingerprint.ts';
import { readUntilStill } from '../schema/catalog/moving.ts';
import {
  completeHashes,
  differingClasses,
  readClassHashes,
  readObjects,
  withCanonicalSession,
} from '../schema/catalog/snapshot.ts';
import { type Difference, diffObjects, foldDifferences } from '../schema/change/diff.ts';
import { withoutTables } from '../schema/change/managed.ts';
import type { ObjectClass, Query, SchemaObject, SchemaOptions } from '../schema/types.ts';
import { agreesWithSchemaFile } from './expected.ts';
import { stillCompared } from './filter.ts';
import { fingerprintOf, partitionJob, queryOf, readLiveFingerprint } from './live.ts';
import { withoutMachinery } from './machinery.ts';
import { schemaOptions } from './options.ts';

export interface DriftCheck {
  readonly state: 'none' | 'drifted' | 'unknown';
  /** As a person wants them listed; warnings are told apart by their severity. */
  readonly differences: readonly Difference[];
  /** All of them, also those that came or went with their table. */
  readonly everything: readonly Difference[];
  /** Why nothing can be said; null unless `unknown`. */
  readonly reason: string | null;
  /** True where it is unknown because a run was cut off: the stored snapshot is that of the run before. */
  readonly cutOff: boolean;
  /** True where it is unknown because another major version of the server took the stored snapshot. */
  readonly upgraded: boolean;
  /** The portable fingerprint, where the schema was read; see `readFingerprint`. */
  readonly fingerprint: string | null;
  /** True where the live schema is known to be the stored one. */
  readonly isStored: boolean;
  /** True when a writing run should store the snapshot anew, though nothing drifted: the next check is cheaper then. */
  readonly stale: boolean;
  /** The change token to store in place of another version's, where nothing else is to be stored anew; else null. */
  readonly newToken: string | null;
  /** The tool that makes partitions here by a job, told by its tables; null where there is none. */
  readonly job: string | null;
  /** What a snapshot taken now leaves out. */
  readonly options: SchemaOptions;
}

/**
 * Asks for the change token now, so that the server works while we do: what `checkDrift` takes. Its failure is told
 * there.
 * @throws MigrateError `connection`, `locked`, `refused`, but only to who awaits it
 */
export function askForChangeToken(
  session: Session,
  config: Config,
  { hasLedger }: Pick<History, 'hasLedger'>,
): Promise<SnapshotHead | null> {
  const head = hasLedger ? readHead(session, schemaOptions(config)) : Promise.resolve(null);
  head.catch(() => undefined);
  return head;
}

/**
 * @param asked the answer of `askForChangeToken`, where it was called
 * @throws MigrateError as every query of a session
 */
export async function checkDrift(
  session: Session,
  config: Config,
  history: Pick<History, 'hasLedger' | 'applied'>,
  asked?: Promise<SnapshotHead | null>,
): Promise<DriftCheck> {
  const own = schemaOptions(config);
  const head = await (asked ?? (history.hasLedger ? readHead(session, own) : null));
  if (head === null || head.token === null) {
    const applications = head === null ? [] : await session.query<{ tracking: string }>(applicationsSql);
    const tracking = applications.map((each) => each.tracking);
    const options = schemaOptions(config, tracking);
    const nothing = history.applied.length === 0 && (head === null || head.seqNow === null);
    const reason = nothing ? 'no migration ran here yet' : 'no snapshot was taken yet';
    return { ...unknown(options, reason), cutOff: head?.seqNow != null };
  }
  const options = schemaOptions(config, head.tracking ?? []);
  const stored = { ...options, ...head.options };
  const sameOptions = optionsText(stored) === optionsText(options);
  const isSame = sameOptions && options.tracking.length === own.tracking.length;
  const tokenNow = isSame ? head.tokenNow : ((await readHead(session, stored))?.tokenNow ?? '');
  const stale = !sameOptions || !isCurrent(head);
  if (tokenNow === head.token && head.method === snapshotMethod()) {
    // What a run that was cut off had made may have been taken away since.
    if (!isCurrent(head)) return settle(session, config, history, options, interruptedReason(head), true);
    return { ...nothingFound(options), isStored: sameOptions, stale };
  }
  if (head.method !== snapshotMethod())
    return settle(session, config, history, options, 'another version of this tool took the snapshot');
  return compare(session, config, history, { head, tokenNow, stored, options, sameOptions });
}

interface Comparison {
  readonly head: SnapshotHead;
  /** Read before the schema is: what changes in between shows in one of them. */
  readonly tokenNow: string;
  /** The options of the snapshot. */
  readonly stored: SchemaOptions;
  /** Those of now. */
  readonly options: SchemaOptions;
  readonly sameOptions: boolean;
}

async function compare(
  session: Session,
  config: Config,
  history: Pick<History, 'applied'>,
  comparison: Comparison,
): Promise<DriftCheck> {
  const { head, options, sameOptions } = comparison;
  const query = queryOf(session);
  const live = await withCanonicalSession(query, () => readDiffering(query, comparison));
  const known = live?.fingerprint ?? null;
  if (!isCurrent(head))
    return settle(session, config, history, options, interruptedReason(head), true, known);
  if (live === null) {
    const newToken = sameOptions ? comparison.tokenNow : null;
    return { ...nothingFound(options), isStored: sameOptions, stale: true, newToken };
  }
  const { classes, objects, compared, fingerprint } = live;
  const rows = await session.query<{ class: string; objects: string }>(storedObjectsSql(classes));
  const expected = withoutTables(parseObjects(rows), options.tracking);
  const sides = withoutMachinery({ expected, live: objects }, config.project.drift?.partitions);
  const all = diffObjects(sides.expected, sides.live);
  const everything = sameOptions ? all : all.filter(stillCompared(compared, options));
  const drifted = everything.some(({ severity }) => severity === 'drift');
  if (drifted && isUpgraded(head)) {
    const settled = await settle(session, config, history, options, upgradedReason(head), false, known);
    return { ...settled, upgraded: true };
  }
  return {
    ...nothingFound(options),
    fingerprint,
    state: drifted ? 'drifted' : 'none',
    differences: foldDifferences(everything),
    everything,
    job: drifted && options.partitions === undefined ? await partitionJob(query) : null,
    // A warning stays until somebody accepts it, or the next migration runs.
    stale: everything.length === 0,
  };
}

interface Differing {
  readonly classes: readonly ObjectClass[];
  /** Read under the options of the snapshot, and under those of now. */
  readonly objects: readonly SchemaObject[];
  readonly compared: readonly SchemaObject[];
  /** The portable fingerprint of the whole schema. */
  readonly fingerprint: string;
}

/** The live objects of the classes that are not as they were stored; null where all are. */
async function readDiffering(
  query: Query,
  { stored, options, sameOptions }: Comparison,
): Promise<Differing | null> {
  const kept = new Map((await query(storedHashesSql)).map((row) => [row.class, String(row.hash)]));
  const classes = differingClasses(completeHashes(kept), await readClassHashes(query, stored));
  if (classes.length === 0) return null;
  const objects = await readObjects(query, stored, classes);
  const compared = sameOptions ? objects : await readObjects(query, options, classes);
  return { classes, objects, compared, fingerprint: await fingerprintOf(query, options) };
}

function isCurrent(head: SnapshotHead): boolean {
  return head.seq === head.seqNow && head.journal === head.journalNow;
}

function interruptedReason(head: SnapshotHead): string {
  const why =
    head.journal === head.journalNow
      ? 'a run was cut off after a migration, before it could look at the schema'
      : 'a migration that runs outside a transaction is half done';
  return isUpgraded(head) ? `${why}, and ${upgradedReason(head)}` : why;
}

const isUpgraded = ({ major, majorNow }: SnapshotHead) => major !== null && major !== majorNow;

function upgradedReason({ major, majorNow }: SnapshotHead): string {
  return `the snapshot was taken on PostgreSQL ${major}; PostgreSQL ${majorNow} prints some definitions in another way`;
}

/** What the ledger cannot tell, db/schema.sql may: where it is of the same version and the fingerprints agree. */
async function settle(
  session: Session,
  config: Config,
  { applied }: Pick<History, 'applied'>,
  options: SchemaOptions,
  reason: string,
  cutOff = false,
  known: string | null = null,
): Promise<DriftCheck> {
  const fingerprint = known ?? (await readLiveFingerprint(session, options));
  const agrees = agreesWithSchemaFile(config, applied.at(-1)?.id ?? null, fingerprint);
  if (agrees) return { ...nothingFound(options), fingerprint, stale: true };
  return { ...unknown(options, reason), cutOff, fingerprint };
}

function nothingFound(options: SchemaOptions): DriftCheck {
  return {
    ...{ state: 'none', differences: [], everything: [], reason: null, cutOff: false, upgraded: false },
    ...{ fingerprint: null, isStored: false, stale: false, newToken: null, job: null, options },
  };
}

function unknown(options: SchemaOptions, reason: string): DriftCheck {
  return { ...nothingFound(options), state: 'unknown', reason, stale: true };
}

/** Null where the ledger is older than its table of snapshots. */
async function readHead(session: Session, options: SchemaOptions): Promise<SnapshotHead | null> {
  try {
    const [, token, head] = await readUntilStill(() => session.ask(headSql(options), 3));
    return parseHead(token?.[0]?.[0] ?? '', head?.[0]?.[0] ?? '{}');
  } catch (error) {
    if ((error as { code?: string }).code === '42P01') return null;
    throw error;
  }
}

/** The portable fingerprint of the checked schema; one round trip, or none where the check has read it. */
export async function readFingerprint(session: Session, check: DriftCheck): Promise<string> {
  const { fingerprint, isStored, options } = check;
  if (fingerprint !== null) return fingerprint;
  return (isStored ? await storedFingerprint(session) : null) ?? readLiveFingerprint(session, options);
}
