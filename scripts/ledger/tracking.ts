// Takes ids; gives the SQL that changes node-pg-migrate's tracking table where no migration runs. It sends nothing.

import pg from 'pg';
import type { TrackingTable } from '../config/config.ts';
import { quoteLiteral } from '../schema/sql.ts';

export function qualifiedName({ schema, table }: TrackingTable): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`;
}

/** Adds the row that node-pg-migrate would add after an up, unless it is there. */
export function trackSql(tracking: TrackingTable, id: string): string {
  const [table, name] = [qualifiedName(tracking), quoteLiteral(id)];
  return `INSERT INTO ${table} (name, run_on) SELECT ${name}, now() WHERE NOT EXISTS (SELECT FROM ${table} WHERE name = ${name})`;
}

export function untrackSql(tracking: TrackingTable, id: string): string {
  return `DELETE FROM ${qualifiedName(tracking)} WHERE name = ${quoteLiteral(id)}`;
}

export function renameTrackedSql(tracking: TrackingTable, was: string, is: string): string {
  return `UPDATE ${qualifiedName(tracking)} SET name = ${quoteLiteral(is)} WHERE name = ${quoteLiteral(was)}`;
}
