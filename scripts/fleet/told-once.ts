// Takes what targets warn of and how they fail, one after the other; gives each of it once, with the number of the others.
// It must not know databases.
import { isInterruption, MigrateError } from '../base/errors.ts';
import { redactError } from '../base/secrets.ts';
import type { Failure, Progress } from '../report/command.ts';

/** What is warned of on every database is said of the first, with the number of the others in the end. */
export function warningsOnce(progress: Progress) {
  const more = new Map<string, number>();
  const warnOf = (name: string) => (line: string) => {
    const count = more.get(line);
    more.set(line, count === undefined ? 0 : count + 1);
    if (count === undefined) progress.warn(`${name}: ${line}`);
  };
  const sayRest = () => {
    for (const [line, count] of more)
      if (count > 0) progress.warn(`the same on ${count} more: ${line.slice(0, 60)}…`);
  };
  return { warnOf, sayRest };
}

/** Errors by what they are: the first of each kind is kept, with the name of its database. */
export function failuresByKind() {
  const kinds = new Map<string, { readonly name: string; readonly error: unknown; more: number }>();
  const add = (name: string, error: unknown) => {
    // The signal itself is told of the whole run.
    if (isInterruption(error) && error.options.state === undefined) return;
    const kind = kindOf(error);
    const known = kinds.get(kind);
    if (known !== undefined) known.more += 1;
    // Secrets are taken out here: of thousands of targets those of the first are no longer known in the end.
    else kinds.set(kind, { name, error: redactError(error), more: 0 });
  };
  return { add, all: (): readonly Failure[] => [...kinds.values()] };
}

/** The same for all databases on which the same thing happened at the same place. */
function kindOf(error: unknown): string {
  if (!(error instanceof MigrateError)) return String(error);
  const { location, database, hint, problems } = error.options;
  // A message names its database; what is to be done is the same for all, but for the figures in it.
  const what = database?.sqlState ?? hint?.replaceAll(/\d+/g, '');
  const objects = error.code === 'drift' ? problems : undefined;
  return JSON.stringify([error.code, what, location?.file, location?.line, objects]);
}
