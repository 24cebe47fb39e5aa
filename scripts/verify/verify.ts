// Takes migrations and a scratch server; gives what their downs do not restore. One cycle per migration, each going on
// from where the last one ended: linear in the length of the history.

import type { Finding, Migration, SqlFile } from '../base/types.ts';
import { loadParser, type ParseResult, type Parser } from '../files/statements.ts';
import { defaultSchemaOptions, type SchemaOptions } from '../schema/types.ts';
import { ensureStandIns } from '../scratch/citus-stand-ins.ts';
import { ensureRoles } from '../scratch/placeholder-roles.ts';
import { applyMigrations } from '../scratch/replay.ts';
import type { ScratchServer } from '../scratch/scratch-server.ts';
import { connectTo } from '../scratch/with-scratch.ts';
import { asTransaction } from './as-transaction.ts';
import { cycleCommitted } from './committed.ts';
import { type CycleResult, cycleInTransaction } from './cycle.ts';
import { scratchOf, type Workspace } from './workspace.ts';

export interface VerifyRequest {
  readonly earlier: readonly Migration[];
  readonly underReview: readonly Migration[];
  /** Rows to put in before an up, by version. */
  readonly seedRows: ReadonlyMap<string, SqlFile>;
  readonly onMigration?: (migration: Migration, findings: readonly Finding[]) => void;
  readonly signal?: AbortSignal;
  /** Owners and grants are compared only where they are included. */
  readonly options?: SchemaOptions;
  /** Major version of the servers that the migrations are for. */
  readonly postgres: number;
}

/** @throws MigrateError `migration-failed` when an earlier migration does not run */
export async function verifyMigrations(server: ScratchServer, request: VerifyRequest): Promise<Finding[]> {
  const parse = remembering(await loadParser(request.postgres));
  const database = await server.create();
  const workspace: Workspace = {
    database,
    client: await connectTo(database),
    inside: false,
    token: null,
    options: request.options ?? defaultSchemaOptions,
  };
  try {
    await applyMigrations(workspace.client, request.earlier, parse);
    await ensureRoles(workspace.client, request.underReview, parse);
    await ensureStandIns(workspace.client, request.underReview);
    return await verifyEach(server, workspace, parse, request);
  } finally {
    await workspace.client.end().catch(() => undefined);
  }
}

/** A cycle runs its two files up to six times, and looks into them each time: they are parsed once. */
function remembering(parse: Parser): Parser {
  const known = new Map<string, ParseResult>();
  return (text, each) => {
    if (each !== undefined || text.length > longestRemembered) return parse(text, each);
    const result = known.get(text) ?? parse(text);
    known.delete(text);
    known.set(text, result);
    const [oldest] = known.keys();
    if (oldest !== undefined && known.size > rememberedTexts) known.delete(oldest);
    return result;
  };
}

/** Those of a migration, with and without what a scratch server does not run. */
const rememberedTexts = 4;
/** In characters: the tree of a text takes a hundred times its size. */
const longestRemembered = 64 * 1024;

async function verifyEach(
  server: ScratchServer,
  workspace: Workspace,
  parse: Parser,
  request: VerifyRequest,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const migration of request.underReview) {
    request.signal?.throwIfAborted();
    const result: CycleResult = await cycle(
      server,
      workspace,
      parse,
      migration,
      request.seedRows.get(migration.version) ?? null,
    );
    findings.push(...result.findings);
    request.onMigration?.(migration, result.findings);
    if (!result.applied) break;
  }
  return findings;
}

async function cycle(
  server: ScratchServer,
  workspace: Workspace,
  parse: Parser,
  migration: Migration,
  seedRows: SqlFile | null,
): Promise<CycleResult> {
  const noTransaction = migration.up.directives.noTransaction || migration.down.directives.noTransaction;
  const known = seedRows === null ? workspace.token : null;
  workspace.token = null;
  const inside = !noTransaction
    ? migration
    : seedRows === null
      ? await asTransaction(scratchOf(workspace, parse), migration)
      : null;
  if (inside === null) return cycleCommitted(server, workspace, parse, migration, seedRows);
  workspace.inside = true;
  const result = await cycleInTransaction(scratchOf(workspace, parse), inside, seedRows, known);
  workspace.inside = false;
  workspace.token = result.token ?? null;
  // What fails only because three files shared one transaction is no fault of theirs, nor what only some may not do in one.
  if (!result.doubtful && (result.applied || !noTransaction)) return result;
  const committed = await cycleCommitted(server, workspace, parse, migration, null);
  return { ...committed, findings: [...(result.ofSeedRows ?? []), ...committed.findings] };
}
