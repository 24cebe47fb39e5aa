// What this process knows to be secret, and the one way to take it out of whatever leaves the process: terminal, files,
// the ledger. Values are added as they become known; the oldest go only where thousands follow (tokens of a long life).
import { MigrateError } from './errors.ts';
import { hideSecrets, secretsToFind } from './redact.ts';

const known = new Set<string>();
const wanted = secretsToFind();
const most = 1000;

/** @param values never to be shown from here on */
export function keepSecret(values: readonly (string | undefined)[]): void {
  for (const value of values) {
    if (value === undefined || value === '' || known.has(value)) continue;
    known.add(value);
    wanted.add(value);
    const [oldest] = known;
    if (known.size <= most || oldest === undefined) continue;
    known.delete(oldest);
    wanted.remove(oldest);
  }
}

/** The text without known secrets, and without what stands where SQL, connection strings and URLs keep theirs. */
export function redact(text: string): string {
  return hideSecrets(text, wanted);
}

/** The same value with every text in it redacted; for documents that are written as JSON. */
export function redactAll<Value>(value: Value): Value {
  return redactPart(value) as Value;
}

/** The error as it may be shown: a MigrateError with all that belongs to it, of any other only the message. */
export function redactError(error: unknown): unknown {
  if (error === null) return null;
  if (!(error instanceof MigrateError))
    return new Error(redact(error instanceof Error ? error.message : String(error)));
  const { cause: _, ...options } = error.options;
  return new MigrateError(error.code, redact(error.message), redactAll(options));
}

function redactPart(value: unknown): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map(redactPart);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, redactPart(part)]));
}
