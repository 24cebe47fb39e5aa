// status: every migration and its state, or the audit log. It never writes, not even a table.

import { MigrateError } from '../base/errors.ts';
import { formatBytes } from '../base/size.ts';
import { allowsOutOfOrder } from '../config/binding.ts';
import type { Config } from '../config/config.ts';
import { checkDrift, type DriftCheck, readFingerprint } from '../drift/check.ts';
import { driftJson, driftLines } from '../drift/report.ts';
import type { FileFaults } from '../history/file-faults.ts';
import { halfDoneProblem, unfinishableError } from '../history/half-done.ts';
import {
  aheadLine,
  aheadOf,
  historyError,
  type MigrationState,
  type MigrationStatus,
} from '../history/history.ts';
import { type CheckedHistory, readClassified } from '../history/history-check.ts';
import { checkMigrations } from '../history/load-migrations.ts';
import { restoredLine } from '../history/restored.ts';
import { withTarget } from '../history/with-target.ts';
import { type AuditRow, readAudit } from '../ledger/audit.ts';
import { batchExtent, type HalfDone, halfWord } from '../ledger/half-done.ts';
import { readState } from '../ledger/ledger.ts';
import { isAfterDeploy } from '../plan/after-deploy.ts';
import { auditLines } from '../report/audit.ts';
import type { Command, CommandResult } from '../report/command.ts';
import { count, formatTable } from '../report/human.ts';

export interface StatusFlags {
  readonly check?: boolean;
  /** True without a number. */
  readonly log?: string | true;
}

export const status: Command<StatusFlags> = async (input) => {
  const { config, flags, progress } = input;
  const limit = readLimit(flags.log, config.json);
  const files = await checkMigrations(config, progress.warn);
  return withTarget(input, async (session) => {
    const state = await readState(session, config);
    const history = await readClassified(session, config, state, files.all());
    const drift = await checkDrift(session, config, history);
    const fingerprint = await readFingerprint(session, drift);
    const log = limit === undefined ? null : await readAudit(session, limit);
    return resultOf({ history, faults: files.faults, drift, fingerprint, log }, config, flags);
  });
};

/** What was read of files and database. */
interface Looked {
  readonly history: CheckedHistory;
  readonly faults: FileFaults;
  readonly drift: DriftCheck;
  readonly fingerprint: string;
  /** Null where it was not asked for. */
  readonly log: readonly AuditRow[] | null;
}

function resultOf(
  { history, faults, drift, fingerprint, log }: Looked,
  config: Config,
  flags: StatusFlags,
): CommandResult {
  const { statuses, environment } = history;
  const shown = statuses.map((each) => ({ ...each, isEmpty: isEmpty(each, faults) }));
  const pending = statuses.filter(
    ({ applied, twin, half }) => applied === null && (twin === null || half !== null),
  ).length;
  const ahead = aheadOf(statuses);
  const tolerated = new Set<MigrationState>(allowsOutOfOrder(config, undefined) ? ['out of order'] : []);
  const hint = 'Do what is said with each; then make migrate-status again.';
  return {
    document: {
      migrations: shown.map(statusJson),
      mark: environment,
      ...driftJson(drift),
      fingerprint,
      ...(log === null ? {} : { log }),
    },
    lines: [
      ...(log === null ? formatTable(shown.map(statusRow)) : auditLines(log)),
      ...shown.flatMap(emptyLine),
      ...statuses.map(halfDoneProblem).filter((line) => line !== null),
      ...driftLines(drift, config.verbose),
      ...(ahead.length === 0 ? [] : [aheadLine(ahead)]),
      ...(history.restored ? [restoredLine] : []),
      summary(statuses, pending),
    ],
    error: historyError(statuses, tolerated, hint) ?? unfinishableError(statuses),
    verdict: drift.state === 'drifted' ? 'drift' : flags.check && pending > 0 ? 'pending' : null,
  };
}

