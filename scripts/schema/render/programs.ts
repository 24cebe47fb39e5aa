// Takes items of the model; gives the SQL of schemas, types, sequences, routines and aggregates.
// Pure; it must not know tables.

import { quoteLiteral } from '../sql.ts';
import { settingValue, withoutArguments } from './clauses.ts';
import { settingsIn, splitList } from './definitions.ts';
import type { Item, Model } from './model.ts';

const sequenceLimits: Record<string, string> = {
  smallint: '32767',
  integer: '2147483647',
  bigint: '9223372036854775807',
};

/** The options of a sequence that are not the default of an ascending one, each with a space before it. */
export function sequenceOptions({ parts }: Item): string {
  const value = (key: string) => parts.get(key) ?? '';
  const ascending = !value('increment').startsWith('-');
  const limit = sequenceLimits[value('type')] ?? '';
  const usual = ascending ? ['1', limit] : [`-${BigInt(limit || 0) + 1n}`, '-1'];
  const start = ascending ? value('minimum') : value('maximum');
  return [
    value('start') === start ? '' : ` START WITH ${value('start')}`,
    value('increment') === '1' ? '' : ` INCREMENT BY ${value('increment')}`,
    value('minimum') === usual[0] ? '' : ` MINVALUE ${value('minimum')}`,
    value('maximum') === usual[1] ? '' : ` MAXVALUE ${value('maximum')}`,
    value('cache') === '1' ? '' : ` CACHE ${value('cache')}`,
    parts.has('cycle') ? ' CYCLE' : '',
  ].join('');
}

/** CREATE SEQUENCE; who owns it is said later, when the table is there. */
export function sequenceSql(item: Item): string {
  const type = item.parts.get('type') === 'bigint' ? '' : ` AS ${item.parts.get('type')}`;
  return `CREATE ${item.parts.has('unlogged') ? 'UNLOGGED ' : ''}SEQUENCE ${item.identity}${type}${sequenceOptions(item)};`;
}

/** A new domain takes the default of the domain it is made of, which may have got it later. */
function withoutDefault(model: Model, { parts, identity }: Item): string {
  const taken = !parts.has('default') && model.find('type', parts.get('base') ?? '')?.parts.has('default');
  return taken ? `\nALTER DOMAIN ${identity} DROP DEFAULT;` : '';
}

function domainSql(model: Model, item: Item, withChecks: boolean): string {
  const { parts, identity } = item;
  const checks = model
    .partsOf(identity, 'constraint')
    .filter((check) => withChecks && !check.parts.get('definition')?.endsWith('NOT VALID'));
  return `CREATE DOMAIN ${identity} AS ${[
    parts.get('base'),
    ...(parts.has('collation') ? [`COLLATE ${parts.get('collation')}`] : []),
    ...(parts.has('default') ? [`DEFAULT ${parts.get('default')}`] : []),
    ...(parts.has('not_null_name') ? [`CONSTRAINT ${parts.get('not_null_name')}`] : []),
    ...(parts.has('not_null') ? ['NOT NULL'] : []),
  ].join(
    ' ',
  )}${checks.map((check) => `\n  CONSTRAINT ${check.name} ${check.parts.get('definition')}`).join('')};${withoutDefault(model, item)}`;
}

const rangeOptions = {
  subtype: 'SUBTYPE',
  subtype_operator_class: 'SUBTYPE_OPCLASS',
  subtype_collation: 'COLLATION',
  canonical: 'CANONICAL',
  subtype_difference: 'SUBTYPE_DIFF',
  multirange: 'MULTIRANGE_TYPE_NAME',
} as const;

/** CREATE TYPE or CREATE DOMAIN, or nothing for the kinds that only a library can bring. */
export function typeSql(model: Model, item: Item, withChecks: boolean): string | undefined {
  const { parts, identity } = item;
  switch (parts.get('kind')) {
    case 'enum':
      return `CREATE TYPE ${identity} AS ENUM (${parts.get('labels') ?? ''});`;
    case 'composite':
      return `CREATE TYPE ${identity} AS (${parts.get('attributes') ?? ''});`;
    case 'domain':
      return domainSql(model, item, withChecks);
    case 'shell':
      return `CREATE TYPE ${identity};`;
    case 'range': {
      const options = Object.entries(rangeOptions).filter(([key]) => parts.has(key));
      const list = options.map(([key, name]) => `${name} = ${parts.get(key)}`).join(', ');
      return `CREATE TYPE ${identity} AS RANGE (${list});`;
    }
    default:
      return undefined;
  }
}

