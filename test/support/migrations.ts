// Takes names; gives small migrations as the record of files that `project()` takes. It knows nothing of databases.

type Files = Record<string, string>;

/** `20250101000001`, `20250101000002` … up to 9999. */
export const versionOf = (n: number) => `2025010100${String(n).padStart(4, '0')}`;

/** One pair. Under an id its texts are kept to the letter; a number becomes the version, and a line break ends the texts. */
export function pair(id: string, up: string, down: string): Files;
export function pair(number: number, name: string, up: string, down?: string): Files;
export function pair(key: string | number, first: string, second: string, third = 'SELECT 1;'): Files {
  if (typeof key === 'string') return { [`${key}.up.sql`]: first, [`${key}.down.sql`]: second };
  return pair(`${versionOf(key)}_${first}`, `${second}\n`, `${third}\n`);
}

const aTable = (n: number): [up: string, down: string] => [
  `CREATE TABLE t${n} (id int);`,
  `DROP TABLE t${n};`,
];

/** So many pairs, `t1` to `t<count>`; `texts` gives those of the n-th, or it makes a table of its name. */
export function many(count: number, texts = aTable): Files {
  return Object.assign(
    {},
    ...Array.from({ length: count }, (_, i) => pair(i + 1, `t${i + 1}`, ...texts(i + 1))),
  );
}

/** One pair per name, each of which creates a table of that name; the first has `versionOf(1)`. */
export function tables(...names: string[]): Files {
  return Object.assign(
    {},
    ...names.map((name, i) =>
      pair(`${versionOf(i + 1)}_${name}`, `CREATE TABLE ${name} (id int);\n`, `DROP TABLE ${name};\n`),
    ),
  );
}
