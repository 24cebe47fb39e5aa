// Gives the settings of a session of ours, those that a migration starts from, and the SQL that brings a session back to
// what it was after login, without losing the run lock. Pure.
import type { Config } from '../config/config.ts';
import { literal, quoteLiteral } from '../schema/sql.ts';

/** node-pg-migrate's `PG_MIGRATE_LOCK_ID`; a test compares the two, for importing it would evaluate all of node-pg-migrate at every start. */
export const runLockKey = 7241865325823964;

/**
 * Where our own statements look names up: nobody but a superuser can put anything there. pg_temp is named, for it would
 * be searched first otherwise. https://www.postgresql.org/docs/16/runtime-config-client.html#GUC-SEARCH-PATH
 */
export const ownSearchPath = 'pg_catalog, pg_temp';

/**
 * Settings of every session of ours, whatever role and database say; as options of the connection they count from its
 * first statement on, and RESET ALL brings them back. Left alone, the first group could end a run, `synchronous_commit`
 * lose what it told as applied, and the rest change how it reads or is read. A statement of a client that was killed
 * would run on and hold its locks; client_connection_check_interval ends it within a second. Statement and lock time-out
 * are for migrations, which set them themselves.
 * https://www.postgresql.org/docs/16/runtime-config-client.html
 */
export function sessionSettings({
  lockTimeoutMs,
}: Pick<Config, 'lockTimeoutMs'>): Readonly<Record<string, number | string>> {
  return {
    lock_timeout: lockTimeoutMs,
    statement_timeout: 0,
    idle_in_transaction_session_timeout: 0,
    idle_session_timeout: 0,
    exit_on_error: 'off',
    client_connection_check_interval: 1000,
    synchronous_commit: 'on',
    default_transaction_isolation: 'read committed',
    default_transaction_deferrable: 'off',
    standard_conforming_strings: 'on',
    client_min_messages: 'notice',
  };
}

/** What no role and no database decides for a file. */
const ownSettings = [
  ...Object.keys(sessionSettings({ lockTimeoutMs: 0 })),
  'transaction_timeout',
  'session_replication_role',
];

/** What role and database give a session at login, and who that is. */
export interface LoginSettings {
  readonly searchPath: string;
  /** What was stored by ALTER ROLE and ALTER DATABASE, as JSON of the server: OIDs of role and database (0 for all), `name=value`. */
  readonly stored: string | null;
  /** OIDs. */
  readonly loginRole: number;
  readonly database: number;
  /** PostgreSQL 17 and later: whether a time-out of whole transactions is set. */
  readonly transactionTimeout: boolean;
}

/** Brings role and settings back to those of a fresh session of ours; RESET ROLE after, for a role may be set by ALTER ROLE. */
export function resetStatements({ transactionTimeout }: LoginSettings): readonly string[] {
  return [
    'SET SESSION AUTHORIZATION DEFAULT',
    'RESET ROLE',
    'RESET ALL',
    `SET search_path = ${ownSearchPath}`,
    // No option of the connection: servers before 17 do not know it and would refuse the login.
    ...(transactionTimeout ? ['SET transaction_timeout = 0'] : []),
  ];
}

/**
 * Session state that ROLLBACK keeps, advisory locks included. DISCARD ALL would do it, and drop the run lock: here that
 * is held by the transaction while all others go.
 * @param also select-list items for the last of them: a statement less to send
 */
export function discardStatements(...also: readonly string[]): readonly string[] {
  const locks = [
    `pg_catalog.pg_try_advisory_xact_lock(${runLockKey})`,
    'pg_catalog.pg_advisory_unlock_all()',
    `pg_catalog.pg_try_advisory_lock(${runLockKey})`,
  ];
  return [
    ...['CLOSE ALL', 'DEALLOCATE ALL', 'UNLISTEN *', 'DISCARD TEMP', 'DISCARD SEQUENCES'],
    `SELECT ${[...locks, ...also].join(', ')}`,
  ];
}

