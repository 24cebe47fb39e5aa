// What work on a scratch database needs of a connection.

/** A connection that runs one query text, several statements included; the last result counts. pg's Client is one. */
export interface ScratchClient {
  query(text: string): Promise<unknown>;
  on?(event: 'notice', listener: (notice: Notice) => void): unknown;
  off?(event: 'notice', listener: (notice: Notice) => void): unknown;
}

/** What PostgreSQL says beside a result. */
interface Notice {
  readonly message?: string | undefined;
  readonly detail?: string | undefined;
}

/**
 * Undoes what a migration leaves in its session, as the session of a real run does between files: settings, roles,
 * temporary tables, cursors, channels. Not DISCARD ALL, which needs to stand alone.
 */
export const resetSql =
  'RESET SESSION AUTHORIZATION; RESET ALL; CLOSE ALL; UNLISTEN *; DISCARD TEMP; DISCARD SEQUENCES';

/** The reset behind one file: what it prepared goes too, where it prepared something. */
export function resetAfter(text: string): string {
  return /\bprepare\b/i.test(text) ? `${resetSql}; DEALLOCATE ALL` : resetSql;
}

/** Runs SQL of ours with the rights of the scratch server's administrator; never SQL of migrations. */
export interface Administrator {
  /** The role that migrations run as. */
  readonly worker: string;
  readonly database: string;
  readonly superuser: boolean;
  /** Whether the worker is a role of its own; else it may what the administrator may. */
  readonly isApart: boolean;
  /** On the server's own database: roles, grants on databases. */
  query(text: string): Promise<readonly Record<string, unknown>[]>;
  /** On the scratch database itself. */
  inDatabase(text: string): Promise<void>;
}

const administrators = new WeakMap<ScratchClient, Administrator>();

/** Remembers who may create roles and extensions for this client's database. */
export function setAdministrator(client: ScratchClient, administrator: Administrator): void {
  administrators.set(client, administrator);
}

/** Null for a client that belongs to no scratch server. */
export function administratorOf(client: ScratchClient): Administrator | null {
  return administrators.get(client) ?? null;
}
