// Takes files; gives what PostgreSQL's parser and our rules refuse in their SQL, before anything connects.
// It knows nothing of databases; positions are of the file.

import { positionAt, skipBlank } from '../base/positions.ts';
import type { Direction, SqlFile, Statement } from '../base/types.ts';
import { batchProblem } from './batch.ts';
import type { FileProblem } from './directory.ts';
import { copyMessage, type PsqlText, readPsql } from './psql.ts';
import { readSections, type Section } from './sections.ts';
import { readingProblem, transactionSettingProblem } from './settings-set.ts';
import { safeMessage } from './sql-error.ts';
import { loadParser, type ParseResult, type Parser } from './statements.ts';
import { cannotRunInTransaction, needsBlock } from './transaction-block.ts';

/** A file that PostgreSQL's grammar refuses. */
export interface GrammarError {
  readonly file: SqlFile;
  readonly message: string;
  /** UTF-16 offset into the file's text. */
  readonly offset: number;
}

export interface CheckedSql {
  readonly problems: readonly FileProblem[];
  readonly syntaxErrors: readonly GrammarError[];
}

/** Parses every file given with the grammar of that major version and collects all that is refused. */
export async function checkSql(files: readonly SqlFile[], major: number): Promise<CheckedSql> {
  const parse = await loadParser(major);
  const problems: FileProblem[] = [];
  const syntaxErrors: GrammarError[] = [];
  for (const file of files) {
    if (file.directives.irreversible === undefined) checkFile(file, parse, problems, syntaxErrors);
  }
  return { problems, syntaxErrors };
}

function checkFile(
  file: SqlFile,
  parse: Parser,
  problems: FileProblem[],
  syntaxErrors: GrammarError[],
): void {
  const { text, directives } = file;
  const walk = walkStatements(file, text, parse);
  const { result, last } = walk;
  const add = (line: number | undefined, message: string) =>
    problems.push({ file: file.path, ...(line === undefined ? {} : { line }), message });
  for (const { offset, marker } of otherSections(file, result.ok === true ? walk : null))
    add(positionAt(text, offset).line, sectionProblem(marker, directionOf(file)));
  if (result.ok === 'opaque') {
    if (directives.noTransaction)
      add(
        undefined,
        'holds a statement too large to be run on its own outside a transaction: split the file',
      );
    return;
  }
  if (!result.ok) {
    const psql = readPsql(text);
    if (psql.lines.length > 0) addPsql(file, psql, parse, problems, syntaxErrors);
    else if (text.charAt(result.problem.offset) === '\\')
      add(
        positionAt(text, result.problem.offset).line,
        'a psql meta-command (backslash) is no SQL: remove it',
      );
    else syntaxErrors.push(syntaxError(file, text, result.problem));
    return;
  }
  if (last === null && skipBlank(text, 0) < text.length)
    add(undefined, 'is empty: it holds semicolons, but no statement');
  const wrong = directives.batch === undefined ? null : batchProblem(directives.batch, text, parse);
  if (wrong !== null) add(last?.line, wrong);
  problems.push(...walk.found);
}

interface WalkedFile {
  readonly result: ParseResult;
  readonly found: readonly FileProblem[];
  readonly last: Statement | null;
  /** What lies between the statements and holds a comment. */
  readonly gaps: readonly (readonly [number, number])[];
  /** Where the first statement begins. */
  readonly start: number;
}

function walkStatements(file: SqlFile, text: string, parse: Parser): WalkedFile {
  const found: FileProblem[] = [];
  const gaps: [number, number][] = [];
  let last: Statement | null = null;
  let start = text.length;
  let end = 0;
  let leading = true;
  const gap = (to: number) => {
    if (to - end > 2 && /--|\/\*/.test(text.slice(end, to))) gaps.push([end, to]);
  };
  const result = parse(text, (statement) => {
    if (last === null) start = statement.start;
    last = statement;
    gap(statement.start);
    end = statement.end;
    const message = statementProblem(file, statement, leading);
    leading &&= statement.kind === 'VariableSetStmt';
    if (message !== null) found.push({ file: file.path, line: statement.line, message });
  });
  gap(text.length);
  return { result, found, last, gaps, start };
}

const directionOf = ({ path }: SqlFile): Direction => (path.endsWith('.down.sql') ? 'down' : 'up');

/** Sections that go the other way than the file; without a walk, of a text that is not told apart into statements. */
function otherSections(file: SqlFile, walk: WalkedFile | null): readonly Section[] {
  const first = walk?.start ?? skipBlank(file.text, 0);
  const last = walk?.last?.start ?? file.text.length;
  return readSections(file.text, walk?.gaps).filter(
    ({ direction, offset, isHeading }) =>
      direction !== directionOf(file) && (!isHeading || (offset > first && offset < last)),
  );
}

function sectionProblem(marker: string, own: Direction): string {
  const [what, other] = own === 'up' ? ['taken back', 'down'] : ['made', 'up'];
  return `"${marker.slice(0, 60)}" begins a section that is to be run ${other}, and this file is run ${own}: everything below it would be ${what} in the same run. make migrate-new from=FILE splits a file with both halves into a pair`;
}

function syntaxError(
  file: SqlFile,
  text: string,
  { message, offset }: { message: string; offset: number },
): GrammarError {
  return { file, offset, message: safeMessage(message, text, offset) };
}

/** What only psql understands looks like a syntax error to the server: all of it, and what is wrong besides. */
function addPsql(
  file: SqlFile,
  { lines, rest, advice }: PsqlText,
  parse: Parser,
  problems: FileProblem[],
  syntaxErrors: GrammarError[],
): void {
  const { result, found } = walkStatements(file, rest, parse);
  const all = [...lines.map((line) => ({ file: file.path, ...line })), ...found];
  problems.push(...all.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)));
  if (advice !== null) problems.push({ file: file.path, message: advice });
  if (result.ok === false) syntaxErrors.push(syntaxError(file, file.text, result.problem));
}

function statementProblem(file: SqlFile, statement: Statement, leading: boolean): string | null {
  const { noTransaction } = file.directives;
  if (isCopyFromStdin(statement)) return copyMessage;
  if (isTransactionControl(statement))
    return `${firstWords(statement)}: transactions are opened and closed by the tool; remove it`;
  if (!noTransaction && cannotRunInTransaction(statement)) {
    return `${firstWords(statement)} cannot run inside a transaction: put "-- migrate: no-transaction" at the top, best in a migration of its own`;
  }
  if (noTransaction && needsBlock(statement))
    return `${firstWords(statement)} means something only to what follows in its transaction, and here each statement has one of its own: remove it, or the directive no-transaction`;
  return readingProblem(statement, file.text) ?? transactionSettingProblem(statement, noTransaction, leading);
}

function firstWords(statement: Statement): string {
  return statement.text
    .slice(0, 400)
    .replace(/\s+/g, ' ')
    .split(' ')
    .slice(0, 3)
    .join(' ')
    .replace(/[;(].*/s, '')
    .slice(0, 40);
}

function isCopyFromStdin({ kind, node }: Statement): boolean {
  return (
    kind === 'CopyStmt' && node.is_from === true && node.filename === undefined && node.is_program !== true
  );
}

const transactionControl = new Set([
  'TRANS_STMT_BEGIN',
  'TRANS_STMT_START',
  'TRANS_STMT_COMMIT',
  'TRANS_STMT_ROLLBACK',
  'TRANS_STMT_PREPARE',
]);

function isTransactionControl({ kind, node }: Statement): boolean {
  return kind === 'TransactionStmt' && transactionControl.has(String(node.kind));
}
