// Takes a column as it is and as it is to be; gives the SQL that leads from one to the other in place, and what is to be
// known before it runs. Pure; it must not know which other objects hang on the column.
import type { Item, Model } from '../render/model.ts';
import { alterNotNull, checkedCopies, lateNotNull, notNullOf } from '../render/not-null.ts';
import { columnSettings } from '../render/storage.ts';
import { columnClause } from '../render/tables.ts';
import { keysThatDiffer, optionsSql } from './alter.ts';
import { foreignOptionsChange } from './alter-outside.ts';
import { type Change, onTables, unwritten } from './change.ts';
import { conversion, needsUsing, wholeWhere } from './conversion.ts';
import { alterColumnOf, copiesOf } from './heirs.ts';
import { identityChange } from './positions.ts';

/** A NOT NULL that rows which are there already are held against. */
const mustBeFilled = (column: Item) => notNullOf(column)?.notValid === false;

/** A value for every row that is there already comes from a default, a sequence or an expression. */
function fillsItself(model: Model, column: Item): boolean {
  const { parts, table } = column;
  const type = model.find('type', parts.get('type') ?? '');
  const given = ['default', 'generated', 'identity'].some((key) => parts.has(key));
  const demands = mustBeFilled(column) || type?.parts.has('not_null') === true;
  return given || !demands || type?.parts.has('default') === true || table === undefined;
}

/**
 * ADD COLUMN with its settings, and those that heirs have of their own; undecided for a NOT NULL that nothing fills.
 * @param models before and after: heirs that are new bring theirs along
 */
export function addColumn(models: readonly [Model, Model], table: Item, column: Item): Change {
  const [, model] = models;
  const head = `ALTER TABLE ${table.identity}`;
  const settings = [
    ...columnSettings(table, column, true),
    ...lateNotNull(table, column),
    ...checkedCopies(model, column),
    ...settingsOfCopies(models, column),
  ];
  const phase = column.parts.has('generated') ? 'compute' : 'add';
  if (fillsItself(model, column))
    return {
      phase,
      statements: [`${head} ADD COLUMN ${columnClause(model, column, false, true)};`, ...settings],
    };
  const nullable = { ...column, parts: new Map(column.parts).set('nullable', 'yes') };
  return {
    phase,
    statements: [
      `${head} ADD COLUMN ${columnClause(model, nullable, false, true)};`,
      `-- UPDATE ${table.identity} SET ${column.name} = … WHERE ${column.name} IS NULL;`,
      ...(alterNotNull([model, model], nullable, column) ?? []),
      ...settings,
    ],
    undecided: `rows that are there already need a value for ${column.identity}: what it was filled with by hand is not in the schema`,
  };
}

/** An heir gets the column with what ADD COLUMN says of it: its default and compression, not what was set behind that. */
function settingsOfCopies([before, after]: readonly [Model, Model], column: Item): string[] {
  return copiesOf(after, column).flatMap((copy) => {
    if (before.find('relation', copy.table ?? '') === undefined) return [];
    const parts = new Map(copy.parts);
    for (const key of ['storage', 'statistics', 'options']) parts.delete(key);
    for (const key of ['default', 'compression']) {
      const given = column.parts.get(key);
      if (given === undefined) parts.delete(key);
      else parts.set(key, given);
    }
    const as = `ALTER TABLE ONLY ${copy.table} ALTER COLUMN ${copy.name}`;
    const given = { ...copy, parts };
    return settingsSql(() => as, given, copy, keysThatDiffer(given, copy), false);
  });
}

