// Takes ids; gives the SQL that changes node-pg-migrate's tracking table where no migration runs. It sends nothing.

import pg from 'pg';
import type { TrackingTable } from '../config/config.ts';
import { quoteLiteral } from '../schema/sql.ts';

/** The tracking table as SQL names it, quoted. */
export function qualifiedName({ schema, table }: TrackingTable): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`;
}

/** Adds the row that node-pg-migrate would add after an up, unless it is there. */
export function trackSql(tracking: TrackingTable, id: string): string {
  const [table, name] = [qualifiedName(tracking), quoteLiteral(id)];
  return `INSERT INTO ${table} (name, run_on) SELECT ${name}, now() WHERE NOT EXISTS (SELECT FROM ${table} WHERE name = ${name})`;
}

/** SQL that takes a migration out of the tracking table. */
export function untrackSql(tracking: TrackingTable, id: string): string {
  return `DELETE FROM ${qualifiedName(tracking)} WHERE name = ${quoteLiteral(id)}`;
}

/** SQL that gives a tracked migration another id. */
export function renameTrackedSql(tracking: TrackingTable, was: string, is: string): string {
  return `UPDATE ${qualifiedName(tracking)} SET name = ${quoteLiteral(is)} WHERE name = ${quoteLiteral(was)}`;
}
