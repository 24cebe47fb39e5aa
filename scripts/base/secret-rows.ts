// Takes the tokens of one statement after the other; gives the literals that are secrets because another literal beside
// them is the name of one: in a row, in SET … WHERE key = '…', among the arguments of a call. Pure; it reads no text.
import { isSecretKey } from './secret-words.ts';
import type { SecretRange } from './spans.ts';

interface Value extends SecretRange {
  /** Which item of its row. */
  readonly item: number;
  /** The last name before it; null where it fills a place in SQL that another literal holds. */
  readonly column: string | null;
}

/** Literals beside each other: a row of VALUES, a list of SELECT or USING, the arguments of a call. */
interface Row {
  /** How many parentheses are open in it. */
  readonly depth: number;
  readonly kind: 'values' | 'select' | 'call';
  /** What its items are called, where INSERT or AS says so. */
  columns: readonly string[];
  readonly values: Value[];
  item: number;
  /** The item that is the name of a secret, -1 for none; how many literals stood before it; whether it can be nothing else. */
  key: number;
  before: number;
  isClear: boolean;
}

export interface Rows {
  /** INSERT, UPDATE, MERGE; CREATE, whose words mean something else; the TABLE of it. */
  writes: boolean;
  creates: boolean;
  makes: boolean;
  /** EXECUTE stood here; CALL or EXECUTE, and no parenthesis since; the next one opens what may hold a name. */
  executes: boolean;
  runs: boolean;
  calls: boolean;
  /** The columns of INSERT, once their list was begun; at which depth it is open; -1 for none, 0 where it may come. */
  columns: string[];
  listed: number;
  /** In the list of SET; behind the THEN of such a name; behind a literal that holds SQL which writes; behind AS. */
  assigns: boolean;
  chooses: boolean;
  quotes: boolean;
  aliases: boolean;
  /** The last name. */
  column: string;
  open: Row[];
  /** The columns that names of secrets are compared with, and what else is compared or assigned. */
  keys: string[];
  isNamed: boolean;
  values: (Value & { readonly isCompared: boolean })[];
  selected: SecretRange[];
  found: SecretRange[];
  /** Of the text's statements before: whether one writes, and has the name of a secret as well. */
  wrote: boolean;
  told: boolean;
}

/** A text at its beginning. */
export function newRows(): Rows {
  return {
    writes: false,
    creates: false,
    makes: false,
    executes: false,
    runs: false,
    calls: false,
    columns: [],
    listed: -1,
    assigns: false,
    chooses: false,
    quotes: false,
    aliases: false,
    column: '',
    open: [],
    keys: [],
    isNamed: false,
    values: [],
    selected: [],
    found: [],
    wrote: false,
    told: false,
  };
}

/** A function that by its name keeps, makes or pairs what it is given. */
const keeping =
  /(?:^|_)(?:set|put|add|store|save|upsert|insert|update|write|create|register|define|rotate|seed|ensure|change|assign|unnest|row|object|hstore|settings?|configure|config|param|parameter)(?:_|$)/;
const building = /^(?:format|concat|quote)(?:_|$)/;
const writing = new Set(['insert', 'update', 'merge']);
const defining = new Set(['create', 'alter', 'grant', 'revoke', 'comment']);
const ending = /^(?:from|where|union|except|intersect|on|returning|order|group|limit|select)$/;
const operator = /^(?:i?like|in|is|not|distinct|from|any|array|similar|to|[eu])$/;
/** Columns that hold values; columns that hold what tells values apart, and what is no secret whatever stands beside it. */
const valued = /val(?!ues$)|content|data|secret/;
const naming =
  /(?:^|_)(?:key|k|name|setting|param|parameter|option|variable|var|property|prop|code|slug|path|attribute|attr|field)$/;
const harmless =
  /(?:^|_)(?:id|uuid|at|by|type|kind|status|state|role|method|provider|name|label|title|description|comment|note)$/;

/** @param isCalled whether a parenthesis follows @param depth how many are open */
export function rowWord(word: string, isCalled: boolean, depth: number, rows: Rows): void {
  const name = word.toLowerCase();
  if (defining.has(name)) rows.creates = true;
  else if (name === 'atomic') rows.creates = false;
  else if (name === 'table') rows.makes = rows.creates;
  else if (writing.has(name)) rows.writes ||= !rows.creates;
  else if (name === 'set') rows.assigns = rows.writes;
  else if (name === 'then') rows.chooses = rows.isNamed;
  else if (name === 'when' || name === 'else' || name === 'end') rows.chooses = rows.isNamed = false;
  else if (name === 'execute') rows.executes = true;
  if (name === 'insert') rows.listed = 0;
  else if (rows.listed === 0 && (name === 'select' || name === 'values')) rows.columns = [];
  if (name === 'select' || name === 'values') rows.listed = -1;
  if (ending.test(name)) {
    rows.assigns = false;
    const row = rows.open.at(-1);
    if (row?.kind === 'select' && row.depth === depth) closeRows(depth, rows);
  }
  if (name === 'select' || (name === 'using' && rows.executes)) openRow(depth, 'select', rows);
  rows.calls = isCalled && (keeping.test(name) || (rows.runs && !building.test(name)));
  if (name === 'call' || name === 'execute') rows.runs = !rows.creates;
  if (!operator.test(name)) rowName(name, depth, rows);
  rows.aliases = name === 'as';
}

