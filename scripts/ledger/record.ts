// Takes SQL that changes what is recorded; runs it in one transaction. It does not know what the statements mean.

import type { DatabaseError } from 'pg';
import { MigrateError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import type { Provenance } from '../config/provenance.ts';
import type { Session } from '../connection/session.ts';

/** Who records, and where. */
export interface RecordContext {
  readonly session: Session;
  readonly config: Config;
  readonly provenance: Provenance;
}

/** Statements as one text that opens a transaction and commits it. */
export function transactionSql(statements: readonly string[]): string {
  return ['BEGIN', ...statements, 'COMMIT'].join(';\n');
}

/** All of it or nothing, in one round trip. @throws as queries of the session, after rolling back */
export async function inTransaction(session: Session, statements: readonly string[]): Promise<void> {
  try {
    await session.ask(transactionSql(statements));
  } catch (error) {
    await session.batch('ROLLBACK');
    throw error;
  }
}

/** @throws MigrateError `migration-failed` when the database refuses any of it; then none of it counts */
export async function recordAtomically(
  { session }: Pick<RecordContext, 'session'>,
  statements: readonly string[],
): Promise<void> {
  try {
    await inTransaction(session, statements);
  } catch (error) {
    if (error instanceof MigrateError) throw error;
    const character = unheldCharacter(error as DatabaseError);
    const hint = `The database's encoding, ${session.encoding}, has no ${character}: leave it out of what is to be recorded.`;
    throw new MigrateError(
      'migration-failed',
      `The history could not be recorded: ${(error as Error).message}`,
      { state: 'Nothing was changed.', cause: error, ...(character !== null && { hint }) },
    );
  }
}

/** The character that the database's encoding has not, of an error that says so; null of any other error. */
export function unheldCharacter({ code, message }: Pick<DatabaseError, 'code' | 'message'>): string | null {
  if (code !== '22P05') return null;
  // The words are the language's of the server, the bytes are UTF8's.
  const [bytes = ''] = /0x[0-9a-f]{2}(?: 0x[0-9a-f]{2}){0,3}/.exec(message) ?? [];
  return bytes === '' ? null : Buffer.from(bytes.replaceAll(/0x| /g, ''), 'hex').toString();
}
