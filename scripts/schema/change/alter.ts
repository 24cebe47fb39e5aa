// Takes a table, sequence or type as it is and as it is to be; gives the SQL that leads from one to the other in place,
// where there is such SQL. Pure; what must be dropped and made anew is not its work.
import type { Item, Model } from '../render/model.ts';
import { alterDomainNotNull } from '../render/not-null.ts';
import { optionList } from '../render/storage.ts';
import { type Change, onTables, unwritten } from './change.ts';
import { attributesOf, labelsOf, lastName, schemaOf } from './likeness-shape.ts';

/** Which parts of the definition are not the same in both. */
export const keysThatDiffer = (from: Item, to: Item): string[] =>
  [...new Set([...from.parts.keys(), ...to.parts.keys()])].filter(
    (key) => from.parts.get(key) !== to.parts.get(key),
  );

const only = (keys: readonly string[], known: readonly string[]) => keys.every((key) => known.includes(key));

/**
 * SET and RESET that lead from one list of options to the other.
 * @param prefix of each name: `toast.`
 */
export function optionsSql(
  alter: string,
  from: string | undefined,
  to: string | undefined,
  prefix = '',
): string[] {
  const all = (options: string | undefined) =>
    (options ?? '')
      .split(', ')
      .filter((option) => option !== '')
      .map((option) => `${prefix}${option}`);
  const names = (options: string | undefined) =>
    all(options).map((option) => option.slice(0, option.indexOf('=')));
  const gone = names(from).filter((name) => !names(to).includes(name));
  return [
    ...(gone.length > 0 ? [`${alter} RESET (${gone.join(', ')});`] : []),
    ...(to === undefined ? [] : [`${alter} SET (${optionList(all(to).join(', '))});`]),
  ];
}

const ofTable = ['row_security', 'options', 'toast_options', 'unlogged', 'replica_identity'];
const ofHierarchy = ['inherits', 'partition_of', 'bound'];

/** Tables only; what says how they are stored is left to a person. */
export function alterTable(from: Item, to: Item): Change {
  const keys = keysThatDiffer(from, to);
  if (!only(keys, [...ofTable, ...ofHierarchy]))
    return unwritten(`no statement changes this of a table: ${keys.join(', ').replaceAll('_', ' ')}`);
  const alter = `ALTER TABLE ${to.identity}`;
  const security = (item: Item, word: string) => (item.parts.get('row_security') ?? '').includes(word);
  const replica = to.parts.get('replica_identity') ?? 'default';
  const toggled = (word: string, on: string, off: string) =>
    security(from, word) === security(to, word) ? [] : [`${alter} ${security(to, word) ? on : off};`];
  const value = (item: Item, key: string) => item.parts.get(key);
  return onTables([
    ...hierarchySql(from, to),
    ...toggled('enabled', 'ENABLE ROW LEVEL SECURITY', 'DISABLE ROW LEVEL SECURITY'),
    ...toggled('forced', 'FORCE ROW LEVEL SECURITY', 'NO FORCE ROW LEVEL SECURITY'),
    ...(keys.includes('options') ? optionsSql(alter, value(from, 'options'), value(to, 'options')) : []),
    ...(keys.includes('toast_options')
      ? optionsSql(alter, value(from, 'toast_options'), value(to, 'toast_options'), 'toast.')
      : []),
    ...(keys.includes('unlogged')
      ? [`${alter} SET ${to.parts.has('unlogged') ? 'UNLOGGED' : 'LOGGED'};`]
      : []),
    ...(keys.includes('replica_identity')
      ? [
          `${alter} REPLICA IDENTITY ${replica.startsWith('index ') ? `USING INDEX ${replica.slice(6)}` : replica.toUpperCase()};`,
        ]
      : []),
  ]);
}

/** INHERIT and ATTACH, and their opposites. */
function hierarchySql(from: Item, to: Item): string[] {
  const parents = (item: Item): string[] =>
    item.parts.get('inherits')?.match(/(?:"(?:[^"]|"")*"|[^,"\s])+/g) ?? [];
  const alter = `ALTER TABLE ${to.identity}`;
  const [before, after] = [from, to].map(({ parts }) => `${parts.get('partition_of')} ${parts.get('bound')}`);
  const attached = before === after ? [] : [from, to];
  const [old, now] = attached.map(({ parts }) => parts.get('partition_of'));
  return [
    ...(old === undefined ? [] : [`ALTER TABLE ${old} DETACH PARTITION ${to.identity};`]),
    ...parents(from)
      .filter((parent) => !parents(to).includes(parent))
      .map((parent) => `${alter} NO INHERIT ${parent};`),
    ...parents(to)
      .filter((parent) => !parents(from).includes(parent))
      .map((parent) => `${alter} INHERIT ${parent};`),
    ...(now === undefined
      ? []
      : [`ALTER TABLE ${now} ATTACH PARTITION ${to.identity} ${to.parts.get('bound')};`]),
  ];
}

/** What is set on an index that stays, also on that of a constraint; undefined where it must be made anew. */
export function alterIndex(from: Item, to: Item): Change | undefined {
  if (!only(keysThatDiffer(from, to), ['clustered'])) return undefined;
  const name = lastName(to.identity);
  return onTables([
    `ALTER TABLE ${to.table} ${to.parts.has('clustered') ? `CLUSTER ON ${name}` : 'SET WITHOUT CLUSTER'};`,
  ]);
}

