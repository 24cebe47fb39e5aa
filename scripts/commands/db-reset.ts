// db-reset: makes the embedded development database empty again and applies every migration.
import type { Command } from '../command.ts';
import { MigrateError } from '../errors.ts';
import { up } from './up.ts';

export const dbReset: Command<object> = async (input) => {
  const { config, progress } = input;
  if (config.target !== undefined) {
    throw new MigrateError(
      'refused',
      'db-reset only touches the embedded development server, and a database is named',
      {
        hint: 'Unset DATABASE_URL and PG*, or drop and create that database by hand.',
        state: 'Nothing was changed.',
      },
    );
  }
  const { removeDevServer } = await import('../devserver.ts');
  await removeDevServer(config.root);
  progress.say('Removed the embedded development database');
  return up(input);
};
