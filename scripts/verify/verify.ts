// Takes migrations and a scratch server; gives what their downs do not restore. One cycle per migration, each going on
// from where the last one ended: linear in the length of the history.

import type { Finding, Migration, SqlFile } from '../base/types.ts';
import { loadParser, type Parser } from '../files/statements.ts';
import { ensureRoles } from '../scratch/placeholder-roles.ts';
import { applyMigrations } from '../scratch/replay.ts';
import type { Shadow } from '../scratch/scratch-server.ts';
import { connectTo } from '../scratch/with-scratch.ts';
import { cycleCommitted } from './committed.ts';
import { type CycleResult, cycleInTransaction } from './cycle.ts';
import { type Bench, scratchOf } from './workspace.ts';

export interface VerifyRequest {
  readonly earlier: readonly Migration[];
  readonly underReview: readonly Migration[];
  /** Rows to put in before an up, by version. */
  readonly probes: ReadonlyMap<string, SqlFile>;
  readonly onMigration?: (migration: Migration, findings: readonly Finding[]) => void;
  readonly signal?: AbortSignal;
}

/** @throws MigrateError `migration-failed` when an earlier migration does not run */
export async function verifyMigrations(shadow: Shadow, request: VerifyRequest): Promise<Finding[]> {
  const parse = await loadParser();
  const database = await shadow.create();
  const bench: Bench = { database, client: await connectTo(database), inside: false, gate: null };
  try {
    await applyMigrations(bench.client, request.earlier, parse);
    await ensureRoles(bench.client, request.underReview, parse);
    return await verifyEach(shadow, bench, parse, request);
  } finally {
    await bench.client.end().catch(() => undefined);
  }
}

async function verifyEach(
  shadow: Shadow,
  bench: Bench,
  parse: Parser,
  request: VerifyRequest,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const migration of request.underReview) {
    request.signal?.throwIfAborted();
    const result: CycleResult = await cycle(
      shadow,
      bench,
      parse,
      migration,
      request.probes.get(migration.version) ?? null,
    );
    findings.push(...result.findings);
    request.onMigration?.(migration, result.findings);
    if (!result.applied) break;
  }
  return findings;
}

async function cycle(
  shadow: Shadow,
  bench: Bench,
  parse: Parser,
  migration: Migration,
  probe: SqlFile | null,
): Promise<CycleResult> {
  const outside = migration.up.directives.noTransaction || migration.down.directives.noTransaction;
  const known = probe === null ? bench.gate : null;
  bench.gate = null;
  if (outside) return cycleCommitted(shadow, bench, parse, migration);
  bench.inside = true;
  const result = await cycleInTransaction(scratchOf(bench, parse), migration, probe, known);
  bench.inside = false;
  bench.gate = result.gate ?? null;
  // What fails only because three files shared one transaction is no fault of theirs.
  if (!result.doubtful) return result;
  const committed = await cycleCommitted(shadow, bench, parse, migration);
  return { ...committed, findings: [...(result.probed ?? []), ...committed.findings] };
}
