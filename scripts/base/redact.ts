// Takes any text that is about to be shown or kept; gives it without secrets. Pure, and linear in the text's length.
import { visible, visibleLines } from './foreign-text.ts';
import type { SecretRange } from './secret-tokens.ts';
import { secretRanges } from './sql-secrets.ts';

/** Masks what stands where SQL, connection strings and URLs keep passwords; the length and the line breaks stay. */
export function maskSqlSecrets(text: string): string {
  return replace(text, secretRanges(text, true), stars);
}

/** Stands in kept SQL where a secret stood. */
const blank = '***';

/**
 * SQL as it may be kept for good: a secret in it is three stars. Two texts that differ in nothing but a secret, its
 * length included, are the same then.
 */
export function withoutSecrets(sql: string): string {
  return replace(sql, secretRanges(sql, false), (_, { isWord }) => (isWord ? `'${blank}'` : blank));
}

/** Whether this is SQL from which a secret was taken, so that it must not be run. */
export function lacksSecrets(sql: string): boolean {
  return secretRanges(sql, false).some(({ from, to }) => sql.slice(from, to) === blank);
}

function replace(
  text: string,
  ranges: readonly SecretRange[],
  by: (secret: string, range: SecretRange) => string,
): string {
  if (ranges.length === 0) return text;
  const parts: string[] = [];
  let done = 0;
  for (const range of ranges) {
    parts.push(text.slice(done, range.from), by(text.slice(range.from, range.to), range));
    done = range.to;
  }
  return [...parts, text.slice(done)].join('');
}

function stars(text: string): string {
  return text.replace(/[^\n\r']/gu, (character) => '*'.repeat(character.length));
}

/** Hides known secrets wherever they stand, also URL-encoded; very short ones would blank out ordinary text. */
export function hideSecrets(text: string, secrets: readonly string[]): string {
  return hideForms(text, formsOfAll(secrets));
}

/** Every way in which the secrets may be written, in the order in which they are to be looked for. */
export function formsOfAll(secrets: readonly string[]): readonly string[] {
  // The longest first: another may be a part of it, and what is left around that would show.
  const known = secrets.filter(({ length }) => length >= 4).sort((a, b) => b.length - a.length);
  return known.flatMap((secret) => [...formsOf(secret)]);
}

/** `hideSecrets` with what `formsOfAll` gave, which takes longer than to look for them. */
export function hideForms(text: string, forms: readonly string[]): string {
  let hidden = text;
  for (const form of forms) hidden = hidden.replaceAll(form, '***');
  return hidden;
}

/** As it is, and as URLs, JSON, SQL literals, Node's inspection and what makes text visible write it. */
function formsOf(secret: string): ReadonlySet<string> {
  const encoded = encodeURIComponent(new TextDecoder().decode(new TextEncoder().encode(secret)));
  const lower = encoded.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  const json = JSON.stringify(secret).slice(1, -1);
  const quoted = secret.replaceAll("'", "''");
  return new Set([
    secret,
    encoded,
    lower,
    json,
    quoted,
    quoted.replaceAll('\\', '\\\\'),
    visible(secret),
    visibleLines(secret),
  ]);
}
