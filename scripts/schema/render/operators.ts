// Takes items of the model; gives the SQL of collations, operators, their classes and families, casts, conversions,
// transforms, languages, access methods and base types. Pure; it must not know tables.

import { indexOutside, quoteLiteral, splitOutside } from '../sql.ts';
import { clause, operatorName, withoutArguments } from './clauses.ts';
import { splitList } from './definitions.ts';
import type { Item } from './model.ts';

const has = ({ parts }: Item, key: string, text: string) => (parts.has(key) ? [text] : []);

/** CREATE COLLATION. */
export function collationSql(item: Item): string {
  const { parts } = item;
  const [collate, ctype] = [parts.get('collate'), parts.get('ctype')];
  const options = [
    ...clause(item, 'provider', (value) => `provider = ${value}`),
    ...clause(item, 'locale', (value) => `locale = ${quoteLiteral(value)}`),
    ...(collate === undefined || parts.has('locale')
      ? []
      : collate === ctype
        ? [`locale = ${quoteLiteral(collate)}`]
        : [`lc_collate = ${quoteLiteral(collate)}`, `lc_ctype = ${quoteLiteral(ctype ?? '')}`]),
    ...has(item, 'nondeterministic', 'deterministic = false'),
    ...clause(item, 'rules', (value) => `rules = ${quoteLiteral(value)}`),
  ];
  return `CREATE COLLATION ${item.identity} (${options.join(', ')});`;
}

/** CREATE OPERATOR. */
export function operatorSql(item: Item): string {
  const at = indexOutside(item.identity, ' (');
  const [left, right] = splitList(item.identity.slice(at + 2, -1));
  const options = [
    `FUNCTION = ${withoutArguments(item.parts.get('procedure') ?? '')}`,
    ...(left === 'NONE' ? [] : [`LEFTARG = ${left}`]),
    ...(right === 'NONE' ? [] : [`RIGHTARG = ${right}`]),
    ...clause(item, 'commutator', (value) => `COMMUTATOR = ${operatorName(value)}`),
    ...clause(item, 'negator', (value) => `NEGATOR = ${operatorName(value)}`),
    ...clause(item, 'restrict', (value) => `RESTRICT = ${value}`),
    ...clause(item, 'join', (value) => `JOIN = ${value}`),
    ...has(item, 'hashes', 'HASHES'),
    ...has(item, 'merges', 'MERGES'),
  ];
  return `CREATE OPERATOR ${item.identity.slice(0, at)} (${options.join(', ')});`;
}

const members = (item: Item) =>
  splitOutside(item.parts.get('members') ?? '', '\n').filter((member) => member !== '');

/** `app.name` and `hash` of `app.name USING hash`. */
function splitMethod({ identity }: Item): [string, string] {
  const at = indexOutside(identity, ' USING ');
  return [identity.slice(0, at), identity.slice(at + ' USING '.length)];
}

/** CREATE OPERATOR CLASS with its members. */
export function operatorClassSql(item: Item): string {
  const [name, method] = splitMethod(item);
  const { parts } = item;
  const list = [...clause(item, 'storage', (value) => `STORAGE ${value}`), ...members(item)];
  // A class without members must say something: its type, which it stores anyway.
  const body = list.length === 0 ? [`STORAGE ${parts.get('type')}`] : list;
  return `CREATE OPERATOR CLASS ${name}${parts.has('default') ? ' DEFAULT' : ''} FOR TYPE ${parts.get('type')} USING ${method} FAMILY ${parts.get('family')} AS\n  ${body.join(',\n  ')};`;
}

/** CREATE OPERATOR FAMILY; its loose members come when its classes are there. */
export function operatorFamilySql(item: Item): string | undefined {
  return item.identity.startsWith('pg_catalog.') ? undefined : `CREATE OPERATOR FAMILY ${item.identity};`;
}

/** ALTER OPERATOR FAMILY … ADD for members that belong to no class; undefined where there are none. */
export function looseMembersSql(item: Item): string | undefined {
  const list = members(item).map((member) => {
    const open = /^OPERATOR \d+ /.test(member) ? indexOutside(member, '(') : -1;
    return open === -1 ? member : `${member.slice(0, open)} ${member.slice(open)}`;
  });
  return list.length === 0
    ? undefined
    : `ALTER OPERATOR FAMILY ${item.identity} ADD\n  ${list.join(',\n  ')};`;
}

