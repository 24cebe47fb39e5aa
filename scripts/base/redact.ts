// Takes any text that is about to be shown or kept; gives it without secrets. Pure, and linear in the text's length.
import { visible, visibleLines } from './foreign-text.ts';
import type { SecretRange } from './secret-rows.ts';
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

/** @returns what takes out of a text what is a secret in that SQL: what a server says of a statement may repeat it bare */
export function hidingSecretsOf(sql: string): (text: string) => string {
  const secrets = secretRanges(sql, false).map(({ from, to }) => sql.slice(from, to).replaceAll("''", "'"));
  const forms = formsOfAll([...new Set(secrets)]);
  return (text) => (forms.length === 0 ? text : hideSecrets(text, forms));
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

/** One way to write a secret, and what is shown instead. */
interface Form {
  readonly written: string;
  readonly shown: string;
}

/** A secret below this length would blank out ordinary text: it is hidden where it is all that stands in quotes. */
const shortest = 4;

/** Every way in which the secrets may be written, in the order in which they are to be looked for. */
export function formsOfAll(secrets: readonly string[]): readonly Form[] {
  // The longest first: another may be a part of it, and what is left around that would show.
  return [...secrets].sort(longestFirst).flatMap((secret) => {
    const around = secret.length < shortest ? ["'", '"', '$$', '`'] : [''];
    return [...formsOf(secret)]
      .sort(longestFirst)
      .flatMap((form) =>
        around.map((quote) => ({ written: quote + form + quote, shown: `${quote}${blank}${quote}` })),
      );
  });
}

const longestFirst = (a: string, b: string) => b.length - a.length;

/**
 * The text without the secrets whose forms these are, and without what stands where secrets are kept. Both are looked for
 * in the text as it came: a known secret may be the very word (`secret`, `token`) by which another one is told.
 */
export function hideSecrets(text: string, forms: readonly Form[]): string {
  const known = forms.flatMap((form) => placesOf(text, form));
  if (known.length === 0) return maskSqlSecrets(text);
  const told = secretRanges(text, true).map(({ from, to }) => ({
    from,
    to,
    shown: stars(text.slice(from, to)),
  }));
  let hidden = '';
  let done = 0;
  for (const { from, to, shown } of apart([...known, ...told])) {
    hidden += text.slice(done, from) + shown;
    done = to;
  }
  // What misled the reading of quotes and brackets is gone now.
  return maskSqlSecrets(hidden + text.slice(done));
}

interface Hidden {
  readonly from: number;
  readonly to: number;
  readonly shown: string;
}

function placesOf(text: string, { written, shown }: Form): Hidden[] {
  const places: Hidden[] = [];
  for (let at = text.indexOf(written); at >= 0; at = text.indexOf(written, at + written.length))
    places.push({ from: at, to: at + written.length, shown });
  return places;
}

/** In order; the longer of two that share characters, and three stars for two of which neither holds the other. */
function apart(places: readonly Hidden[]): Hidden[] {
  const kept: Hidden[] = [];
  for (const place of [...places].sort((a, b) => a.from - b.from || b.to - a.to)) {
    const last = kept.at(-1);
    if (last === undefined || place.from >= last.to) kept.push(place);
    else if (place.to > last.to) kept[kept.length - 1] = { from: last.from, to: place.to, shown: blank };
  }
  return kept;
}

/** As it is, and as URLs, JSON, SQL literals, Node's inspection, what makes text visible, bytea and base64 write it. */
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
    ...(secret.length < shortestEncoded ? [] : encodedForms(secret)),
  ]);
}

/** What is shorter is a piece of many a text once it is encoded. */
const shortestEncoded = 8;

/** In hex, and in base64 at each place of a group of three bytes, but for what depends on its neighbours. */
function encodedForms(secret: string): string[] {
  const bytes = [...new TextEncoder().encode(secret)];
  const base64 = [0, 1, 2].map((before) => {
    const shifted = [...Array<number>(before).fill(0), ...bytes];
    const text = btoa(shifted.map((byte) => String.fromCharCode(byte)).join(''));
    return text.slice(Math.ceil((before * 8) / 6), Math.floor((shifted.length * 8) / 6));
  });
  const forUrls = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  return [bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(''), ...base64, ...forUrls];
}
