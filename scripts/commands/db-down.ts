// db-down: stops the embedded development server, and the scratch server beside it; their data stay.
import type { Command } from '../report/command.ts';

export const dbDown: Command<object> = async ({ config }) => {
  const { stopDevServer } = await import('../devserver/devserver.ts');
  const { development, scratch } = await stopDevServer(config.root);
  const line = development
    ? 'Stopped the embedded development server; its data stay'
    : 'The embedded development server is not running';
  // What verify, lint, plan and tests have started is asked for by nobody, so a run without it says nothing.
  return {
    document: { stopped: development, stoppedScratch: scratch },
    lines: scratch ? ['Stopped the scratch server of lint, verify, plan and tests', line] : [line],
  };
};
