// Takes an object as it is and as it is to be; gives the SQL that leads from one to the other in place, where there is
// such SQL. Pure; what must be dropped and made anew is not its work.
import type { Item, Model } from '../render/model.ts';
import { columnClause, columnSettings, optionList } from '../render/tables.ts';

const keysThatDiffer = (from: Item, to: Item) =>
  [...new Set([...from.parts.keys(), ...to.parts.keys()])].filter(
    (key) => from.parts.get(key) !== to.parts.get(key),
  );

const only = (keys: readonly string[], known: readonly string[]) => keys.every((key) => known.includes(key));

/** ADD COLUMN with its settings; a NOT NULL column without default needs a table without rows. */
export function addColumn(model: Model, table: Item, column: Item): string[] {
  const alter = `ALTER TABLE ${table.identity} ADD COLUMN ${columnClause(model, column, false, true)};`;
  return [alter, ...columnSettings(table, column, true)];
}

/** Undefined where a person must decide: identity, generated columns, what a parent says. */
export function alterColumn(from: Item, to: Item): string[] | undefined {
  const keys = keysThatDiffer(from, to);
  const known = [
    'type',
    'collation',
    'nullable',
    'default',
    'storage',
    'compression',
    'statistics',
    'options',
  ];
  const generated = from.parts.has('generated') || to.parts.has('generated');
  if (!only(keys, known) || (generated && keys.includes('type'))) return undefined;
  const alter = `ALTER TABLE ${to.table} ALTER COLUMN ${to.name}`;
  const value = (key: string) => to.parts.get(key);
  const typed = keys.includes('type') || keys.includes('collation');
  const type = `${value('type')}${to.parts.has('collation') ? ` COLLATE ${value('collation')}` : ''}`;
  return [
    ...(typed && from.parts.has('default') ? [`${alter} DROP DEFAULT;`] : []),
    ...(typed ? [`${alter} TYPE ${type} USING ${to.name}::${value('type')};`] : []),
    ...(keys.includes('nullable')
      ? [`${alter} ${value('nullable') === 'no' ? 'SET' : 'DROP'} NOT NULL;`]
      : []),
    ...(typed || keys.includes('default') ? defaultSql(alter, from, to, typed) : []),
    ...(keys.includes('storage')
      ? [`${alter} SET STORAGE ${(value('storage') ?? 'default').toUpperCase()};`]
      : []),
    ...(keys.includes('compression')
      ? [`${alter} SET COMPRESSION ${value('compression') ?? 'default'};`]
      : []),
    ...(keys.includes('statistics') ? [`${alter} SET STATISTICS ${value('statistics') ?? '-1'};`] : []),
    ...(keys.includes('options') ? optionsSql(alter, from.parts.get('options'), value('options')) : []),
  ];
}

function defaultSql(alter: string, from: Item, to: Item, dropped: boolean): string[] {
  const value = to.parts.get('default');
  if (value !== undefined) return [`${alter} SET DEFAULT ${value};`];
  return dropped || !from.parts.has('default') ? [] : [`${alter} DROP DEFAULT;`];
}

function optionsSql(alter: string, from: string | undefined, to: string | undefined): string[] {
  const names = (options: string) =>
    options.split(', ').map((option) => option.slice(0, option.indexOf('=')));
  const gone = names(from ?? '').filter((name) => name !== '' && !names(to ?? '').includes(name));
  return [
    ...(gone.length > 0 ? [`${alter} RESET (${gone.join(', ')});`] : []),
    ...(to === undefined ? [] : [`${alter} SET (${optionList(to)});`]),
  ];
}

/** Tables only; undefined for what changes their place in a hierarchy, or where they are stored. */
export function alterTable(from: Item, to: Item): string[] | undefined {
  const keys = keysThatDiffer(from, to);
  if (!only(keys, ['row_security', 'options', 'unlogged', 'replica_identity'])) return undefined;
  const alter = `ALTER TABLE ${to.identity}`;
  const security = (item: Item, word: string) => (item.parts.get('row_security') ?? '').includes(word);
  const replica = to.parts.get('replica_identity') ?? 'default';
  const toggled = (word: string, on: string, off: string) =>
    security(from, word) === security(to, word) ? [] : [`${alter} ${security(to, word) ? on : off};`];
  return [
    ...toggled('enabled', 'ENABLE ROW LEVEL SECURITY', 'DISABLE ROW LEVEL SECURITY'),
    ...toggled('forced', 'FORCE ROW LEVEL SECURITY', 'NO FORCE ROW LEVEL SECURITY'),
    ...(keys.includes('options')
      ? optionsSql(alter, from.parts.get('options'), to.parts.get('options'))
      : []),
    ...(keys.includes('unlogged')
      ? [`${alter} SET ${to.parts.has('unlogged') ? 'UNLOGGED' : 'LOGGED'};`]
      : []),
    ...(keys.includes('replica_identity')
      ? [
          `${alter} REPLICA IDENTITY ${replica.startsWith('index ') ? `USING INDEX ${replica.slice(6)}` : replica.toUpperCase()};`,
        ]
      : []),
  ];
}

