// status: every migration and its state. It never writes, not even a table.
import type { Command } from '../command.ts';
import type { MigrationStatus } from '../history.ts';
import { readClassified } from '../history-check.ts';
import { readState } from '../ledger.ts';
import { loadMigrations } from '../load.ts';
import { sayTarget, sessionHooks } from '../migration-run.ts';
import { count, formatTable } from '../report/human.ts';
import { withSession } from '../session.ts';

export interface StatusFlags {
  readonly check?: boolean;
}

export const status: Command<StatusFlags> = async ({ config, flags, progress, signal }) => {
  const migrations = await loadMigrations(config, progress.warn);
  return withSession(config, { signal, ...sessionHooks(progress) }, async (session) => {
    sayTarget(config, session, progress);
    const { statuses } = await readClassified(session, config, await readState(session, config), migrations);
    const pending = statuses.filter(({ state }) => state === 'pending' || state === 'out of order');
    const document = {
      migrations: statuses.map(statusJson),
      drift: { state: 'unknown', differences: [] },
      fingerprint: null,
    };
    const lines = [...formatTable(statuses.map(statusRow)), summary(statuses, pending.length)];
    return { document, lines, verdict: flags.check && pending.length > 0 ? 'pending' : null };
  });
};

function statusJson({ version, name, state, applied }: MigrationStatus): Record<string, unknown> {
  return {
    version,
    name,
    state,
    appliedAt: applied?.appliedAt ?? null,
    appliedBy: applied?.entry?.actor ?? null,
    gitSha: applied?.entry?.gitSha ?? null,
    durationMs: applied?.entry?.durationMs ?? null,
  };
}

function statusRow({ id, state, applied }: MigrationStatus): string[] {
  const by =
    applied?.entry == null ? (applied === null ? '' : 'by node-pg-migrate') : `by ${applied.entry.actor}`;
  const commit = applied?.entry?.gitSha == null ? '' : `at ${applied.entry.gitSha.slice(0, 7)}`;
  return [`  ${state}`, id, applied?.appliedAt ?? '', [by, commit].filter(Boolean).join(' ')];
}

function summary(statuses: readonly MigrationStatus[], pending: number): string {
  if (statuses.length === 0) return 'There are no migrations';
  const applied = statuses.filter(({ applied }) => applied !== null).length;
  return `${count(applied)} applied, ${pending} pending`;
}
