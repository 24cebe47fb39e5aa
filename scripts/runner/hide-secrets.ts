// Takes texts of migrations; gives what the server said meanwhile without the secrets in them: one file's rows may be quoted
// by the error or notice of another. It knows no session.
import { MigrateError } from '../base/errors.ts';
import { hidingSecretsOf } from '../base/redact.ts';
import { mayHoldSecrets } from '../base/secret-words.ts';

/** Of so many characters secrets are looked for; beyond that only in the file that failed. */
const furthest = 4_000_000;

interface Text {
  readonly text: string;
}

/** @param texts what counts most first @returns a function that is quick but for its first call, which reads them */
export function hidingTexts(texts: readonly Text[]): (text: string) => string {
  let hide: ((text: string) => string) | undefined;
  return (text) => {
    hide ??= hidingSecretsOf(whole(texts));
    return hide(text);
  };
}

function whole(texts: readonly Text[]): string {
  const held: string[] = [];
  let length = 0;
  for (const { text } of texts) {
    if (!mayHoldSecrets(text)) continue;
    length += text.length;
    if (length > furthest) break;
    held.push(text);
  }
  return held.join('\n;\n');
}

/** @param hide of `hidingTexts` @returns the same error in other words; null where there is none */
export function hideIn(failure: MigrateError | null, hide: (text: string) => string): MigrateError | null {
  const { database, ...options } = failure?.options ?? {};
  if (failure === null || database === undefined) return failure;
  const said = Object.entries(database).map(([name, text]) => [name, hide(text)]);
  return new MigrateError(failure.code, hide(failure.message), {
    ...options,
    database: Object.fromEntries(said),
  });
}
