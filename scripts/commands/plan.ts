// plan: what up or down would do, statement by statement, writing nothing.
import { allowsOutOfOrder } from '../binding.ts';
import type { Command } from '../command.ts';
import { checkDrift } from '../drift/check.ts';
import { sayDrift, stopForDrift } from '../drift/run.ts';
import { type MigrationState, toleratedByDown } from '../history.ts';
import { readChecked } from '../history-check.ts';
import { readState, readTexts } from '../ledger.ts';
import { loadMigrations } from '../load.ts';
import { sayTarget, sessionHooks } from '../migration-run.ts';
import { planDown, planUp } from '../plan.ts';
import { maskSqlSecrets } from '../redact.ts';
import { count } from '../report/human.ts';
import { withSession } from '../session.ts';
import { loadParser, type Parser } from '../statements.ts';
import { type ReadyStep, readySteps } from '../steps.ts';
import { readPlanTarget, type TargetFlags } from '../target-flags.ts';

export interface PlanFlags extends TargetFlags {
  readonly fromDisk?: boolean;
  readonly allowOutOfOrder?: boolean;
}

/** Serves `plan`, `up --dry-run` and `down --dry-run`; the direction follows the command's name. */
export const plan: Command<PlanFlags> = async ({ config, flags, progress, signal }) => {
  const direction = config.command === 'down' ? 'down' : 'up';
  const target = readPlanTarget(flags, direction === 'down');
  const migrations = await loadMigrations(config, progress.warn);
  return withSession(config, { signal, ...sessionHooks(progress) }, async (session) => {
    sayTarget(config, session, progress);
    const state = await readState(session, config);
    const outOfOrder = allowsOutOfOrder(config, flags.allowOutOfOrder);
    const tolerated =
      direction === 'down' ? toleratedByDown : new Set<MigrationState>(outOfOrder ? ['out of order'] : []);
    const history = await readChecked(session, config, state, migrations, tolerated);
    const drift = await checkDrift(session, config, history);
    if (drift.state === 'drifted') return stopForDrift(drift, session, config);
    sayDrift(drift, history, progress);
    const { steps } = (direction === 'up' ? planUp : planDown)(migrations, history.applied, target);
    const seqs = steps.flatMap(({ applied }) => (applied?.entry ? [applied.entry.seq] : []));
    const ready = readySteps(
      steps,
      await readTexts(session, direction === 'down' ? seqs : []),
      flags.fromDisk,
    );
    const parse = await loadParser();
    return {
      document: {
        migrations: ready.map((step) => ({ ...stepJson(step), statements: statementsOf(parse, step) })),
      },
      lines:
        ready.length === 0
          ? [direction === 'up' ? 'Already up to date: nothing would be applied' : 'Nothing to revert']
          : [
              ...ready.flatMap((step) => stepLines(parse, step)),
              `Would ${direction === 'up' ? 'apply' : 'revert'} ${count(ready.length)}. Nothing was changed.`,
            ],
    };
  });
};

function stepJson({ version, name, direction }: ReadyStep): Record<string, unknown> {
  return { version, name, direction, outcome: 'pending', durationMs: null };
}

function statementsOf(parse: Parser, { text }: ReadyStep): { line: number; text: string }[] {
  const parsed = parse(text);
  return parsed.ok === true
    ? parsed.statements.map(({ line, text: sql }) => ({ line, text: maskSqlSecrets(sql) }))
    : [];
}

function stepLines(parse: Parser, step: ReadyStep): string[] {
  const mode = step.directives.noTransaction ? 'outside a transaction, one by one' : 'in one transaction';
  const statements = statementsOf(parse, step).map(
    ({ line, text }) => `    ${String(line).padStart(4)}: ${firstLine(text)}`,
  );
  return [`  ${step.direction} ${step.id}, ${mode}`, ...statements];
}

function firstLine(sql: string): string {
  const flat = sql.replace(/\s+/g, ' ');
  return flat.length <= 100 ? flat : `${flat.slice(0, 99)}…`;
}
