// Takes two types of a column; gives whether its values are the same after the change, whoever made it and however.
// Pure. What it does not know for certain it calls unknown: the statement that was typed may have computed new values.
import { withoutTrailing } from '../../base/ends.ts';
import type { Model } from '../render/model.ts';

/**
 * `kept`: every value stays as it is. `kept-or-refused`: likewise, or the statement fails as a whole. `rounded`: those with more
 * digits lose some. `unknown`: values are written in another way, or computed: whole numbers that became amounts were mostly
 * divided.
 */
export type Conversion = 'kept' | 'kept-or-refused' | 'rounded' | 'unknown';

interface Type {
  readonly name: string;
  /** `(10,2)` as numbers. */
  readonly sizes: readonly number[];
  readonly suffix: string;
}

const integers = ['smallint', 'integer', 'bigint'];
const texts = ['text', 'character varying'];
const timed = /^(?:timestamp|time) with(?:out)? time zone$/;

function parseType(text: string): Type {
  const [, before = text, sizes = '', after = ''] = /^([^(]*)\(([\d, -]+)\)(.*)$/.exec(text) ?? [];
  const whole = `${before}${after}`.replace(/\s+/g, ' ').trim();
  const name = withoutTrailing(whole, '[]');
  return {
    name,
    sizes: sizes === '' ? [] : sizes.split(',').map(Number),
    suffix: whole.slice(name.length),
  };
}

/** @param models of both sides: what domains stand for, and which types are enums */
export function conversion(from: string, to: string, models: readonly Model[]): Conversion {
  const [a, b] = [from, to].map((type) => parseType(baseOf(type, models))) as [Type, Type];
  if (a.suffix !== b.suffix) return 'unknown';
  if (a.name === b.name) return sameName(a, b, from !== to);
  const isText = ({ name }: Type) => texts.includes(name) || /(?:^|\.)citext$/.test(name);
  if (isText(a) && isText(b)) return b.sizes.length === 0 ? 'kept' : 'kept-or-refused';
  const [left, right] = [integers.indexOf(a.name), integers.indexOf(b.name)];
  if (left >= 0 && right >= 0) return left < right ? 'kept' : 'kept-or-refused';
  const isEnum = ({ name }: Type) =>
    models.some((model) => model.find('type', name)?.parts.get('kind') === 'enum');
  if ((isEnum(a) && isText(b)) || (isText(a) && isEnum(b)) || (isEnum(a) && isEnum(b)))
    return 'kept-or-refused';
  return 'unknown';
}

function sameName(a: Type, b: Type, differs: boolean): Conversion {
  if (!differs) return 'kept';
  if (texts.includes(a.name)) return narrower(a.sizes[0], b.sizes[0]) ? 'kept-or-refused' : 'kept';
  if (a.name === 'numeric') {
    const [p = Number.POSITIVE_INFINITY, s = a.sizes.length === 0 ? p : 0] = a.sizes;
    const [q = Number.POSITIVE_INFINITY, t = b.sizes.length === 0 ? q : 0] = b.sizes;
    if (t < s) return 'rounded';
    return q === Number.POSITIVE_INFINITY || q - t >= p - s ? 'kept' : 'kept-or-refused';
  }
  if (timed.test(a.name)) return narrower(a.sizes[0] ?? 6, b.sizes[0] ?? 6) ? 'rounded' : 'kept';
  if (a.name === 'bit varying') return narrower(a.sizes[0], b.sizes[0]) ? 'kept-or-refused' : 'kept';
  // A domain and what it stands for.
  return a.sizes.join() === b.sizes.join() ? 'kept-or-refused' : 'unknown';
}

const narrower = (from = Number.POSITIVE_INFINITY, to = Number.POSITIVE_INFINITY) => to < from;

/** How each value stays as it is where PostgreSQL may cut or round it silently; undefined where it does neither. */
export function wholeWhere(
  column: string,
  from: string,
  to: string,
  models: readonly Model[],
): string | undefined {
  const kept = conversion(from, to, models);
  const { name, sizes } = parseType(baseOf(to, models));
  if (kept === 'rounded') return `${column}::${to} = ${column}`;
  const cuts = kept === 'kept-or-refused' && texts.includes(name) && sizes.length > 0;
  return cuts ? `${column}::${to}::text = ${column}::text` : undefined;
}

/** The type that a domain stands for, through domains over domains. */
function baseOf(type: string, models: readonly Model[]): string {
  for (const model of models) {
    const domain = model.find('type', type);
    const base = domain?.parts.get('kind') === 'domain' ? domain.parts.get('base') : undefined;
    if (base !== undefined) return baseOf(base, models);
  }
  return type;
}

/** Whether PostgreSQL converts by itself, without USING, and then refuses rather than cuts. */
export function needsUsing(from: string, to: string, models: readonly Model[]): boolean {
  const isEnum = (type: string) =>
    models.some(
      (model) => model.find('type', parseType(baseOf(type, models)).name)?.parts.get('kind') === 'enum',
    );
  return (
    isEnum(from) ||
    isEnum(to) ||
    ['rounded', 'unknown'].includes(conversion(from, to, models)) ||
    parseType(from).suffix !== parseType(to).suffix
  );
}