/** Undecided where values, or the position of a sequence, would be lost or computed anew. */
export function alterColumn(
  models: readonly [Model, Model],
  from: Item,
  to: Item,
  takesBack: boolean,
): Change {
  const keys = keysThatDiffer(from, to);
  const alter = `ALTER TABLE ${to.table} ALTER COLUMN ${to.name}`;
  if (keys.includes('generated') || keys.includes('virtual'))
    return generatedChange(models, from, to, takesBack);
  const foreign = foreignOptionsChange(from.parts.get('foreign_options'), to.parts.get('foreign_options'));
  if (foreign === undefined) return unwritten('the values of its options are not known: they may be secrets');
  const identity = keys.includes('identity') ? identityChange(models, alter, from, to) : onTables([]);
  const typed = keys.includes('type') || keys.includes('collation');
  const alterOf = (key: string) => alterColumnOf(models[1], to, key);
  const type = typed ? typeChange(models, from, to, takesBack) : onTables([]);
  const notNull = alterNotNull(models, from, to);
  if (notNull === undefined) return unwritten('a NOT NULL that belongs to a parent');
  const settings = [
    ...notNull.map((sql) => sql.replace(alter, () => alterOf('nullable'))),
    ...settingsSql(alterOf, from, to, keys, typed),
    ...foreign.map((words) => `${alter.replace('ALTER TABLE', 'ALTER FOREIGN TABLE')} ${words};`),
  ];
  const why = [identity, type].flatMap(({ undecided }) => undecided ?? []);
  const filled = mustBeFilled(to) && !mustBeFilled(from);
  const fails = [...(type.fails ?? []), ...(filled ? [`where ${to.identity} is NULL`] : [])];
  // A column gets its identity once it is NOT NULL and has no default, and gives it up before.
  const statements = from.parts.has('identity')
    ? [...identity.statements, ...type.statements, ...settings]
    : [...type.statements, ...settings, ...identity.statements];
  return onTables(statements, {
    ...(why.length > 0 ? { undecided: why.join('; ') } : {}),
    ...(fails.length > 0 ? { fails } : {}),
  });
}

/**
 * What is computed before and after is lost to nobody: the column is made anew. An expression is dropped without loss; a
 * down that brings it back first has the server see that each value is what will be computed. Nothing else turns a filled
 * column into a computed one.
 */
function generatedChange(models: readonly [Model, Model], from: Item, to: Item, takesBack: boolean): Change {
  const table = models[1].find('relation', to.table ?? '');
  if (!to.parts.has('generated')) return plainChange(models, from, to, takesBack);
  const drop = `ALTER TABLE ${to.table} DROP COLUMN ${to.name};`;
  const anew = {
    phase: 'free',
    anew: true,
    later: {
      phase: 'compute',
      statements: table === undefined ? [] : addColumn(models, table, to).statements,
    },
  } as const;
  if (from.parts.has('generated')) return { ...anew, statements: [drop] };
  if (!takesBack)
    return {
      ...{ ...anew, statements: [drop] },
      undecided: `what was written to ${to.identity} is lost: its values are computed from then on`,
    };
  const value = `(${to.parts.get('generated')})::${to.parts.get('type')}`;
  const same = `${to.name}::text IS NOT DISTINCT FROM ${value}::text`;
  return {
    ...{ ...anew, statements: [held(to, same), drop] },
    fails: [`where a value of ${to.identity} is not what is computed`],
  };
}

/** DROP EXPRESSION keeps the values; of a virtual column none are there. */
function plainChange(models: readonly [Model, Model], from: Item, to: Item, takesBack: boolean): Change {
  const sql = `ALTER TABLE ${to.table} ALTER COLUMN ${to.name} DROP EXPRESSION;`;
  const parts = new Map(from.parts);
  for (const key of ['generated', 'virtual']) parts.delete(key);
  const rest = alterColumn(models, { ...from, parts }, to, takesBack);
  const lost = from.parts.has('virtual')
    ? { undecided: `what ${to.identity} shows is computed, and stored nowhere` }
    : {};
  // Before what it was computed from goes or changes.
  return { ...rest, phase: 'free', statements: [sql], later: rest, ...lost };
}

