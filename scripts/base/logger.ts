// Takes the logger that an application gave; gives one that cannot disturb what it is told of: an error of its own, thrown
// or rejected, is none of a run's or of a start's.

interface Logger {
  log(line: string): void;
  warn(line: string): void;
}

/** The logger without its errors: a line that it does not take is lost, and the next one is offered to it again. */
export function undisturbing(logger: Logger): Logger {
  const offer = (name: 'log' | 'warn') => (line: string) => {
    try {
      const told: unknown = logger[name](line);
      Promise.resolve(told).catch(() => undefined);
    } catch {
      // Nobody else could be told.
    }
  };
  return { log: offer('log'), warn: offer('warn') };
}
