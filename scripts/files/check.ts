// Takes files; gives what PostgreSQL's parser and our rules refuse in their SQL, before anything connects.
// It knows nothing of databases; positions are of the file.

import { positionAt, skipBlank } from '../base/positions.ts';
import type { SqlFile, Statement } from '../base/types.ts';
import type { FileProblem } from './directory.ts';
import { safeMessage } from './sql-error.ts';
import { loadParser, type ParseResult, type Parser } from './statements.ts';

/** A file that PostgreSQL's grammar refuses. */
export interface GrammarError {
  readonly file: SqlFile;
  readonly message: string;
  /** UTF-16 offset into the file's text. */
  readonly offset: number;
}

export interface Checked {
  readonly problems: readonly FileProblem[];
  readonly syntaxErrors: readonly GrammarError[];
}

/** Parses every file given with the grammar of that major version and collects all that is refused. */
export async function checkSql(files: readonly SqlFile[], major: number): Promise<Checked> {
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
  const found: FileProblem[] = [];
  let last: Statement | undefined;
  const { text } = file;
  const result: ParseResult = parse(text, (statement) => {
    last = statement;
    const message = statementProblem(statement, file.directives.noTransaction);
    if (message !== null) found.push({ file: file.path, line: statement.line, message });
  });
  if (result.ok === 'opaque') {
    if (file.directives.noTransaction) {
      problems.push({
        file: file.path,
        message: 'holds a statement too large to be run on its own outside a transaction: split the file',
      });
    }
    return;
  }
  if (!result.ok) {
    const { message, offset } = result.problem;
    const explained = explainSyntax(file, offset, result.before.at(-1) ?? last);
    if (explained === null) syntaxErrors.push({ file, offset, message: safeMessage(message, text, offset) });
    else problems.push(explained);
    return;
  }
  if (last === undefined && skipBlank(text, 0) < text.length) {
    problems.push({ file: file.path, message: 'is empty: it holds semicolons, but no statement' });
  }
  problems.push(...found);
}

/** What only psql understands looks like a syntax error to the server; say what it really is. */
function explainSyntax(file: SqlFile, offset: number, last: Statement | undefined): FileProblem | null {
  const { line } = positionAt(file.text, offset);
  if (last !== undefined && isCopyFromStdin(last)) {
    return { file: file.path, line: last.line, message: copyMessage };
  }
  if (file.text.charAt(offset) === '\\') {
    return { file: file.path, line, message: 'a psql meta-command (backslash) is no SQL: remove it' };
  }
  return null;
}

const copyMessage = 'COPY … FROM STDIN needs psql: write INSERT statements instead';

function statementProblem(statement: Statement, noTransaction: boolean): string | null {
  if (isCopyFromStdin(statement)) return copyMessage;
  if (isTransactionControl(statement)) {
    return `${firstWords(statement)}: transactions are opened and closed by the tool; ${noTransaction ? 'remove it' : 'remove it, or use "-- migrate: no-transaction"'}`;
  }
  if (!noTransaction && cannotRunInTransaction(statement)) {
    return `${firstWords(statement)} cannot run inside a transaction: put "-- migrate: no-transaction" at the top, best in a migration of its own`;
  }
  return null;
}

function firstWords(statement: Statement): string {
  return statement.text
    .replace(/\s+/g, ' ')
    .split(' ')
    .slice(0, 3)
    .join(' ')
    .replace(/[;(].*$/, '')
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

type Node = Readonly<Record<string, unknown>>;

/** Statements that PostgreSQL refuses in a transaction block (PreventInTransactionBlock in its source). */
const outsideTransactionOnly: Readonly<Record<string, (node: Node) => boolean>> = {
  IndexStmt: (node) => node.concurrent === true,
  DropStmt: (node) => node.concurrent === true,
  ReindexStmt: (node) =>
    hasOption(node.params, 'concurrently') ||
    ['REINDEX_OBJECT_SCHEMA', 'REINDEX_OBJECT_SYSTEM', 'REINDEX_OBJECT_DATABASE'].includes(String(node.kind)),
  VacuumStmt: (node) => node.is_vacuumcmd === true,
  ClusterStmt: (node) => node.relation === undefined,
  AlterTableStmt: (node) => JSON.stringify(node.cmds ?? []).includes('"concurrent":true'),
  CreatedbStmt: () => true,
  DropdbStmt: () => true,
  AlterDatabaseStmt: (node) => hasOption(node.options, 'tablespace'),
  CreateTableSpaceStmt: () => true,
  DropTableSpaceStmt: () => true,
  AlterSystemStmt: () => true,
  DiscardStmt: (node) => node.target === 'DISCARD_ALL',
  TransactionStmt: (node) =>
    ['TRANS_STMT_COMMIT_PREPARED', 'TRANS_STMT_ROLLBACK_PREPARED'].includes(String(node.kind)),
  CreateSubscriptionStmt: (node) =>
    !optionIsOff(node.options, 'connect') && !optionIsOff(node.options, 'create_slot'),
};

export function cannotRunInTransaction({ kind, node }: Statement): boolean {
  return outsideTransactionOnly[kind]?.(node) ?? false;
}

function findOption(options: unknown, name: string): Node | undefined {
  if (!Array.isArray(options)) return undefined;
  return options
    .map((option) => (option as { DefElem?: Node }).DefElem)
    .find((element) => element?.defname === name);
}

function hasOption(options: unknown, name: string): boolean {
  return findOption(options, name) !== undefined;
}

function optionIsOff(options: unknown, name: string): boolean {
  return /false|off|"ival":\{\}/.test(JSON.stringify(findOption(options, name)?.arg ?? null));
}
