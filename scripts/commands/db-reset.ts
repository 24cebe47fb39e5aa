// db-reset: empties a development or test database and applies every migration. Nothing else can be reset.

import { MigrateError } from '../base/errors.ts';
import { refuseMissingTarget } from '../config/config.ts';
import { isProtected } from '../config/protection.ts';
import { refuseReadOnly, type Session } from '../connection/session.ts';
import { audited } from '../history/audit.ts';
import { loadMigrations } from '../history/load-migrations.ts';
import { lockWait, withTarget } from '../history/with-target.ts';
import { readHistory, readState } from '../ledger/ledger.ts';
import { recordAtomically } from '../ledger/record.ts';
import { withRunLock } from '../ledger/run-lock.ts';
import type { Command, CommandInput } from '../report/command.ts';
import { emptyingStatements, readContents } from '../runner/empty-database.ts';
import { up } from './up.ts';

/** Stamps under which a database may be emptied. */
const disposable = ['development', 'test'];

export const dbReset: Command<object> = async (input) => {
  const { config, progress } = input;
  // Files that cannot be applied are found before anything is dropped.
  await loadMigrations(config, progress.warn);
  if (config.target === undefined) await resetEmbedded(input);
  else {
    await withTarget(input, async (session) => {
      refuseReadOnly(session);
      // A refusal is logged here; what the reset did is logged with the up that follows, for this log is dropped too.
      await audited(input, session, async () => {
        await emptyNamed(input, session);
        return { document: {}, lines: [] };
      });
    });
  }
  // No release runs on a database that was just emptied.
  return up({ ...input, flags: { afterDeploy: true } });
};

async function resetEmbedded({ config, progress }: CommandInput<object>): Promise<void> {
  refuseMissingTarget(config);
  const { projectDirectories, removeDevServer, serverStatus } = await import('../devserver/devserver.ts');
  const { databasesOf } = await import('../devserver/database.ts');
  const running = await serverStatus(projectDirectories(config.root).development);
  const databases = running === undefined ? [] : await databasesOf(running);
  await removeDevServer(config.root);
  const names = databases.length === 0 ? '' : `: ${databases.join(', ')}`;
  progress.say(`Removed the embedded development and scratch servers with every database in them${names}`);
}

/** @throws MigrateError `refused` unless the database is stamped development or test, and so is this run */
async function emptyNamed(input: CommandInput<object>, session: Session): Promise<void> {
  const { config, progress } = input;
  refuseIndispensable(config.environmentName, isProtected(config, config.environmentName), 'MIGRATE_ENV is');
  // Looked at first without the lock: what may not be emptied is refused at once.
  refuseStamp(input, (await readHistory(session, config, await readState(session, config))).environment);
  await withRunLock(session, config, lockWait(input), async (state) => {
    refuseStamp(input, (await readHistory(session, config, state)).environment);
    const contents = await readContents(session);
    const { schemas, extensions } = contents;
    progress.say(
      `Dropping the schemas ${schemas.join(', ')}${extensions.length === 0 ? '' : `, the extensions ${extensions.join(', ')}`} with everything in them`,
    );
    await recordAtomically({ session }, emptyingStatements(contents));
  });
}

function refuseStamp({ config }: CommandInput<object>, stamp: string | null): void {
  if (stamp === null) {
    throw new MigrateError(
      'refused',
      'db-reset only touches the embedded server and databases stamped development or test; this one has no stamp',
      {
        hint: 'If it may be emptied, stamp it: make migrate-environment set=development confirm=development',
        state: 'Nothing was changed.',
      },
    );
  }
  refuseIndispensable(stamp, isProtected(config, stamp), 'this database is stamped');
  if (stamp === config.environmentName) return;
  throw new MigrateError(
    'refused',
    `This database is stamped ${stamp}, and MIGRATE_ENV is ${config.environmentName}`,
    {
      hint: `Set MIGRATE_ENV=${stamp} if you mean this database.`,
      state: 'Nothing was changed.',
    },
  );
}

function refuseIndispensable(name: string, guarded: boolean, what: string): void {
  if (disposable.includes(name) && !guarded) return;
  throw new MigrateError(
    'refused',
    `db-reset only touches the embedded server and databases stamped development or test, and ${what} ${name}`,
    { hint: 'Unset DATABASE_URL and PG* to reset the embedded server.', state: 'Nothing was changed.' },
  );
}