export function alterSequence(from: Item, to: Item): string[] | undefined {
  const keys = keysThatDiffer(from, to);
  const known = ['type', 'start', 'increment', 'minimum', 'maximum', 'cache', 'cycle', 'owned_by'];
  if (!only([...keys], [...known, 'table'])) return undefined;
  const value = (key: string) => to.parts.get(key) ?? '';
  const options = [
    ...(keys.includes('type') ? [`AS ${value('type')}`] : []),
    `INCREMENT BY ${value('increment')}`,
    `MINVALUE ${value('minimum')}`,
    `MAXVALUE ${value('maximum')}`,
    `START WITH ${value('start')}`,
    `CACHE ${value('cache')}`,
    to.parts.has('cycle') ? 'CYCLE' : 'NO CYCLE',
    ...(keys.includes('owned_by') ? [`OWNED BY ${to.parts.get('owned_by') ?? 'NONE'}`] : []),
  ];
  return [`ALTER SEQUENCE ${to.identity} ${options.join(' ')};`];
}

function labelsOf(item: Item): string[] {
  return item.parts.get('labels')?.match(/E?'(?:[^']|'')*'/g) ?? [];
}

/** Enums and domains. */
export function alterType(model: Model, from: Item, to: Item): string[] | undefined {
  const keys = keysThatDiffer(from, to);
  if (to.parts.get('kind') === 'enum' && only(keys, ['labels'])) return alterEnum(model, from, to);
  if (to.parts.get('kind') !== 'domain' || !only(keys, ['default', 'not_null'])) return undefined;
  const alter = `ALTER DOMAIN ${to.identity}`;
  const value = to.parts.get('default');
  return [
    ...(keys.includes('default')
      ? [`${alter} ${value === undefined ? 'DROP DEFAULT' : `SET DEFAULT ${value}`};`]
      : []),
    ...(keys.includes('not_null') ? [`${alter} ${to.parts.has('not_null') ? 'SET' : 'DROP'} NOT NULL;`] : []),
  ];
}

/** New values are added; where one is to go, PostgreSQL has no statement, and the type is made anew under its columns. */
function alterEnum(model: Model, from: Item, to: Item): string[] {
  const [before, after] = [labelsOf(from), labelsOf(to)];
  const kept = after.filter((label) => before.includes(label));
  if (kept.length < before.length || kept.some((label, i) => label !== before[i]))
    return remakeEnum(model, from, to);
  return after.flatMap((label, i) => {
    if (before.includes(label)) return [];
    const next = after.slice(i + 1).find((other) => before.includes(other));
    const previous = after[i - 1];
    const place = next === undefined ? '' : previous === undefined ? ` BEFORE ${next}` : ` AFTER ${previous}`;
    return [`ALTER TYPE ${to.identity} ADD VALUE ${label}${place};`];
  });
}

function remakeEnum(model: Model, from: Item, to: Item): string[] {
  const schema = to.identity.slice(0, to.identity.lastIndexOf('.'));
  const old = `${from.identity.slice(schema.length + 1).replaceAll('"', '')}_before`;
  const quoted = `"${old}"`;
  const columns = model
    .of('column')
    .filter(({ parts, table }) => {
      const kind = model.find('relation', table ?? '')?.parts.get('kind') ?? '';
      return kind.endsWith('table') && [to.identity, `${to.identity}[]`].includes(parts.get('type') ?? '');
    })
    .filter(({ parts }) => parts.get('inherited') !== 'only');
  return [
    `ALTER TYPE ${from.identity} RENAME TO ${quoted};`,
    `CREATE TYPE ${to.identity} AS ENUM (${to.parts.get('labels') ?? ''});`,
    ...columns.flatMap(({ name, table, parts }) => {
      const alter = `ALTER TABLE ${table} ALTER COLUMN ${name}`;
      const type = parts.get('type') ?? '';
      const text = type.endsWith('[]') ? 'text[]' : 'text';
      const value = parts.get('default');
      return [
        ...(value === undefined ? [] : [`${alter} DROP DEFAULT;`]),
        `${alter} TYPE ${type} USING ${name}::${text}::${type};`,
        ...(value === undefined ? [] : [`${alter} SET DEFAULT ${value};`]),
      ];
    }),
    `DROP TYPE ${schema}.${quoted};`,
  ];
}
