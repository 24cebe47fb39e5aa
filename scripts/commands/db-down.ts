// db-down: stops the embedded development server; its data stay.
import type { Command } from '../report/command.ts';

export const dbDown: Command<object> = async ({ config }) => {
  const { stopDevServer } = await import('../devserver/devserver.ts');
  const stopped = await stopDevServer(config.root);
  return {
    document: { stopped },
    lines: [
      stopped
        ? 'Stopped the embedded development server; its data stay'
        : 'The embedded development server is not running',
    ],
  };
};
