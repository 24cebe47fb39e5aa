// Takes a column of a scratch table; gives SQL expressions for values that it might take, another one for each attempt.
// Pure; it must not know which of them the table's constraints let through.
import { quoteLiteral } from '../schema/sql.ts';

export interface SeedColumn {
  readonly name: string;
  /** As SQL writes it; of a domain the type that it stands for. */
  readonly type: string;
  /** PostgreSQL's `typcategory`. */
  readonly category: string;
  /** Of an array, range, or nothing. */
  readonly element: string | null;
  /** Of an enum, or of an array of one. */
  readonly labels: readonly string[];
  /** `character varying(3)`: 3. */
  readonly length: number | null;
  readonly nullable: boolean;
  /** The domain that the column is of, null where it is of none. */
  readonly domain: string | null;
  /** Conditions of the table on this column alone. */
  readonly checks: readonly string[];
  /** The attempts whose values domain and checks let through, where that was tried. */
  readonly fitting?: readonly number[];
  /** The types of a composite type's attributes, with the labels of enums. */
  readonly attributes: readonly { readonly type: string; readonly labels: readonly string[] }[];
}

/** Numbers and texts that the table's checks name, which are likely to be let through. */
export interface Hints {
  readonly texts: readonly string[];
  readonly numbers: readonly string[];
}

const at = <T>(list: readonly T[], index: number): T | undefined => list[index % Math.max(1, list.length)];

/**
 * One value.
 * @param attempt 0 and on: the first ones are plain and all different, later ones try what the checks name
 */
export function seedValue(column: SeedColumn, attempt: number, hints: Hints): string {
  const { category, type, labels, element } = column;
  const number = attempt + 1;
  if (labels.length > 0 && category !== 'A') return `${quoteLiteral(at(labels, attempt) ?? '')}::${type}`;
  switch (category) {
    case 'S':
      return textValue(column, attempt, hints);
    case 'N':
      return numberValue(attempt, hints, type);
    case 'B':
      return attempt % 2 === 0 ? 'true' : 'false';
    case 'D':
      return dateValue(type, attempt, hints);
    case 'T':
      return `(${number} * interval '1 hour')::${type}`;
    case 'A':
      return `(ARRAY[${seedValue(simple(column, element ?? 'text', labels), attempt, hints)}])::${type}`;
    case 'R':
      return rangeValue(type, element, number);
    case 'C':
      return `ROW(${column.attributes
        .map((each) => seedValue(simple(column, each.type, each.labels), attempt, hints))
        .join(', ')})::${type}`;
    case 'I':
      return `'10.0.0.${number % 250}'::${type}`;
    case 'V':
      return `(${number}::bit(${column.length ?? 8}))::${type}`;
    default:
      return otherValue(type, number);
  }
}

/** A value inside of another. */
function simple(column: SeedColumn, type: string, labels: readonly string[]): SeedColumn {
  return { ...column, type, labels, category: categoryOf(type), element: null, attributes: [] };
}

function categoryOf(element: string): string {
  if (/^(?:text|character)/.test(element)) return 'S';
  if (/^(?:smallint|integer|bigint|numeric|real|double)/.test(element)) return 'N';
  if (/^(?:date|time)/.test(element)) return 'D';
  return element === 'boolean' ? 'B' : 'U';
}

function textValue({ length, type }: SeedColumn, attempt: number, { texts }: Hints): string {
  const number = attempt + 1;
  const shapes = [
    `v${number}`,
    `row-${number}`,
    `row${number}@example.org`,
    `${number}`,
    `${String.fromCharCode(65 + (attempt % 26))}`,
    `https://example.org/${number}`,
    `A${number}`,
    `00000000${number}`,
    `a longer text of row ${number}`,
  ];
  const hint = attempt >= 6 && attempt % 2 === 0 ? at(texts, attempt >> 1) : undefined;
  const text = hint ?? (attempt < 6 ? shapes[0] : at(shapes, attempt)) ?? '';
  return `${quoteLiteral(length === null ? text : text.slice(0, length))}::${type}`;
}

function numberValue(attempt: number, { numbers }: Hints, type: string): string {
  const named = numbers.flatMap((value) => [value, `(${value} + 1)`, `(${value} - 1)`]);
  const hint = attempt >= 6 && attempt % 2 === 0 ? at(named, attempt >> 1) : undefined;
  if (type === 'money' || type === 'oid') return `'${attempt + 1}'::${type}`;
  return `(${hint ?? attempt + 1})::${type}`;
}

/** Bounds of partitions are dates, mostly. */
function dateValue(type: string, attempt: number, { texts }: Hints): string {
  const number = attempt + 1;
  if (/^time/.test(type) && !/^timestamp/.test(type))
    return `(time '08:00' + ${number} * interval '1 minute')::${type}`;
  const dates = texts.filter((text) => /^\d{4}-\d\d-\d\d/.test(text)).map((text) => text.slice(0, 10));
  const start = (attempt >= 6 ? at(dates, attempt) : undefined) ?? '2020-01-01';
  return `(date '${start}' + ${number % 7})::${type}`;
}

function rangeValue(type: string, element: string | null, number: number): string {
  if (/multirange$/.test(type)) return `'{}'::${type}`;
  const bound = (n: number) =>
    /^(?:date|timestamp)/.test(element ?? '') ? `date '2020-01-01' + ${n}` : `${n}`;
  return `${type}((${bound(number * 10)})::${element}, (${bound(number * 10 + 5)})::${element})`;
}

function otherValue(type: string, number: number): string {
  const hex = number.toString(16).padStart(12, '0');
  if (type === 'uuid') return `'00000000-0000-4000-8000-${hex}'::uuid`;
  if (/^jsonb?$/.test(type)) return `'{"n": ${number}}'::${type}`;
  if (type === 'bytea') return `'\\x${hex}'::bytea`;
  if (type === 'xml') return `'<n>${number}</n>'::xml`;
  if (type === 'tsvector') return `'n${number}:1'::tsvector`;
  if (/^macaddr/.test(type)) return `'08:00:2b:01:02:${hex.slice(-2)}'::${type}`;
  if (type === 'point') return `point(${number}, ${number})`;
  if (type === 'jsonpath') return `'$.n'::jsonpath`;
  if (/^(?:box|lseg|path|polygon)$/.test(type)) return `'((0,0),(${number},1))'::${type}`;
  if (type === 'circle') return `'<(0,0),${number}>'::circle`;
  if (type === 'line') return `'{1,-1,${number}}'::line`;
  return `'${number}'::${type}`;
}
