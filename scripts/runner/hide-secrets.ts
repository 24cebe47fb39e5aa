// Takes the steps of a run; gives what the server said meanwhile without the secrets of their texts: one file's rows may be
// quoted by the error or notice of another. It knows no session.
import { MigrateError } from '../base/errors.ts';
import { hidingSecretsOf } from '../base/redact.ts';
import { mayHoldSecrets } from '../base/secret-words.ts';
import type { ReadyStep } from '../plan/steps.ts';

/** Of so many characters of texts secrets are looked for; beyond that only by the file that failed. */
const furthest = 4_000_000;

/** @returns a function that is quick but for its first call, which reads the texts */
export function hidingSteps(steps: readonly ReadyStep[]): (text: string) => string {
  let hide: ((text: string) => string) | undefined;
  return (text) => {
    hide ??= hidingSecretsOf(textOf(steps));
    return hide(text);
  };
}

function textOf(steps: readonly ReadyStep[]): string {
  const texts = steps.map(({ text }) => text).filter(mayHoldSecrets);
  return texts.reduce((sum, { length }) => sum + length, 0) > furthest ? '' : texts.join('\n;\n');
}

/** @param hide of `hidingSteps` @returns the same error in other words; null where there is none */
export function hideIn(failure: MigrateError | null, hide: (text: string) => string): MigrateError | null {
  const { database, ...options } = failure?.options ?? {};
  if (failure === null || database === undefined) return failure;
  const said = Object.entries(database).map(([name, text]) => [name, hide(text)]);
  return new MigrateError(failure.code, hide(failure.message), {
    ...options,
    database: Object.fromEntries(said),
  });
}
