// Takes SIGINT and SIGTERM; gives an AbortSignal whose reason is the error to end with. A second signal exits at once.
import { exitCodes, MigrateError } from '../base/errors.ts';

/** How long (ms) after a signal the process may still be held up, by a name that does not resolve for example. */
const patience = 3000;

const codes = { SIGINT: 'interrupted', SIGTERM: 'terminated' } as const;

/** Installs the handlers once; the signal aborts with a MigrateError `interrupted` or `terminated`. */
export function watchSignals(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(exitCodes[codes[name]]);
      controller.abort(
        new MigrateError(codes[name], `Interrupted by ${name}`, {
          hint: 'Run the same command again: it goes on where this run stopped.',
        }),
      );
      setTimeout(() => leave(name), patience).unref();
    });
  }
  return controller.signal;
}

/** Nothing is known any more of what the run had under way. */
function leave(name: keyof typeof codes): never {
  process.stderr.write(
    `Interrupted by ${name}; what was under way did not end in time. make migrate-status tells what is applied.\n`,
  );
  process.exit(exitCodes[codes[name]]);
}
