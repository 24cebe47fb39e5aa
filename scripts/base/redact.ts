// Takes any text that is about to be shown or kept; gives it without secrets. Pure, and linear in the text's length.
import { visible, visibleLines } from './foreign-text.ts';
import type { SecretRange } from './spans.ts';
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
  if (secrets.length === 0) return (text) => text;
  const found = secretsToFind(new Set(secrets));
  return (text) => hideSecrets(text, found);
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

/** A secret below this length would blank out ordinary text: it is hidden where it is all that stands in quotes. */
const shortest = 4;

/** One way to write a secret, and what is shown instead. */
interface Form {
  readonly written: string;
  readonly shown: string;
}

/** Forms of one beginning and one length, with how many secrets are written so. */
type Alike = Map<string, { readonly shown: string; readonly wanted: number }>;

interface Hidden {
  readonly from: number;
  readonly to: number;
  readonly shown: string;
}

/** Secrets that are looked for. */
export interface Secrets {
  add(secret: string): void;
  remove(secret: string): void;
  /** Where they stand in a text, however they are written. Thousands of them take hardly longer than one. */
  placesIn(text: string): readonly Hidden[];
}

/** No form is shorter. */
const startLength = 3;

/** @param secrets those to begin with */
export function secretsToFind(secrets: Iterable<string> = []): Secrets {
  /** By the first characters, then by length: thousands may begin alike. */
  const byStart = new Map<string, Map<number, Alike>>();
  const change = (secret: string, by: 1 | -1) => {
    for (const { written, shown } of formsOf(secret)) {
      const start = written.slice(0, startLength);
      const lengths = byStart.get(start) ?? new Map<number, Alike>();
      const texts: Alike = lengths.get(written.length) ?? new Map();
      const wanted = (texts.get(written)?.wanted ?? 0) + by;
      if (wanted > 0) texts.set(written, { shown, wanted });
      else texts.delete(written);
      byStart.set(start, lengths.set(written.length, texts));
    }
  };
  for (const secret of secrets) change(secret, 1);
  return {
    add: (secret) => change(secret, 1),
    remove: (secret) => change(secret, -1),
    placesIn: (text) => {
      const places: Hidden[] = [];
      for (let from = 0; from + startLength <= text.length; from += 1) {
        for (const [length, texts] of byStart.get(text.slice(from, from + startLength)) ?? []) {
          const found = texts.get(text.slice(from, from + length));
          if (found !== undefined) places.push({ from, to: from + length, shown: found.shown });
        }
      }
      return places;
    },
  };
}

/** Every way in which a secret may be written. */
function formsOf(secret: string): readonly Form[] {
  const around = secret.length < shortest ? ["'", '"', '$$', '`'] : [''];
  return [...writings(secret)].flatMap((form) =>
    around.map((quote) => ({ written: quote + form + quote, shown: `${quote}${blank}${quote}` })),
  );
}

/**
 * The text without these secrets, and without what stands where secrets are kept. Both are looked for in the text as it
 * came: a known secret may be the very word (`secret`, `token`) by which another one is told.
 */
export function hideSecrets(text: string, secrets: Pick<Secrets, 'placesIn'>): string {
  const known = secrets.placesIn(text);
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
function writings(secret: string): ReadonlySet<string> {
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