/** A condition that the server sees hold for all rows, those that policies hide too, or it refuses the whole. */
const held = ({ table }: Item, condition: string) =>
  `ALTER TABLE ${table} ADD CONSTRAINT held_for_a_moment CHECK (${condition});`;

/** A down that takes a wider type back has the server refuse what would be rounded; an up that rounds has done so by hand. */
function typeChange(models: readonly [Model, Model], from: Item, to: Item, takesBack: boolean): Change {
  const [before = '', after = ''] = [from.parts.get('type'), to.parts.get('type')];
  const alter = `ALTER TABLE ${to.table} ALTER COLUMN ${to.name}`;
  const kept = conversion(before, after, models);
  const isGuess = kept === 'unknown' || (kept === 'rounded' && !takesBack);
  const type = `${after}${to.parts.has('collation') ? ` COLLATE ${to.parts.get('collation')}` : ''}`;
  const isText = needsUsing(before, after, models) && kept === 'kept-or-refused';
  const through = isText ? `::text${after.endsWith('[]') ? '[]' : ''}` : '';
  const using = needsUsing(before, after, models) ? ` USING ${to.name}${through}::${after}` : '';
  const whole = isGuess ? undefined : wholeWhere(to.name, before, after, models);
  const guard = [whole ?? []].flat().map((condition) => held(to, condition));
  return onTables(
    [
      ...guard.flatMap((sql) => [sql, `ALTER TABLE ${to.table} DROP CONSTRAINT held_for_a_moment;`]),
      ...(from.parts.has('default') ? [`${alterColumnOf(models[1], to, 'default')} DROP DEFAULT;`] : []),
      `${alter} TYPE ${type}${using};`,
    ],
    isGuess
      ? {
          undecided: `how the values of ${to.identity} became ${after} is not in the schema: the USING below is a guess`,
        }
      : kept === 'kept'
        ? {}
        : { fails: [`where a value of ${to.identity} does not fit ${after}`] },
  );
}

/** What is set on the column of a view, materialized or not. */
export function viewColumnSql(kind: string, from: Item, to: Item): string[] {
  const alter = `ALTER ${kind.toUpperCase()} ${to.table} ALTER COLUMN ${to.name}`;
  return settingsSql(() => alter, from, to, keysThatDiffer(from, to), false);
}

/** @param alterOf `ALTER … ALTER COLUMN …` for a part of the column */
function settingsSql(
  alterOf: (key: string) => string,
  from: Item,
  to: Item,
  keys: readonly string[],
  typed: boolean,
): string[] {
  const value = (key: string) => to.parts.get(key);
  const set = (key: string, otherwise: string) =>
    keys.includes(key) ? [`${alterOf(key)} SET ${key.toUpperCase()} ${value(key) ?? otherwise};`] : [];
  return [
    ...(typed || keys.includes('default') ? defaultSql(alterOf('default'), from, to, typed) : []),
    ...set('storage', usualStorage(to.parts.get('type') ?? '')),
    ...set('compression', 'default'),
    ...set('statistics', '-1'),
    ...(keys.includes('options')
      ? optionsSql(alterOf('options'), from.parts.get('options'), value('options'))
      : []),
  ];
}

/** How a type is stored where nothing is said; by its name where that is known, for PostgreSQL 15 has no SET STORAGE DEFAULT. */
function usualStorage(type: string): string {
  if (/^(?:numeric|inet|cidr)(?:\(\d+(?:,\d+)?\))?$/.test(type)) return 'MAIN';
  return /^(?:text|varchar|character|char|bpchar|bytea|jsonb?|xml|tsvector)(?:\(\d+\))?(?:\[\])?$/.test(type)
    ? 'EXTENDED'
    : 'DEFAULT';
}

function defaultSql(alter: string, from: Item, to: Item, dropped: boolean): string[] {
  const value = to.parts.get('default');
  if (value !== undefined) return [`${alter} SET DEFAULT ${value};`];
  return dropped || !from.parts.has('default') ? [] : [`${alter} DROP DEFAULT;`];
}
