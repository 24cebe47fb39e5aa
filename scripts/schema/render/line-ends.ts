// Takes SQL; gives the same SQL without a carriage return in it: git and editors change line ends in files, and what was
// a part of a function or a literal would be another one then. Pure.

const token =
  /--[^\n]*|[Ee]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_]*)\$[\s\S]*?(?:\$\1\$|$)/g;

/** Each text with a carriage return as `E'…\r…'`, each name with one as `U&"…\000D…"`. */
export function withoutCarriageReturns(sql: string): string {
  if (!sql.includes('\r')) return sql;
  return sql.replace(token, (text, tag: string | undefined) => {
    if (!text.includes('\r') || text.startsWith('--')) return text;
    if (text.startsWith('"')) return `U&${text.replaceAll('\\', '\\\\').replaceAll('\r', '\\000D')}`;
    if (/^e/i.test(text)) return text.replaceAll('\r', '\\r');
    const inside = tag === undefined ? text.slice(1, -1) : text.slice(tag.length + 2, -tag.length - 2);
    const escaped = (tag === undefined ? inside : inside.replaceAll("'", "''"))
      .replaceAll('\\', '\\\\')
      .replaceAll('\r', '\\r');
    return `E'${escaped}'`;
  });
}
