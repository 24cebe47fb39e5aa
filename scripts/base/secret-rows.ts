// Takes the tokens of one statement after the other; gives the literals that are secrets because another literal beside
// them is the name of one: in a row, in SET … WHERE key = '…', among the arguments of a call. Pure; it reads no text.
import { isSecretName } from './secret-words.ts';

/** UTF-16 offsets of the secret itself, without its quotes. */
export interface SecretRange {
  readonly from: number;
  readonly to: number;
  /** Where SQL has the secret without quotes. */
  readonly isWord?: true;
}

/** Literals beside each other: a row of VALUES, a list of SELECT or USING, the arguments of a call. */
interface Row {
  /** How many parentheses are open in it. */
  readonly depth: number;
  /** A list of SELECT: it counts where something is written. */
  readonly isSelected: boolean;
  readonly values: SecretRange[];
  named: boolean;
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
  /** In the list of SET, behind THEN or ELSE, or behind a literal that holds SQL which writes. */
  assigns: boolean;
  chooses: boolean;
  quotes: boolean;
  /** The last name. */
  column: string;
  open: Row[];
  /** The columns that names of secrets stand beside. */
  readonly keys: (string | null)[];
  /** What such a name makes a secret. */
  readonly values: (SecretRange & { readonly column: string | null; readonly isCompared: boolean })[];
  readonly selected: SecretRange[];
  readonly found: SecretRange[];
  /** Of the text's statements before: whether one writes, and has the name of a secret as well. */
  wrote: boolean;
  told: boolean;
  /** Of an object of JSON, or an element of XML: whether a member's value is the name of a secret, and what it gives. */
  member: 'other' | 'value';
  isKeyed: boolean;
  given: SecretRange[];
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
    assigns: false,
    chooses: false,
    quotes: false,
    column: '',
    open: [],
    keys: [],
    values: [],
    selected: [],
    found: [],
    wrote: false,
    told: false,
    member: 'other',
    isKeyed: false,
    given: [],
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
const valued = /val(?!ues$)|content|data|secret/;

/** @param isCalled whether a parenthesis follows @param depth how many are open */
export function rowWord(word: string, isCalled: boolean, depth: number, rows: Rows): void {
  const name = word.toLowerCase();
  if (defining.has(name)) rows.creates = true;
  else if (name === 'atomic') rows.creates = false;
  else if (name === 'table') rows.makes = rows.creates;
  else if (writing.has(name)) rows.writes ||= !rows.creates;
  else if (name === 'set') rows.assigns = rows.writes;
  else if (name === 'then' || name === 'else') rows.chooses = true;
  else if (name === 'end') rows.chooses = false;
  else if (name === 'execute') rows.executes = true;
  if (ending.test(name)) {
    rows.assigns = false;
    const row = rows.open.at(-1);
    if (row?.isSelected === true && row.depth === depth) closeRows(depth, rows);
  }
  if (name === 'select' || (name === 'using' && rows.executes)) openRow(depth, name === 'select', rows);
  rows.calls = isCalled && (keeping.test(name) || (rows.runs && !building.test(name)));
  if (name === 'call' || name === 'execute') rows.runs = true;
  if (!operator.test(name)) rows.column = name;
}

/** What stands in more rows than these is told by the outer ones. */
const deepest = 10;

function openRow(depth: number, isSelected: boolean, rows: Rows): void {
  if (rows.open.length < deepest) rows.open.push({ depth, isSelected, values: [], named: false });
}

/** @param depth of parentheses, with this one @param isRow whether it opens one of VALUES */
export function rowOpened(depth: number, isRow: boolean, rows: Rows): void {
  if (isRow || rows.calls) openRow(depth, false, rows);
  rows.calls = false;
  rows.runs = false;
}

/** Ends the rows of that depth and those in them; what stands in a row of theirs belongs to the one around it too. */
export function closeRows(depth: number, rows: Rows): void {
  for (let row = rows.open.at(-1); row !== undefined && row.depth >= depth; row = rows.open.at(-1)) {
    rows.open.pop();
    const around = rows.open.at(-1);
    const to = row.named ? (row.isSelected ? rows.selected : rows.found) : around?.values;
    for (const value of row.values) to?.push(value);
    // unnest(names), unnest(values)
    if (row.named && around?.isSelected === true) around.named = true;
  }
}

/** `smtp_password`, `{smtp,password}`, `%.token`: not a sentence that ends with such a word. */
export function isKey(text: string): boolean {
  return text.length < 200 && /^[{%^]?[\w.,:/-]+[}%$]?$/.test(text) && isSecretName(text);
}

/** Of a literal that is no secret by itself. */
export function rowLiteral(content: string, range: SecretRange, rows: Rows): void {
  const row = rows.open.at(-1);
  if (isKey(content)) {
    rows.keys.push(rows.column);
    if (row !== undefined) row.named = true;
    return;
  }
  row?.values.push(range);
  if (writingSql.test(content)) rowQuoted({ wrote: true, told: false }, rows);
  const isCompared = valued.test(rows.column);
  const isFilled = rows.quotes && !/\s/.test(content);
  if (isCompared || rows.assigns || rows.chooses || isFilled)
    rows.values.push({ ...range, column: isFilled ? null : rows.column, isCompared });
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
  const told = isTold ? values.filter((each) => (writes || each.isCompared) && !keys.has(each.column)) : [];
  const secrets = [...found, ...(writes || makes ? selected : []), ...told];
  Object.assign(rows, newRows(), { wrote: rows.wrote || writes, told: rows.told || (writes && isTold) });
  return secrets;
}

/** `{"name": "SMTP_PASSWORD", "value": "…"}`, `<setting name="…" value="…"/>`: a name in it */
export function memberName(name: string, rows: Rows): void {
  rows.member = /^(?:val|value|v|content|data|text|default)$/i.test(name) ? 'value' : 'other';
}

/** A string that is no name; @see memberName */
export function memberValue(content: string, range: SecretRange, rows: Rows): void {
  if (rows.member === 'value') rows.given.push(range);
  else if (isKey(content)) rows.isKeyed = true;
  if (!rows.isKeyed) return;
  for (const secret of rows.given) rows.found.push(secret);
  rows.given = [];
}

/** An object or element begins or ends. */
export function membersEnd(rows: Rows): void {
  rows.isKeyed = false;
  rows.given = [];
  rows.member = 'other';
}
