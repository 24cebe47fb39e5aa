// What work on a scratch database needs of a connection.

/** A connection that runs one query text, several statements included; the last result counts. pg's Client is one. */
export interface ScratchClient {
  query(text: string): Promise<unknown>;
}

/** Undoes what SET, SET ROLE and search_path leave behind; not DISCARD ALL, which needs to stand alone. */
export const resetSql = 'RESET SESSION AUTHORIZATION; RESET ALL';
