// Gives the settings of a session of ours, and the SQL that brings it back to what it was after login, without losing
// the run lock. Pure.
import type { Config } from '../config/config.ts';

/**
 * Settings of every session of ours, in ms; as options of the connection they count from its first statement on, and
 * RESET ALL brings them back. A statement of a client that was killed would run on and hold its locks;
 * client_connection_check_interval ends it within a second. The statement time-out is for migrations, which set it
 * themselves: what a role has by default must not end a statement of ours.
 * https://www.postgresql.org/docs/16/runtime-config-connection.html#GUC-CLIENT-CONNECTION-CHECK-INTERVAL
 */
export function sessionSettings({ lockTimeoutMs }: Config): Readonly<Record<string, number>> {
  return {
    lock_timeout: lockTimeoutMs,
    statement_timeout: 0,
    idle_in_transaction_session_timeout: 0,
    client_connection_check_interval: 1000,
  };
}

/** Brings role and settings back to those of a fresh session; RESET ROLE after, for a role may be set by ALTER ROLE. */
export const resetStatements = ['SET SESSION AUTHORIZATION DEFAULT', 'RESET ROLE', 'RESET ALL'];

/**
 * Drops session state that ROLLBACK keeps: cursors, prepared statements, LISTEN, temporary tables, what sequences gave.
 * As DISCARD ALL, without dropping the run lock.
 */
export const discardSessionState = [
  'CLOSE ALL',
  'DEALLOCATE ALL',
  'UNLISTEN *',
  'DISCARD TEMP',
  'DISCARD SEQUENCES',
];