/** How many lines of the log: 20 for people, all of them in JSON, unless a number is given. */
function readLimit(log: string | true | undefined, json: boolean): number | null | undefined {
  if (log === undefined) return undefined;
  if (log === true) return json ? null : 20;
  if (/^[1-9]\d{0,8}$/.test(log)) return Number(log);
  throw new MigrateError('usage', `--log "${log}" is not a whole number above 0; a right value is 20`);
}

function statusJson(status: ShownStatus): Record<string, unknown> {
  const { version, name, state, applied, half, diffs, twin } = status;
  return {
    version,
    name,
    state: state === 'modified down' ? 'modified' : state,
    ...(waits(status) ? { afterDeploy: true } : {}),
    ...(status.isEmpty ? { empty: true } : {}),
    appliedAt: applied?.appliedAt ?? null,
    appliedBy: applied?.entry?.actor ?? null,
    gitSha: applied?.entry?.gitSha ?? null,
    durationMs: applied?.entry?.durationMs ?? null,
    ...(half === null
      ? {}
      : { partial: { direction: half.direction, statement: statementOf(half), of: half.total } }),
    ...(applied?.entry?.upSize == null ? {} : { unkeptUpSize: applied.entry.upSize }),
    ...(diffs.length === 0 ? {} : { diffs }),
    ...(twin === null ? {} : { renamed: twin }),
  };
}

/** The statement that is next, 1-based; with all done only the record is missing. */
function statementOf({ done, total }: HalfDone): number {
  return Math.min(done + 1, total);
}

/** Pending, and left by `up` until the application has started. */
function waits({ migration, applied }: MigrationStatus): boolean {
  return applied === null && migration !== null && isAfterDeploy(migration);
}

interface ShownStatus extends MigrationStatus {
  /** Pending, and refused by `up` until somebody writes it. */
  readonly isEmpty: boolean;
}

function isEmpty({ migration, applied }: MigrationStatus, faults: FileFaults): boolean {
  return applied === null && migration !== null && faults.has(migration.up.path);
}

function statusRow(status: ShownStatus): string[] {
  const { id, state, applied, half } = status;
  const notes = [waits(status) ? 'after-deploy' : '', status.isEmpty ? 'empty' : ''].filter(Boolean);
  const plain = notes.length === 0 ? state : `${state} (${notes.join(', ')})`;
  const shown =
    half === null
      ? plain
      : `partial (${batchExtent(half) ?? `statement ${statementOf(half)} of ${half.total}`})`;
  const by =
    applied?.entry == null ? (applied === null ? '' : 'by node-pg-migrate') : `by ${applied.entry.actor}`;
  const kind = applied?.entry == null || applied.entry.kind === 'run' ? '' : `(${applied.entry.kind})`;
  const commit = applied?.entry?.gitSha == null ? '' : `at ${applied.entry.gitSha.slice(0, 7)}`;
  const size = applied?.entry?.upSize ?? null;
  const unkept = size === null ? '' : `(up text of ${formatBytes(size)} not kept)`;
  return [`  ${shown}`, id, applied?.appliedAt ?? '', [by, commit, kind, unkept].filter(Boolean).join(' ')];
}

function emptyLine({ isEmpty, migration }: ShownStatus): string[] {
  if (!isEmpty) return [];
  return [`${migration?.up.path} and its down are still to be written: make migrate-up refuses them empty`];
}

function summary(statuses: readonly MigrationStatus[], pending: number): string {
  if (statuses.length === 0) return 'There are no migrations';
  const applied = statuses.filter(({ applied, half }) => applied !== null && half === null).length;
  const halves = statuses.flatMap(({ half }) => (half === null ? [] : [half]));
  const parts = [...new Set(halves.map(halfWord))].map(
    (word) => `, ${halves.filter((half) => halfWord(half) === word).length} ${word}`,
  );
  const later = statuses.filter(waits).length;
  const afterDeploy = later === 0 ? '' : ` (${later} after-deploy)`;
  return `${count(applied)} applied, ${pending} pending${afterDeploy}${parts.join('')}`;
}
