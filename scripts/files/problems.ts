// Takes what is wrong with the migration files; gives it in words, and as the error that refuses them all at once. It reads
// no file.
import { MigrateError } from '../base/errors.ts';
import { positionAt } from '../base/positions.ts';
import type { GrammarError } from './check.ts';
import type { FileProblem } from './directory.ts';
import { excerpt } from './sql-error.ts';

/** What is wrong with a file, in words with the line. */
export interface Described {
  readonly path: string;
  readonly problem: string;
}

/** Problems of content first, then those of syntax. */
export function described(
  problems: readonly FileProblem[],
  syntaxErrors: readonly GrammarError[],
): readonly Described[] {
  return [
    ...problems.map((problem) => ({ path: problem.file, problem: describeProblem(problem) })),
    ...syntaxErrors.map((error) => ({ path: error.file.path, problem: describeSyntax(error) })),
  ];
}

/** All of them as one error, `usage`; its place is that of the first. */
export function refused(
  problems: readonly FileProblem[],
  syntaxErrors: readonly GrammarError[],
): MigrateError {
  const listed = [...problems.map(describeProblem), ...syntaxErrors.map(describeSyntax)];
  const [first] = problems;
  return new MigrateError(
    'usage',
    `${listed.length === 1 ? 'One problem' : `${listed.length} problems`} in the migration files`,
    {
      problems: listed,
      ...(first === undefined
        ? {}
        : { location: { file: first.file, ...(first.line === undefined ? {} : { line: first.line }) } }),
      hint: 'Mend the files, then run the command again.',
      state: 'The database was not touched.',
    },
  );
}

/** `db/migrations/x.up.sql:3: message` */
export function describeProblem({ file, line, message }: FileProblem): string {
  return `${file}${line === undefined ? '' : `:${line}`}: ${message}`;
}

/** `db/migrations/x.up.sql:3:14: message` */
export function describeSyntax({ file, message, offset }: GrammarError): string {
  const { line, column } = positionAt(file.text, offset);
  return `${file.path}:${line}:${column}: ${message}`;
}

/**
 * The error that the server would give for the first of them, `migration-failed`.
 * @param major whose grammar refuses the files; a newer one that takes them is named
 */
export async function syntaxError(errors: readonly GrammarError[], major: number): Promise<MigrateError> {
  const { takenBy, wouldTake } = await import('./newer-grammar.ts');
  const newer = await takenBy(
    errors.map(({ file }) => file.text),
    major,
  );
  const [first] = errors;
  if (first === undefined) return new MigrateError('migration-failed', 'syntax error');
  const { file, message, offset } = first;
  return new MigrateError('migration-failed', message, {
    location: { file: file.path, ...positionAt(file.text, offset) },
    database: { sqlState: '42601' },
    excerpt: excerpt(file.text, offset),
    ...(errors.length > 1 ? { problems: errors.map(describeSyntax) } : {}),
    hint: `${newer === null ? 'Mend the file, then' : `${wouldTake(newer)} Then`} run the command again.`,
    state: 'The database was not touched.',
  });
}
