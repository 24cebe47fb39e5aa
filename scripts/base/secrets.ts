// What this process knows to be secret, and the one way to take it out of whatever leaves the process: terminal, files,
// the ledger. Values are added as they become known; the oldest go only where thousands follow (tokens of a long life).
import { formsOfAll, hideSecrets } from './redact.ts';

const known = new Set<string>();
/** How they may be written; null where that must be found out anew. */
let forms: ReturnType<typeof formsOfAll> | null = [];
const most = 1000;

/** @param values never to be shown from here on */
export function keepSecret(values: readonly (string | undefined)[]): void {
  const added = values.filter((value) => value !== undefined && value !== '' && !known.has(value));
  if (added.length === 0) return;
  for (const value of added as string[]) known.add(value);
  for (const oldest of known) {
    if (known.size <= most) break;
    known.delete(oldest);
  }
  forms = null;
}

/** The text without known secrets, and without what stands where SQL, connection strings and URLs keep theirs. */
export function redact(text: string): string {
  forms ??= formsOfAll([...known]);
  return hideSecrets(text, forms);
}

/** The same value with every text in it redacted; for documents that are written as JSON. */
export function redactAll<Value>(value: Value): Value {
  return redactPart(value) as Value;
}

function redactPart(value: unknown): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map(redactPart);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, redactPart(part)]));
}