function bodyClause(body: string): string {
  if (/^(BEGIN ATOMIC|RETURN )/.test(body)) return body;
  let tag = '$body$';
  for (let i = 1; body.includes(tag); i += 1) tag = `$body${i}$`;
  return `AS ${tag}${body}${tag}`;
}

/** CREATE OR REPLACE FUNCTION or PROCEDURE, written from the definition alone, without a semicolon. */
export function routineSql({ identity, parts }: Item): string {
  const name = withoutArguments(identity);
  const procedure = parts.get('kind') === 'procedure';
  const clause = (key: string, text: (value: string) => string) => {
    const value = parts.get(key);
    return value === undefined ? [] : [text(value)];
  };
  const has = (key: string, text: string) => (parts.has(key) ? [text] : []);
  const clauses = [
    ...(procedure ? [] : clause('returns', (value) => `RETURNS ${value}`)),
    ...clause('language', (value) => `LANGUAGE ${value}`),
    ...clause('transforms', (value) => `TRANSFORM FOR TYPE ${splitList(value).join(', FOR TYPE ')}`),
    ...(parts.get('kind') === 'window function' ? ['WINDOW'] : []),
    ...(procedure ? [] : clause('volatility', (value) => value.toUpperCase())),
    ...(procedure ? [] : clause('parallel', (value) => `PARALLEL ${value.toUpperCase()}`)),
    ...has('strict', 'STRICT'),
    ...has('leakproof', 'LEAKPROOF'),
    ...has('security_definer', 'SECURITY DEFINER'),
    ...(procedure ? [] : clause('cost', (value) => `COST ${value}`)),
    ...clause('rows', (value) => `ROWS ${value}`),
    ...clause('support', (value) => `SUPPORT ${value}`),
    ...settingsIn(parts.get('settings')).map(
      ({ name, value }) => `SET ${name} TO ${settingValue(name, value)}`,
    ),
    ...clause('body', bodyClause),
  ];
  return `CREATE OR REPLACE ${procedure ? 'PROCEDURE' : 'FUNCTION'} ${name}(${parts.get('arguments') ?? ''})\n  ${clauses.join('\n  ')}`;
}

const modifies: Record<string, string> = { r: 'READ_ONLY', s: 'SHAREABLE', w: 'READ_WRITE' };

/** CREATE AGGREGATE. */
export function aggregateSql({ identity, parts }: Item): string {
  const name = withoutArguments(identity);
  const clause = (key: string, sql: string, text = (value: string) => value) =>
    parts.has(key) ? [`${sql} = ${text(parts.get(key) ?? '')}`] : [];
  const modify = (value: string) => modifies[value] ?? value;
  const operator = (value: string) => `OPERATOR(${withoutArguments(value)})`;
  const clauses = [
    ...clause('transition', 'SFUNC'),
    ...clause('state', 'STYPE'),
    ...clause('state_size', 'SSPACE'),
    ...clause('final', 'FINALFUNC'),
    ...(parts.has('final_extra') ? ['FINALFUNC_EXTRA'] : []),
    ...clause('final_modify', 'FINALFUNC_MODIFY', modify),
    ...clause('combine', 'COMBINEFUNC'),
    ...clause('serialize', 'SERIALFUNC'),
    ...clause('deserialize', 'DESERIALFUNC'),
    ...clause('initial', 'INITCOND', quoteLiteral),
    ...clause('moving_transition', 'MSFUNC'),
    ...clause('moving_inverse', 'MINVFUNC'),
    ...clause('moving_state', 'MSTYPE'),
    ...clause('moving_state_size', 'MSSPACE'),
    ...clause('moving_final', 'MFINALFUNC'),
    ...(parts.has('moving_final_extra') ? ['MFINALFUNC_EXTRA'] : []),
    ...clause('moving_final_modify', 'MFINALFUNC_MODIFY', modify),
    ...clause('moving_initial', 'MINITCOND', quoteLiteral),
    ...clause('sort_operator', 'SORTOP', operator),
    ...clause('parallel', 'PARALLEL', (value) => value.toUpperCase()),
    ...(parts.get('kind')?.startsWith('hypothetical') ? ['HYPOTHETICAL'] : []),
  ];
  return `CREATE AGGREGATE ${name}(${parts.get('arguments') || '*'}) (\n  ${clauses.join(',\n  ')}\n);`;
}
