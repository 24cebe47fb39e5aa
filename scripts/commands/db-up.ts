// db-up: starts the embedded development server and says where it is.

import { exportLine } from '../base/shell-word.ts';
import { refuseMissingTarget } from '../config/config.ts';
import type { Command } from '../report/command.ts';

export const dbUp: Command<object> = async ({ config }) => {
  refuseMissingTarget(config);
  const { passwordFile, startDevServer } = await import('../devserver/devserver.ts');
  const { host, port, user, database, dataDirectory, started } = await startDevServer(
    config.root,
    config.postgres,
  );
  const address = `${database} on ${host}:${port}, user ${user}`;
  const file = passwordFile(dataDirectory);
  return {
    document: { host, port, user, database, dataDirectory, passwordFile: file, started },
    lines: [
      `${started ? 'Started' : 'Already running:'} the embedded PostgreSQL ${config.postgres}: ${address}`,
      `An application in this shell finds it with: ${exportLine(`postgres://${user}@${host}:${port}/${database}`, file)}`,
    ],
  };
};
