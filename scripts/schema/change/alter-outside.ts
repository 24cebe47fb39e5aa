// Takes an object that belongs to no table as it is and as it is to be: text search, foreign data. Gives the SQL that leads
// from one to the other in place, where there is such SQL. Pure.
import { splitOptions } from '../render/clauses.ts';
import { textSearchName } from '../render/database.ts';
import type { Item } from '../render/model.ts';
import { keysThatDiffer } from './alter.ts';
import { type Change, onTables, unwritten } from './change.ts';

const only = (from: Item, to: Item, known: readonly string[]) =>
  keysThatDiffer(from, to).every((key) => known.includes(key));

/** Undefined where it must be made anew. */
export function alterTextSearch(from: Item, to: Item): Change | undefined {
  const alter = `ALTER TEXT SEARCH ${textSearchName(to.identity)}`;
  if (to.identity.startsWith('configuration ') && only(from, to, ['mappings'])) {
    const [before, after] = [mappingsOf(from), mappingsOf(to)];
    return onTables([
      ...[...before.keys()]
        .filter((token) => !after.has(token))
        .map((token) => `${alter} DROP MAPPING FOR ${token};`),
      ...[...after]
        .filter(([token, list]) => before.get(token) !== list)
        .map(
          ([token, list]) =>
            `${alter} ${before.has(token) ? 'ALTER' : 'ADD'} MAPPING FOR ${token} WITH ${list};`,
        ),
    ]);
  }
  if (!to.identity.startsWith('dictionary ') || !only(from, to, ['options'])) return undefined;
  const [before, after] = [dictionaryOptions(from), dictionaryOptions(to)];
  const gone = [...before.keys()].filter((name) => !after.has(name));
  return onTables([`${alter} (${[...gone, ...after.values()].join(', ')});`]);
}

/** `asciiword WITH simple` a line. */
function mappingsOf({ parts }: Item): Map<string, string> {
  const lines = (parts.get('mappings') ?? '').split('\n').filter((line) => line !== '');
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' WITH ') + 6)]),
  );
}

/** `accept = 'false', stopwords = 'english'` by name. */
function dictionaryOptions({ parts }: Item): Map<string, string> {
  const list = (parts.get('options') ?? '').match(/(?:E?'(?:[^']|'')*'|"(?:[^"]|"")*"|[^,'"])+/g) ?? [];
  return new Map(list.map((option) => [option.slice(0, option.indexOf('=')).trim(), option.trim()]));
}

const foreignKinds: Partial<Record<Item['class'], string>> = {
  'foreign-data-wrapper': 'FOREIGN DATA WRAPPER',
  'foreign-server': 'SERVER',
  relation: 'FOREIGN TABLE',
};

/** Wrappers, servers and foreign tables. */
export function alterForeign(from: Item, to: Item): Change {
  const alter = `ALTER ${foreignKinds[to.class]} ${to.identity}`;
  if (!only(from, to, ['options', 'foreign_options', 'version', 'handler', 'validator']))
    return unwritten('no statement changes this; it must be dropped and made anew, with all that is of it');
  const value = (key: string) => to.parts.get(key);
  const changed = (key: string) => from.parts.get(key) !== value(key);
  const functions = ['handler', 'validator']
    .filter(changed)
    .map((key) =>
      value(key) === undefined ? `NO ${key.toUpperCase()}` : `${key.toUpperCase()} ${value(key)}`,
    );
  const version = changed('version') ? [`VERSION '${value('version')?.replaceAll("'", "''")}'`] : [];
  const options = foreignOptionsChange(
    from.parts.get('options') ?? from.parts.get('foreign_options'),
    value('options') ?? value('foreign_options'),
  );
  if (options === undefined) return unwritten('the values of its options are not known: they may be secrets');
  const words = [...functions, ...version, ...options];
  return onTables(words.length === 0 ? [] : [`${alter} ${words.join(' ')};`]);
}

/** `OPTIONS (ADD …, SET …, DROP …)`, nothing where they are the same; undefined where a value is not known. */
export function foreignOptionsChange(from: string | undefined, to: string | undefined): string[] | undefined {
  const parse = (options: string | undefined) =>
    new Map(
      splitOptions(options ?? '').map((option): [string, string | undefined] => {
        const [, name = option, value] = /^("(?:[^"]|"")*"|\S+)(?: (E?'.*'))?$/s.exec(option) ?? [];
        return [name, value];
      }),
    );
  const [before, after] = [parse(from), parse(to)];
  const changed = [...after].filter(([name, value]) => !before.has(name) || before.get(name) !== value);
  if (changed.some(([, value]) => value === undefined)) return undefined;
  const words = [
    ...[...before.keys()].filter((name) => !after.has(name)).map((name) => `DROP ${name}`),
    ...changed.map(([name, value]) => `${before.has(name) ? 'SET' : 'ADD'} ${name} ${value}`),
  ];
  return words.length === 0 ? [] : [`OPTIONS (${words.join(', ')})`];
}