/** ALTER SEQUENCE; what a person must do where the sequence changes its column. */
export function alterSequence(from: Item, to: Item): Change {
  const keys = keysThatDiffer(from, to);
  const known = [
    'type',
    'start',
    'increment',
    'minimum',
    'maximum',
    'cache',
    'cycle',
    'owned_by',
    'table',
    'unlogged',
  ];
  if (!only(keys, known))
    return unwritten('the sequence belongs to another column now: its position must be carried over');
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
  // One that belongs to a column is as its table is.
  const isLoose = !to.parts.has('owned_by') && !to.parts.has('identity_of');
  const logged = to.parts.has('unlogged') ? 'UNLOGGED' : 'LOGGED';
  return onTables([
    ...(keys.some((key) => key !== 'unlogged')
      ? [`ALTER SEQUENCE ${to.identity} ${options.join(' ')};`]
      : []),
    ...(keys.includes('unlogged') && isLoose ? [`ALTER SEQUENCE ${to.identity} SET ${logged};`] : []),
  ]);
}

/** Enums, domains and composite types. */
export function alterType(models: readonly [Model, Model], from: Item, to: Item): Change {
  const keys = keysThatDiffer(from, to);
  const kind = to.parts.get('kind');
  if (kind === 'enum' && only(keys, ['labels'])) return alterEnum(models, from, to);
  if (kind === 'composite' && only(keys, ['attributes'])) return alterComposite(from, to);
  if (kind !== 'domain' || !only(keys, ['default', 'not_null', 'not_null_name']))
    return unwritten('the type must be made anew, with all that is of it');
  const alter = `ALTER DOMAIN ${to.identity}`;
  const value = to.parts.get('default');
  const strict = keys.includes('not_null') && to.parts.has('not_null');
  return {
    phase: 'type',
    statements: [
      ...(keys.includes('default')
        ? [`${alter} ${value === undefined ? 'DROP DEFAULT' : `SET DEFAULT ${value}`};`]
        : []),
      ...alterDomainNotNull(from, to),
    ],
    ...(strict ? { fails: [`where a column of ${to.identity} is NULL`] } : {}),
  };
}

/** New attributes are added at the end; for another order or type values would be computed. */
function alterComposite(from: Item, to: Item): Change {
  const [before, after] = [from, to].map((item) => attributesOf(item.parts.get('attributes') ?? ''));
  const names = (list: typeof before) => (list ?? []).map(({ name }) => name);
  const same = (before ?? []).filter(({ name }) => names(after).includes(name));
  const kept = same.every(({ name, type }, i) => after?.[i]?.name === name && after[i]?.type === type);
  if (!kept) return unwritten(`how values of ${to.identity} became what they are is not in the schema`);
  const alter = `ALTER TYPE ${to.identity}`;
  return onTables([
    ...(before ?? [])
      .filter(({ name }) => !names(after).includes(name))
      .map(({ name }) => `${alter} DROP ATTRIBUTE ${name};`),
    ...(after ?? [])
      .filter(({ name }) => !names(before).includes(name))
      .map(({ name, type }) => `${alter} ADD ATTRIBUTE ${name} ${type};`),
  ]);
}

/** New values are added; where one is to go, PostgreSQL has no statement, and the type is made anew under its columns. */
function alterEnum(models: readonly [Model, Model], from: Item, to: Item): Change {
  const [before, after] = [labelsOf(from), labelsOf(to)];
  const kept = after.filter((label) => before.includes(label));
  const gone = before.filter((label) => !after.includes(label));
  const came = after.filter((label) => !before.includes(label));
  if (gone.length > 0 || kept.some((label, i) => label !== before[i]) || isUsed(models[1], to, came))
    return {
      ...{ phase: 'type', statements: remakeEnum(models, from, to), replacesType: true },
      ...(gone.length > 0 ? { fails: [`where a value is ${gone.join(' or ')}`] } : {}),
    };
  const statements = after.flatMap((label, i) => {
    if (before.includes(label)) return [];
    const next = after.slice(i + 1).find((other) => before.includes(other));
    const previous = after[i - 1];
    const place = next === undefined ? '' : previous === undefined ? ` BEFORE ${next}` : ` AFTER ${previous}`;
    return [`ALTER TYPE ${to.identity} ADD VALUE ${label}${place};`];
  });
  return { phase: 'type', statements };
}

/** A value that was added is of no use before the transaction ends: a default or a check that names it would fail. */
function isUsed(model: Model, { identity }: Item, labels: readonly string[]): boolean {
  return model.items.some(({ class: name, parts }) =>
    [...parts.values()].some(
      (text) => name !== 'routine' && labels.some((label) => text.includes(`${label}::${identity}`)),
    ),
  );
}

function remakeEnum([model, later]: readonly [Model, Model], from: Item, to: Item): string[] {
  const schema = schemaOf(to.identity);
  // A name is cut at 63 bytes.
  const old = `${lastName(from.identity).replaceAll('"', '').slice(0, 14)}_before`;
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
    ...columns.flatMap(({ name, table, parts, identity }) => {
      const alter = `ALTER TABLE ${table} ALTER COLUMN ${name}`;
      const type = parts.get('type') ?? '';
      const text = type.endsWith('[]') ? 'text[]' : 'text';
      const after = later.find('column', identity);
      const value = after?.parts.get('type') === type ? after.parts.get('default') : undefined;
      return [
        ...(parts.has('default') ? [`${alter} DROP DEFAULT;`] : []),
        `${alter} TYPE ${type} USING ${name}::${text}::${type};`,
        ...(value === undefined ? [] : [`${alter} SET DEFAULT ${value};`]),
      ];
    }),
    `DROP TYPE ${schema}.${quoted};`,
  ];
}