/** A block or a call, in which anything may be done. */
const callsSomething = /\b(?:do|call|pg_db_role_setting)\b|\bselect\s{1,20}[\w."]{1,200}\s{0,20}\(/i;

/**
 * Tells, text by text in the order of a run, whether an earlier one may have stored settings of the login's role or
 * database: what follows it has to read them again. Words of ALTER ROLE and ALTER DATABASE anywhere are enough, and calls.
 */
export function watchStoredSettings(): (text: string) => boolean {
  let stored = false;
  return (text) => {
    const before = stored;
    stored ||=
      callsSomething.test(text) ||
      (/\balter\b/i.test(text) &&
        /\b(role|user|database|system)\b/i.test(text) &&
        /\b(re)?set\b/i.test(text));
    return before;
  };
}

/**
 * Select-list items that give a file the settings it would have as the first of a run: the search path of the login, and
 * what ALTER ROLE and ALTER DATABASE have stored since.
 * @param stored whether an earlier file of this run may have stored settings
 * @param local until the end of the transaction only
 */
export function fileSettings(login: LoginSettings, stored: boolean, local: boolean): string {
  const path = `pg_catalog.set_config('search_path', ${quoteLiteral(login.searchPath)}, ${local})`;
  if (!stored) return path;
  // The role last: it may not be allowed to set the others.
  const all = `SELECT ${path}, (${storedSettingsSql(login, local)}), (${storedRoleSql(login, local)})`;
  const isOther = `${storedJson(String(login.loginRole), String(login.database))} IS DISTINCT FROM ${literal(login.stored)}`;
  // A text, so that it is planned where it is needed: that takes longer than all else of a small migration.
  return `CASE WHEN ${isOther} THEN pg_catalog.query_to_xml(${quoteLiteral(all)}, true, false, '')::pg_catalog.text ELSE ${path} END`;
}

function storedRoleSql(login: LoginSettings, local: boolean): string {
  const [before, now] = [storedThen(login), storedNow(login)].map(
    (rows) =>
      `(SELECT coalesce(min(substr(item, 6)), 'none') FROM (${effectiveSettingsSql(rows)}) AS e WHERE item ^@ 'role=')`,
  );
  return `SELECT set_config('role', r.now, ${local}) FROM (SELECT ${before} AS before, ${now} AS now) AS r WHERE r.now <> r.before`;
}

function storedSettingsSql(login: LoginSettings, local: boolean): string {
  const [before, now] = [storedThen(login), storedNow(login)].map(effectiveSettingsSql);
  return `WITH before AS MATERIALIZED (${before}), now AS MATERIALIZED (${now})
  SELECT count(set_config(name, value, ${local})) FROM (
    SELECT split_part(item, '=', 1) AS name, substr(item, strpos(item, '=') + 1) AS value
      FROM now WHERE item NOT IN (SELECT item FROM before)
    UNION ALL
    SELECT gone.name, coalesce(boot_val, '') FROM (SELECT split_part(item, '=', 1) AS name FROM before) AS gone
      JOIN pg_settings USING (name) WHERE name NOT IN (SELECT split_part(item, '=', 1) FROM now)) AS changed
    WHERE name <> ALL (ARRAY[${ownSettings.map(quoteLiteral).join(', ')}])
      AND (name LIKE '%.%' OR EXISTS (SELECT FROM pg_settings s WHERE s.name = changed.name
           AND (s.context = 'user' OR s.context = 'superuser' AND current_setting('is_superuser') = 'on')))`;
}

/** What is stored for role and database, for either or for all. Names in full: it is read before the search path is ours. */
function storedFor(role: string, database: string): string {
  const is = 'OPERATOR(pg_catalog.=)';
  return `pg_catalog.pg_db_role_setting WHERE (setdatabase ${is} 0::pg_catalog.oid OR setdatabase ${is} ${database}) AND (setrole ${is} 0::pg_catalog.oid OR setrole ${is} ${role})`;
}

/** An expression: JSON of what is stored, as `LoginSettings` has it. */
function storedJson(role: string, database: string): string {
  return `(SELECT pg_catalog.json_agg(pg_catalog.json_build_array(setrole, setdatabase, setconfig))::pg_catalog.text FROM ${storedFor(role, database)})`;
}

/** Rows of `setrole`, `setdatabase` and `item`, as they are now. */
export function storedNow({ loginRole, database }: Pick<LoginSettings, 'loginRole' | 'database'>): string {
  return `SELECT setrole, setdatabase, unnest(setconfig) AS item FROM ${storedFor(String(loginRole), String(database))}`;
}

/** The same, as they were at login. */
export function storedThen({ stored }: Pick<LoginSettings, 'stored'>): string {
  return `SELECT (r ->> 0)::oid AS setrole, (r ->> 1)::oid AS setdatabase, json_array_elements_text(r -> 2) AS item
      FROM json_array_elements(coalesce(${literal(stored)}, '[]')::json) AS r`;
}

/**
 * A query of `item`, as `name=value`: the strongest of what is stored for role and database, for the role, for the
 * database and for all.
 * https://www.postgresql.org/docs/16/catalog-pg-db-role-setting.html
 */
export function effectiveSettingsSql(rows: string): string {
  return `SELECT DISTINCT ON (split_part(item, '=', 1)) item FROM (${rows}) AS stored
     ORDER BY split_part(item, '=', 1), setrole = 0, setdatabase = 0`;
}

/**
 * The first query of a session, one row: what it is and may do. From there on the search path is ours. What the server
 * knows of a session is asked of it, for each catalog that says the same costs more.
 */
export function loginSql(promisedPid: number | null): string {
  const setting = (name: string) => `pg_catalog.current_setting('${name}', true)`;
  // Not through a pooler: another's session would keep it.
  const whenOurs = (condition: string, name: string, value: string) =>
    `CASE WHEN pid OPERATOR(pg_catalog.=) ${promisedPid ?? 0} AND ${condition} THEN pg_catalog.set_config('${name}', '${value}', false) END`;
  return `SELECT f.*, ${whenOurs('true', 'search_path', ownSearchPath)},
      ${whenOurs("transaction_timeout OPERATOR(pg_catalog.<>) '0'", 'transaction_timeout', '0')}
    FROM (SELECT a.pid, a.usesysid AS login_role, a.datid AS database, extract(epoch FROM a.backend_start)::pg_catalog.text AS backend_start,
      ${setting('server_version_num')}::pg_catalog.int4 AS version, current_user::pg_catalog.text AS role,
      pg_catalog.pg_is_in_recovery() AS standby, ${setting('default_transaction_read_only')}::pg_catalog.bool AS read_only,
      ${setting('session_replication_role')} AS replication_role, ${setting('server_encoding')} AS encoding, ${setting('transaction_timeout')} AS transaction_timeout,
      ${setting('search_path')} AS search_path, ${storedJson('a.usesysid', 'a.datid')} AS stored,
      pg_catalog.to_regclass('pg_catalog.pg_dist_node') IS NOT NULL AS citus FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS a OFFSET 0) AS f`;
}
