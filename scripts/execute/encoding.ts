// Takes the steps of a plan and a session; finds the characters of their files that the database's encoding has not: the
// server would refuse the statement, or the record of a text that never ran. It asks only where the encoding is not UTF8.
import type { DatabaseError } from 'pg';
import { MigrateError } from '../base/errors.ts';
import type { SqlFile } from '../base/types.ts';
import { holdsEverything } from '../config/provenance.ts';
import type { Session } from '../connection/session.ts';
import { unheldCharacter } from '../ledger/record.ts';
import type { ReadyStep } from '../plan/steps.ts';
import { quoteLiteral } from '../schema/sql.ts';

/** @throws MigrateError `usage`, naming character, file and line, before anything of a step ran */
export async function refuseUnheld(session: Session, steps: readonly ReadyStep[]): Promise<void> {
  if (holdsEverything(session.encoding)) return;
  for (const { migration, direction, source } of steps) {
    if (migration === null) continue;
    if (direction === 'up') await refuseFile(session, migration.up);
    if (direction === 'up' || source === 'disk') await refuseFile(session, migration.down);
  }
}

async function refuseFile(session: Session, { path, text }: SqlFile): Promise<void> {
  const characters = new Set(text.match(/[^\0-\x7f]/gu));
  if (characters.size === 0) return;
  const { error } = await session.batch(`SELECT ${quoteLiteral([...characters].join(''))}`);
  if (error === null) return;
  const character = unheldCharacter(error as DatabaseError);
  if (character === null) throw error;
  const before = text.slice(0, text.indexOf(character)).split('\n');
  throw new MigrateError(
    'usage',
    `The database's encoding, ${session.encoding}, has no ${character}, which ${path} holds`,
    {
      location: { file: path, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 },
      hint: 'Write it with other characters: the server takes no others, and the ledger keeps the texts of both directions.',
      state: 'Nothing was changed.',
    },
  );
}
