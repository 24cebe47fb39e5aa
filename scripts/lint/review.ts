// Takes migrations; gives findings: what each statement would do to a live database, and the safe way to write it.
// The scratch database, when there is one, has the last word; without it the text of the statements decides.
import { MigrateError } from '../base/errors.ts';
import type { Finding, Migration, SqlFile, Statement } from '../base/types.ts';
import { batchProblem } from '../files/batch.ts';
import { type Meanings, meaningsSql } from '../files/batch-meanings.ts';
import { takenBy, wouldTake } from '../files/newer-grammar.ts';
import { loadParser, type Parser, type SyntaxProblem } from '../files/statements.ts';
import { ensureStandIns } from '../scratch/citus-stand-ins.ts';
import type { ScratchClient } from '../scratch/client.ts';
import { ensureRoles } from '../scratch/placeholder-roles.ts';
import { applyMigrations } from '../scratch/replay.ts';
import { allowanceFindings } from './allowances.ts';
import {
  alone,
  type Complaint,
  complaintsOf,
  contextOf,
  stepComplaints,
  syntaxComplaint,
  toComplaint,
} from './complaints.ts';
import { allActions, unindexedForeignKeys } from './rules/foreign-keys.ts';
import { foreignKeyWithoutIndex } from './rules/review-rules.ts';
import type { Around, BatchReview, Severity, Step } from './rules/rule.ts';
import { rules } from './rules/rules.ts';
import { readActions } from './statement/actions.ts';
import { queryJson, readCatalog } from './trace/catalog.ts';
import type { Catalog, TracedStatement } from './trace/traced.ts';
import { traceMigration } from './trace/tracer.ts';

export interface ReviewOptions {
  /** Applied before the first under review, unwatched; only read when there is a scratch database. */
  readonly earlier: readonly Migration[];
  readonly underReview: readonly Migration[];
  /** A connection to an empty database that may be filled. Without it only static rules are asked. */
  readonly scratch?: ScratchClient;
  readonly settings?: LintSettings;
  /** All under review run one after another: what one of them makes is new for the next as well. */
  readonly asOne?: true;
  /** Partitioned tables (`schema.name`) of the target that have no partition there. */
  readonly emptyParents?: ReadonlySet<string>;
  /** Major version of the servers that the migrations are for. */
  readonly postgres: number;
  /** That is the server's own, and no wish: another one cannot be advised. */
  readonly isServers?: true;
  /** Told after each migration, in order; the steps have a trace where there was a scratch database. */
  readonly onReviewed?: (
    migration: Migration,
    steps: readonly Step[],
    complaints: readonly Complaint[],
  ) => void;
}

/** `lint.rules` of db/config.json. */
export interface LintSettings {
  readonly rules?: Readonly<Record<string, Severity | 'off'>> | undefined;
}

interface Reviewed {
  readonly migration: Migration;
  readonly steps: readonly Step[];
  /** The whole file was watched. */
  readonly watched: boolean;
  readonly complaints: readonly Complaint[];
}

/**
 * Reviews migrations in order. Up files are asked all rules; down files only those about statements that cannot run
 * at all, since a down is run in an emergency, on purpose.
 * @throws MigrateError `migration-failed` when an earlier migration does not run, `usage` for an unknown rule in the settings
 */
export async function reviewMigrations(options: ReviewOptions): Promise<readonly Finding[]> {
  demandKnownRules(options.settings);
  const parse = await loadParser(options.postgres);
  const configured = options.isServers === true ? null : options.postgres;
  const { scratch, earlier, underReview } = options;
  if (scratch !== undefined) {
    await applyMigrations(scratch, earlier, parse);
    await ensureRoles(scratch, underReview, parse);
    await ensureStandIns(scratch, underReview);
  }
  let catalog = scratch === undefined ? undefined : await readCatalog(scratch);
  const old = options.asOne === true && catalog !== undefined ? new Set(catalog.keys()) : undefined;
  const around: Around = {
    ...(old === undefined ? {} : { old }),
    ...(options.emptyParents === undefined ? {} : { emptyParents: options.emptyParents }),
  };
  const reviewed: Reviewed[] = [];
  let client = scratch;
  for (const migration of underReview) {
    const result = await reviewOne(migration, parse, configured, client, catalog, around);
    reviewed.push(result);
    options.onReviewed?.(migration, result.steps, result.complaints);
    // After a failure the database is not what the next migration expects: the text has to do.
    catalog = result.watched ? result.after : undefined;
    client = result.watched ? client : undefined;
  }
  const downs = new Map<Migration, readonly Complaint[]>();
  for (const migration of underReview)
    downs.set(migration, await downComplaints(migration.down, parse, configured));
  return toFindings(reviewed, catalog, downs, options.settings ?? {});
}

function demandKnownRules(settings: LintSettings | undefined): void {
  const unknown = Object.keys(settings?.rules ?? {}).filter((id) => !Object.hasOwn(rules, id));
  if (unknown.length === 0) return;
  throw new MigrateError('usage', `db/config.json: lint.rules names unknown rules: ${unknown.join(', ')}`, {
    hint: `Known are: ${Object.keys(rules).join(', ')}.`,
  });
}

