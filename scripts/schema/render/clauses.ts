// Takes parts of definitions; gives the pieces of SQL that many statements share: literals, options, names taken apart.
// Pure; it must not know which statement they stand in.

import { bareName, indexOutside, quoteLiteral } from '../sql.ts';
import type { Item } from './model.ts';

/** What a hidden value of an option becomes: whoever loads the file must set it. */
const hidden = "'(hidden)'";

/** ` OPTIONS (a '1', b '(hidden)')` of options as the catalog queries write them, or nothing. */
export function optionsClause(options: string | undefined): string {
  if (options === undefined || options === '') return '';
  const list = splitOptions(options).map((option) => (option.endsWith("'") ? option : `${option} ${hidden}`));
  return ` OPTIONS (${list.join(', ')})`;
}

/** One option a line; a literal may hold line ends itself. */
export function splitOptions(options: string): string[] {
  return options.match(/(?:E?'(?:[^']|'')*'|"(?:[^"]|"")*"|[^\n])+/g) ?? [];
}

/** `app.f` of `app.f(integer,text)`. */
export function withoutArguments(signature: string): string {
  const at = indexOutside(signature, '(');
  return at < 0 ? signature : signature.slice(0, at);
}

/** `OPERATOR(app.=%)` of `app.=%(integer,integer)`. */
export function operatorName(signature: string): string {
  const name = withoutArguments(signature);
  return `OPERATOR(${name.includes('.') ? name : `pg_catalog.${name}`})`;
}

/** `[text(value)]` where the item has the part, else nothing. */
export function clause({ parts }: Item, key: string, text: (value: string) => string): string[] {
  const value = parts.get(key);
  return value === undefined ? [] : [text(value)];
}

/** A block that runs one statement made with `format` and the name of the connected database. */
export function onDatabase(statement: string): string {
  return `DO $database$ BEGIN EXECUTE pg_catalog.format(${quoteLiteral(statement)}, pg_catalog.current_database()); END $database$;`;
}

const listSettings = new Set([
  ...['search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries'],
]);

/** What a list setting holds may have been set as it is, without being SQL: each of its names becomes a literal. */
function quotedList(value: string): string {
  const names = value.match(/"(?:[^"]|"")*"|[^,\s]+/g) ?? [''];
  return names.map((name) => quoteLiteral(bareName(name))).join(', ');
}

/** What a setting holds, as SET wants it. */
export function settingValue(name: string, value: string): string {
  return listSettings.has(name) ? quotedList(value) : quoteLiteral(value);
}
