// Which major versions of PostgreSQL are served, and whose grammar reads the SQL of which. The one place that knows.

/** Older ones have reached their end of life and are refused. https://www.postgresql.org/support/versioning/ */
export const oldestMajor = 15;

/** The newest that this release was tested with; on a newer one the server has the last word on syntax. */
export const newestMajor = 18;

/** What counts where neither `postgres` in db/config.json nor a server says otherwise. */
export const defaultMajor = 16;

/** The grammars that are installed. */
export const grammars = [16, 17, 18] as const;
export type Grammar = (typeof grammars)[number];

/** @returns the grammar that reads the SQL of a server: its own, 16's for 15, the newest known for newer ones */
export function grammarOf(major: number): Grammar {
  return grammars.findLast((grammar) => grammar <= major) ?? grammars[0];
}

/** `180004` and `18.4` are of major version 18. @param version `server_version_num` */
export function majorOf(version: number): number {
  return Math.floor(version / 10_000);
}

/**
 * What a person should know about the server before something runs, or null where all is as configured.
 * @param configured `postgres` in db/config.json
 * @param server major version of the server
 */
export function majorRemark(configured: number, server: number): string | null {
  if (server > newestMajor)
    return `The server is PostgreSQL ${server}, newer than ${newestMajor}, the newest that this release knows: files are read as PostgreSQL ${newestMajor}'s, and the server has the last word.`;
  if (server === configured) return null;
  return `The server is PostgreSQL ${server}, db/config.json says ${configured}: files are checked beforehand, and the embedded server runs, as ${configured}. The line to change: "postgres": ${server}`;
}

/** @returns why a server of this major version is not worked with, or null */
export function tooOld(major: number): { readonly message: string; readonly hint: string } | null {
  if (major >= oldestMajor) return null;
  return {
    message: `PostgreSQL ${major}; the oldest that this tool works with is ${oldestMajor}`,
    hint: `PostgreSQL ${major} has reached its end of life.`,
  };
}
