// Takes a session; appends to and reads the audit log of the ledger. It decides nothing about what belongs there.
import type { TrackingTable } from '../config/config.ts';
import type { Provenance } from '../config/provenance.ts';
import type { Session } from '../connection/session.ts';

/** How one command ended. `options` and `message` are free of secrets. */
export interface AuditEntry {
  readonly command: string;
  readonly options: string;
  readonly result: string;
  readonly exitCode: number;
  readonly message: string;
  readonly durationMs: number;
}

/** An entry as it is shown; `at` is ISO 8601, UTC. */
export interface AuditRow extends AuditEntry {
  readonly at: string;
  readonly environment: string;
  readonly actor: string;
  readonly databaseUser: string;
  readonly gitSha: string | null;
  readonly runUrl: string | null;
  readonly host: string;
  readonly toolVersion: string;
}

/** An INSERT with its values; fails where the ledger is missing, too old, or must not be written. */
export function auditInsert(
  entry: AuditEntry,
  { schema, table }: TrackingTable,
  provenance: Provenance,
): { text: string; values: readonly unknown[] } {
  const { command, options, result, exitCode, message, durationMs } = entry;
  const { environment, actor, gitSha, runUrl, host, toolVersion } = provenance;
  return {
    text: `INSERT INTO migration_ledger.audit (tracking, command, options, result, exit_code, message, duration_ms,
             environment, actor, git_sha, run_url, host, tool_version)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    values: [
      `${schema}.${table}`,
      command,
      options,
      result,
      exitCode,
      message,
      Math.round(durationMs),
      environment,
      actor,
      gitSha,
      runUrl,
      host,
      toolVersion,
    ],
  };
}

/** Newest first; empty where there is no log yet. */
export async function readAudit(session: Session, limit: number | null): Promise<readonly AuditRow[]> {
  const [{ exists } = { exists: false }] = await session.query<{ exists: boolean }>(
    `SELECT to_regclass('migration_ledger.audit') IS NOT NULL AS exists`,
  );
  if (!exists) return [];
  return session.query<AuditRow & Record<string, unknown>>(
    `SELECT to_char(finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at, command, options, result,
            exit_code AS "exitCode", message, duration_ms AS "durationMs", environment, actor, db_user AS "databaseUser",
            git_sha AS "gitSha", run_url AS "runUrl", host, tool_version AS "toolVersion"
       FROM migration_ledger.audit ORDER BY seq DESC LIMIT $1`,
    [limit],
  );
}
