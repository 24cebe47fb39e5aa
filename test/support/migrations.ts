// Takes names; gives small migrations as the record of files that `project()` takes. It knows nothing of databases.

/** `20250101000001`, `20250101000002` … */
export const versionOf = (n: number) => `202501010000${String(n).padStart(2, '0')}`;

/** One pair with these texts. */
export function pair(id: string, up: string, down: string): Record<string, string> {
  return { [`${id}.up.sql`]: up, [`${id}.down.sql`]: down };
}

/** One pair per name, each of which creates a table of that name; the first has `versionOf(1)`. */
export function tables(...names: string[]): Record<string, string> {
  return Object.assign(
    {},
    ...names.map((name, i) =>
      pair(`${versionOf(i + 1)}_${name}`, `CREATE TABLE ${name} (id int);\n`, `DROP TABLE ${name};\n`),
    ),
  );
}
