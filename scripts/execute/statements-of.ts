// Takes a step that runs outside a transaction; gives its statements, one by one. It sends nothing.
import { MigrateError } from '../base/errors.ts';
import { positionAt } from '../base/positions.ts';
import { newestMajor } from '../base/postgres-major.ts';
import type { Statement } from '../base/types.ts';
import { separateStatements } from '../files/separate.ts';
import { keepLockTimeout } from '../files/settings-set.ts';
import { excerpt, safeMessage } from '../files/sql-error.ts';
import type { ParseResult } from '../files/statements.ts';
import { mendHint } from '../plan/mend-hint.ts';
import type { ReadyStep } from '../plan/steps.ts';
import type { RunContext } from './context.ts';

/** @throws MigrateError `migration-failed` for a text that the grammar of the server does not take apart */
export async function statementsOf(context: RunContext, step: ReadyStep): Promise<readonly Statement[]> {
  const parse = await context.loadParser();
  // A file that switches the lock time-out off must not wait without end: see keepLockTimeout.
  const statements = separateStatements(parse, keepLockTimeout(step.text, parse));
  if (statements !== null) return statements;
  throw unseparated(context, step, parse(step.text));
}

/** As the server would say it; one that is newer than the grammars here would have to be given the text as a whole. */
function unseparated({ session, config }: RunContext, step: ReadyStep, parsed: ParseResult): MigrateError {
  const { path, text } = step;
  const problem = parsed.ok === false ? parsed.problem : null;
  const message = `${path} cannot be split into statements, which running outside a transaction needs`;
  return new MigrateError(
    'migration-failed',
    problem === null ? message : safeMessage(problem.message, text, problem.offset),
    {
      ...(problem === null
        ? { location: { file: path } }
        : {
            location: { file: path, ...positionAt(text, problem.offset) },
            database: { sqlState: '42601' },
            excerpt: excerpt(text, problem.offset),
          }),
      hint:
        session.major > newestMajor
          ? `Write it in what PostgreSQL ${newestMajor} knows: of what is newer only a file that runs in a transaction can be sent as it is.`
          : mendHint(step, config.command),
      state: 'Nothing of it was run.',
    },
  );
}
