// db-up: starts the embedded development server and says where it is.

import { refuseMissingTarget } from '../config/config.ts';
import type { Command } from '../report/command.ts';

export const dbUp: Command<object> = async ({ config }) => {
  refuseMissingTarget(config);
  const { startDevServer } = await import('../devserver/devserver.ts');
  const { host, port, user, database, dataDirectory, started } = await startDevServer(
    config.root,
    config.postgres,
  );
  const address = `${database} on ${host}:${port}, user ${user}`;
  return {
    document: { host, port, user, database, dataDirectory, started },
    lines: [
      `${started ? 'Started' : 'Already running:'} the embedded PostgreSQL ${config.postgres}: ${address}`,
      `The password is in ${dataDirectory}, readable by its owner only.`,
    ],
  };
};
