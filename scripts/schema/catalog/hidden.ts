// Takes the options of a snapshot; gives as CTEs what does not count for the change token: our own tables, and what is
// temporary. It reads nothing itself.
import { firstUserOid, hiddenNamespace, quoteLiteral, trackingTable } from '../sql.ts';
import { ledgerSchema, type SchemaOptions } from '../types.ts';

/** The namespace of TOAST tables, as SQL. */
export const toastNamespace = `'pg_toast'::regnamespace`;

/** From WITH on: `hidden_namespace`, `hidden_type`, `tracking`, `own_relation` and `hidden_relation`, OIDs all of them. */
export function hiddenSql(options: SchemaOptions): string {
  return `WITH hidden_namespace AS MATERIALIZED (
  SELECT oid, nspname FROM pg_catalog.pg_namespace WHERE ${hiddenNamespace('nspname')}
), hidden_type AS MATERIALIZED (
  SELECT oid FROM pg_catalog.pg_type WHERE typnamespace IN (SELECT oid FROM hidden_namespace)
), tracking AS MATERIALIZED (
  SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname <> ${quoteLiteral(ledgerSchema)} AND ${trackingTable(options.tracking, 'n.nspname', 'c.relname')}
), own_relation AS MATERIALIZED (
  SELECT oid FROM pg_catalog.pg_class WHERE oid >= ${firstUserOid} AND relnamespace IN (SELECT oid FROM hidden_namespace WHERE nspname <> 'pg_toast')
  UNION SELECT oid FROM tracking
  UNION SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid IN (SELECT oid FROM tracking)
  UNION SELECT objid FROM pg_catalog.pg_depend WHERE refobjid IN (SELECT oid FROM tracking)
    AND refclassid = 'pg_catalog.pg_class'::regclass AND classid = 'pg_catalog.pg_class'::regclass
    AND deptype IN ('a', 'i')
), hidden_relation AS MATERIALIZED (
  SELECT oid FROM own_relation
  UNION ALL SELECT oid FROM pg_catalog.pg_class WHERE oid >= ${firstUserOid} AND relnamespace = ${toastNamespace}
)`;
}