/** A name that is no keyword: of a column, as far as anybody can tell. */
export function rowName(name: string, depth: number, rows: Rows): void {
  rows.column = name.toLowerCase();
  if (rows.listed === depth && depth > 0) rows.columns.push(rows.column);
  const row = rows.open.at(-1);
  if (rows.aliases && row?.depth === depth) row.columns = named(row.columns, row.item, rows.column);
  rows.aliases = false;
}

function named(columns: readonly string[], item: number, name: string): string[] {
  const all = [...columns];
  all[item] = name;
  return all;
}

/** What stands in more rows than these is told by the outer ones. */
const deepest = 10;

const none: readonly string[] = [];

function openRow(depth: number, kind: Row['kind'], rows: Rows): void {
  const columns = kind === 'call' ? none : rows.columns;
  if (rows.open.length < deepest)
    rows.open.push({ depth, kind, columns, values: [], item: 0, key: -1, before: 0, isClear: false });
}

/** @param depth of parentheses, with this one @param isRow whether it opens one of VALUES */
export function rowOpened(depth: number, isRow: boolean, rows: Rows): void {
  if (rows.listed === 0) {
    rows.listed = depth;
    rows.columns = [];
  } else if (isRow || rows.calls) openRow(depth, rows.calls ? 'call' : 'values', rows);
  rows.calls = false;
  rows.runs = false;
}

/** A comma: the next item of a row begins where it is the row's own. */
export function rowComma(depth: number, rows: Rows): void {
  const row = rows.open.at(-1);
  if (row?.depth === depth) row.item += 1;
}

/** Ends the rows of that depth and those in them; what stands in a row of theirs belongs to the one around it too. */
export function closeRows(depth: number, rows: Rows): void {
  if (rows.listed >= depth && depth > 0) rows.listed = -1;
  for (let row = rows.open.at(-1); row !== undefined && row.depth >= depth; row = rows.open.at(-1)) {
    rows.open.pop();
    const around = rows.open.at(-1);
    if (row.key === -1) for (const value of row.values) around?.values.push({ ...value, item: around.item });
    else {
      const to = row.kind === 'select' ? rows.selected : rows.found;
      for (const value of row.values.filter(secretBeside(row))) to.push(value);
      // unnest(names), unnest(values)
      if (around?.kind === 'select') markKey(around);
    }
  }
}

/** By the columns where they are named; else what follows the name, or stands before it in a pair, or where nothing follows. */
function secretBeside({ columns, key, before, isClear, item, values }: Row): (value: Value) => boolean {
  if (columns.length > 0) return (value) => value.item !== key && !harmless.test(columns[value.item] ?? '');
  if (item < 2 || (isClear && key === item)) return () => true;
  const later = new Set(values.slice(before));
  return (value) => later.has(value);
}

function markKey(row: Row, isClear = false): void {
  if (row.key !== -1) return;
  row.isClear = isClear;
  row.key = row.item;
  row.before = row.values.length;
}

/** `password` alone may be a way to log in, too. */
function isNameIn(column: string | undefined, content: string): boolean {
  return isSecretKey(content) && (column === undefined || /[^a-z]/i.test(content) || naming.test(column));
}

/** Of a literal that is no secret by itself. */
export function rowLiteral(content: string, range: SecretRange, rows: Rows): void {
  const row = rows.open.at(-1);
  const column = row === undefined ? rows.column : row.columns[row.item];
  if (isNameIn(column, content)) {
    rows.isNamed = true;
    rows.keys.push(column ?? '');
    if (row !== undefined) markKey(row, /\w[_.:/-]\w/.test(content));
    return;
  }
  const value = { from: range.from, to: range.to, item: row?.item ?? 0, column: rows.column };
  row?.values.push(value);
  if (writingSql.test(content)) rowQuoted({ wrote: true, told: false }, rows);
  const isCompared = valued.test(rows.column);
  const isFilled = rows.chooses || (rows.quotes && !/\s/.test(content));
  if (isCompared || rows.assigns || isFilled)
    rows.values.push({ ...value, column: isFilled ? null : rows.column, isCompared });
}

const writingSql = /\b(?:insert into|update|merge into)\s/i;

/** Of a literal that holds SQL, once that was read. */
export function rowQuoted({ wrote, told }: Pick<Rows, 'wrote' | 'told'>, rows: Rows): void {
  if (!wrote) return;
  rows.writes = true;
  rows.quotes = true;
  if (told) rows.keys.push('');
}

/** @returns the secrets of the statement that ends here, in any order; the next one begins */
export function endOfRows(rows: Rows): readonly SecretRange[] {
  closeRows(-1, rows);
  const { found, selected, values, writes, makes } = rows;
  const keys = new Set(rows.keys);
  const isTold = keys.size > 0;
  const isSecret = ({ column }: Value) => column === null || !(keys.has(column) || harmless.test(column));
  const told = isTold ? values.filter((each) => (writes || each.isCompared) && isSecret(each)) : [];
  const secrets = [...found, ...(writes || makes ? selected : []), ...told];
  Object.assign(rows, newRows(), { wrote: rows.wrote || writes, told: rows.told || (writes && isTold) });
  return secrets;
}
