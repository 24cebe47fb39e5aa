// Takes identities and definitions as PostgreSQL prints them, with names of others in them; takes them apart. A name in
// quotes is passed over whole, so that nothing in it is read as SQL. Pure.

import { indexOutside, splitOutside } from '../sql.ts';

/** `i` of `app.i`, `"x.y"` of `app."x.y"`. */
export function lastPart(identity: string): string {
  return identity.match(/"(?:[^"]|"")*"|[^."]+/g)?.at(-1) ?? identity;
}

const onOnly = ' ON ONLY ';

/** Whether an index is of a partitioned table without its partitions. */
export function isOnOnly(definition: string): boolean {
  return indexOutside(definition, onOnly) >= 0;
}

/** The same index, on the partitions too. */
export function onPartitionsToo(definition: string): string {
  return splitOutside(definition, onOnly).join(' ON ');
}

export interface ForeignKey {
  /** As they stand between the parentheses. */
  readonly columns: string;
  /** The table's identity. */
  readonly target: string;
  /** Its columns, as `columns`. */
  readonly key: string;
}

const foreignKey =
  /^FOREIGN KEY \(((?:"[^"]*"|[^"()])+)\) REFERENCES ((?:"[^"]*"|[^"(])+)\(((?:"[^"]*"|[^"()])+)\)/;

/** What `FOREIGN KEY (a, b) REFERENCES app.t(c, d) …` says; null of another constraint. */
export function foreignKeyOf(definition: string): ForeignKey | null {
  const [, columns, target, key] = foreignKey.exec(definition) ?? [];
  return columns === undefined || target === undefined || key === undefined ? null : { columns, target, key };
}

/** A list taken apart at the commas outside of quotes and parentheses. */
export function splitList(list: string): string[] {
  const parts = list.match(/(?:"[^"]*"|\((?:[^()"]|"[^"]*")*\)|[^,"])+/g) ?? [];
  return parts.map((part) => part.trim());
}

/** What `a=b, c=d` of a routine says; a value that reads like such a list itself is written `=c=1%2C d=2`. */
export function settingsIn(text: string | undefined): { readonly name: string; readonly value: string }[] {
  if (text === undefined || text === '') return [];
  return text.split(/, (?=[^\s,=]*=)/).map((each) => {
    const setting = each.startsWith('=') ? each.slice(1).replaceAll('%2C', ',').replaceAll('%25', '%') : each;
    const at = setting.indexOf('=');
    return { name: setting.slice(0, at), value: setting.slice(at + 1) };
  });
}
