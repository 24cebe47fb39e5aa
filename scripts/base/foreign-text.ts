// Takes text that others wrote (names of a catalog, what a server says, queries of other sessions, files) and gives it
// harmless for one place: a terminal, an SQL comment, Markdown, JSON. Everything that shows such text uses these. Pure.

/**
 * Controls (C0, DEL, C1, so ANSI sequences too), what formats or hides text (marks of direction, zero width, tags), line
 * and paragraph separators, halves of surrogate pairs. Not the joiners, which emoji and some scripts are written with.
 */
const unseen = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const unseenInLines = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeUnseen(character: string): string {
  const short = named[character];
  if (short !== undefined) return short;
  const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

/** One line, whatever the text holds: a name. */
export function visible(text: string): string {
  return text.replace(unseen, escapeUnseen);
}

/** Its own lines and tabs, and no other control: a message. In JSON what is escaped still means the same. */
export function visibleLines(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(unseenInLines, escapeUnseen);
}

/** Line comments of SQL, one per line of the text: no line end but `\n` is left that could end one. */
export function sqlComment(text: string): string {
  return visibleLines(text)
    .split('\n')
    .map((line) => `-- ${line}`.trimEnd())
    .join('\n');
}

/** Words inside of a paragraph, a heading, a list item or a cell: one line, nothing in it is Markdown, HTML or a mention. */
export function markdownText(text: string): string {
  return visible(text.replaceAll(/\s+/g, ' '))
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/[@[\]]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replaceAll('://', '&#58;//')
    .replaceAll(/(?<=www)\./gi, '&#46;')
    .replaceAll(/[\\`*|~$]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])|^[#>+-]/gu, '\\$&')
    .replace(/^(\d+)([.)])(?=\s|$)/, '$1\\$2');
}

/** A cell of a table: its lines stay lines, the row stays a row. */
export function markdownCell(text: string): string {
  return text.trim().split(/\r?\n/).map(markdownText).join('<br>');
}

/**
 * A code span, as it may stand in a cell too. There a backslash takes the next character to itself, so that of the name's
 * own ones an even number must stand before the one that guards the bar: a name with `\|` is shown with one more.
 */
export function markdownCode(text: string): string {
  const line = visible(text.replaceAll(/\s+/g, ' ')).replaceAll(
    /(?<!\\)(\\*)\|/g,
    (_, own: string) => `${own}${own.length % 2 === 1 ? '\\' : ''}\\|`,
  );
  const fence = '`'.repeat(longestRun(line) + 1);
  const pad = line === '' || /^[` ]|[` ]$/.test(line) ? ' ' : '';
  return `${fence}${pad}${line}${pad}${fence}`;
}

/** A fence longer than any run of backticks in it, so that nothing in the text can close it. */
export function markdownFence(text: string, language: string): string {
  const lines = visibleLines(text);
  const fence = '`'.repeat(Math.max(3, longestRun(lines) + 1));
  return `${fence}${language}\n${lines}\n${fence}`;
}

function longestRun(text: string): number {
  return (text.match(/`+/g) ?? []).reduce((longest, { length }) => Math.max(longest, length), 0);
}