async function reviewOne(
  migration: Migration,
  parse: Parser,
  configured: number | null,
  client: ScratchClient | undefined,
  before: Catalog | undefined,
  around: Around,
): Promise<Reviewed & { after: Catalog | undefined }> {
  const { up } = migration;
  const parsed = parse(up.text);
  if (parsed.ok === false) {
    const complaint = await refused(up, parsed.problem, configured);
    return { migration, steps: [], watched: false, complaints: [complaint], after: before };
  }
  const statements = parsed.ok === 'opaque' ? [wholeFile(up)] : parsed.statements;
  const batch = client === undefined ? null : await batchReview(client, up, statements, parse);
  const trace =
    client === undefined
      ? undefined
      : await traceMigration(client, statements, {
          noTransaction: up.directives.noTransaction,
          ...(before === undefined ? {} : { catalog: before }),
          ...(around.old === undefined ? {} : { old: around.old }),
        });
  const steps = statements.map((statement, i) => stepOf(statement, trace?.statements[i], parse));
  const watched =
    trace !== undefined && !steps.some((step) => step.trace === undefined || step.trace.error !== undefined);
  return {
    migration,
    steps,
    watched,
    complaints: complaintsOf(up, steps, before, parse, {
      ...around,
      ...(watched && trace !== undefined ? { resulting: trace.catalog } : {}),
      ...(batch === null ? {} : { batch }),
    }),
    after: trace?.catalog ?? before,
  };
}

function stepOf(statement: Statement, trace: TracedStatement | undefined, parse: Parser): Step {
  const actions = readActions(alone(statement, parse));
  return { statement, actions, ...(trace === undefined ? {} : { trace }) };
}

/** @param configured whose grammar refuses the file, where it could be another */
async function refused(file: SqlFile, problem: SyntaxProblem, configured: number | null): Promise<Complaint> {
  const newer = configured === null ? null : await takenBy([file.text], configured);
  return syntaxComplaint(file, problem, newer === null ? '' : wouldTake(newer));
}

/** What the names in a batch's statement mean where all migrations before it have run; null for any other file. */
async function batchReview(
  client: ScratchClient,
  { directives: { batch }, text }: SqlFile,
  [statement]: readonly Statement[],
  parse: Parser,
): Promise<BatchReview | null> {
  if (batch === undefined || statement === undefined || statement.kind === 'Unknown') return null;
  const meanings = await queryJson<Meanings>(client, meaningsSql({ [statement.kind]: statement.node }));
  return { meanings, problem: batchProblem(batch, text, parse, meanings) };
}

/** Too large to be parsed here: it can still be run and watched as one. */
function wholeFile(file: SqlFile): Statement {
  const end = file.text.length;
  return { index: 1, start: 0, end, line: 1, column: 1, text: file.text, kind: 'Unknown', node: {} };
}

function toFindings(
  reviewed: readonly Reviewed[],
  after: Catalog | undefined,
  downs: ReadonlyMap<Migration, readonly Complaint[]>,
  settings: LintSettings,
): readonly Finding[] {
  const all = reviewed.flatMap(({ steps }) => steps.flatMap(allActions));
  return reviewed.flatMap(({ migration, steps, watched, complaints }) => {
    const keys = unindexedForeignKeys(steps, all, after).map(({ hit, step }) =>
      toComplaint(migration.up, step, foreignKeyWithoutIndex, hit, null, after),
    );
    return [
      ...settle(migration.up, [...complaints, ...keys], watched, settings),
      ...settle(migration.down, downs.get(migration) ?? [], true, settings),
    ];
  });
}

/** A down is asked only whether its statements can run at all, and only by its text. */
async function downComplaints(
  file: SqlFile,
  parse: Parser,
  configured: number | null,
): Promise<readonly Complaint[]> {
  const parsed = parse(file.text);
  if (parsed.ok === false) return [await refused(file, parsed.problem, configured)];
  if (parsed.ok === 'opaque') return [];
  const steps = parsed.statements.map(
    (statement): Step => ({ statement, actions: readActions(alone(statement, parse)) }),
  );
  const asked = Object.values(rules).filter(({ downToo }) => downToo === true);
  return steps.flatMap((_step, i) => stepComplaints(contextOf(file, steps, i, undefined), asked, parse));
}

/** Severities of the settings, then what the file's allowances leave, then what is wrong with those; by position. */
function settle(
  file: SqlFile,
  complaints: readonly Complaint[],
  complete: boolean,
  settings: LintSettings,
): readonly Finding[] {
  const allowed = new Set(file.directives.allow.map(({ rule }) => rule));
  const standing = complaints.filter(({ rule }) => !allowed.has(rule.id));
  return [...standing, ...allowanceFindings(file, complaints, complete)]
    .flatMap(({ rule, line, column, message, help, severity: own }): Finding[] => {
      const severity = settings.rules?.[rule.id] ?? own ?? rule.severity;
      return severity === 'off'
        ? []
        : [{ rule: rule.id, severity, file: file.path, line, column, message, help }];
    })
    .sort((a, b) => a.line - b.line || a.column - b.column);
}