/** CREATE CAST. */
export function castSql({ identity, parts }: Item): string {
  const method = parts.get('method') ?? '';
  const how =
    method === 'inout' ? 'WITH INOUT' : method === 'binary' ? 'WITHOUT FUNCTION' : `WITH FUNCTION ${method}`;
  const context = parts.get('context');
  return `CREATE CAST ${identity} ${how}${context === 'explicit' ? '' : ` AS ${context?.toUpperCase()}`};`;
}

/** CREATE CONVERSION. */
export function conversionSql({ identity, parts }: Item): string {
  return `CREATE ${parts.has('default') ? 'DEFAULT ' : ''}CONVERSION ${identity} FOR ${quoteLiteral(parts.get('from') ?? '')} TO ${quoteLiteral(parts.get('to') ?? '')} FROM ${withoutArguments(parts.get('procedure') ?? '')};`;
}

/** `FOR app.t LANGUAGE sql` of `for app.t language sql`. */
export function transformName(identity: string): string {
  return identity.replace(/^for (.+) language (.+?)$/s, 'FOR $1 LANGUAGE $2');
}

/** CREATE TRANSFORM. */
export function transformSql(item: Item): string {
  const functions = [
    ...clause(item, 'from_sql', (value) => `FROM SQL WITH FUNCTION ${value}`),
    ...clause(item, 'to_sql', (value) => `TO SQL WITH FUNCTION ${value}`),
  ];
  return `CREATE TRANSFORM ${transformName(item.identity)} (${functions.join(', ')});`;
}

/** CREATE LANGUAGE. */
export function languageSql(item: Item): string {
  return [
    `CREATE ${item.parts.has('trusted') ? 'TRUSTED ' : ''}LANGUAGE ${item.identity}`,
    ...clause(item, 'handler', (value) => `HANDLER ${value}`),
    ...clause(item, 'inline', (value) => `INLINE ${value}`),
    ...clause(item, 'validator', (value) => `VALIDATOR ${value}`),
  ]
    .join(' ')
    .concat(';');
}

/** CREATE ACCESS METHOD. */
export function accessMethodSql({ identity, parts }: Item): string {
  return `CREATE ACCESS METHOD ${identity} TYPE ${parts.get('kind')?.toUpperCase()} HANDLER ${parts.get('handler')};`;
}

const baseFunctions = {
  input: 'INPUT',
  output: 'OUTPUT',
  receive: 'RECEIVE',
  send: 'SEND',
  modifier_input: 'TYPMOD_IN',
  modifier_output: 'TYPMOD_OUT',
  analyze: 'ANALYZE',
  subscript: 'SUBSCRIPT',
} as const;

const alignments: Record<string, string> = { c: 'char', s: 'int2', i: 'int4', d: 'double' };
const storages: Record<string, string> = { p: 'plain', e: 'external', m: 'main', x: 'extended' };

/** CREATE TYPE of a type that C code brings; its functions take the shell type that comes before. */
export function baseTypeSql(item: Item): string {
  const layout = (item.parts.get('layout') ?? '').split(', ');
  const of = (word: string) =>
    layout.find((part) => part.startsWith(`${word} `))?.slice(word.length + 1) ?? '';
  const category = /(?:^|, )category (.)/s.exec(item.parts.get('layout') ?? '')?.[1] ?? 'U';
  const delimiter = /(?:^|, )delimiter (.)/s.exec(item.parts.get('layout') ?? '')?.[1] ?? ',';
  const options = [
    ...Object.entries(baseFunctions).flatMap(([key, name]) =>
      clause(item, key, (value) => `${name} = ${value}`),
    ),
    `INTERNALLENGTH = ${of('length') === '-1' ? 'variable' : of('length')}`,
    ...(layout.includes('by value') ? ['PASSEDBYVALUE'] : []),
    `ALIGNMENT = ${alignments[of('alignment')]}`,
    `STORAGE = ${storages[of('storage')]}`,
    ...(category === 'U' ? [] : [`CATEGORY = ${quoteLiteral(category)}`]),
    ...(layout.includes('preferred') ? ['PREFERRED = true'] : []),
    ...clause(item, 'default', (value) => `DEFAULT = ${quoteLiteral(value)}`),
    ...(of('element') === '' ? [] : [`ELEMENT = ${of('element')}`]),
    ...(delimiter === ',' ? [] : [`DELIMITER = ${quoteLiteral(delimiter)}`]),
    ...(layout.includes('collatable') ? ['COLLATABLE = true'] : []),
  ];
  return `CREATE TYPE ${item.identity} (\n  ${options.join(',\n  ')}\n);`;
}
