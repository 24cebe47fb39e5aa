// Gives the SQL that tells by which types a batch can walk, and with what such keys may be compared. It knows pg_type and
// the operator classes, no tables. `type` is the alias of a row of pg_type.
import { firstUserOid } from '../../schema/sql.ts';

/** The order is the server's own: of a built-in type, of an enum, of arrays and ranges of built-in types. */
export function builtinSql(type: string): string {
  return `(${type}.oid < ${firstUserOid} OR ${type}.typtype = 'e')`;
}

/** There is a default order, also where it is the one of another type that is stored alike (varchar, cidr). */
export function sortableSql(type: string): string {
  const ordered = (
    oid: string,
  ) => `EXISTS (SELECT FROM pg_catalog.pg_opclass o JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod
    WHERE m.amname = 'btree' AND o.opcdefault AND (o.opcintype = ${oid} OR EXISTS (SELECT FROM pg_catalog.pg_cast k
      WHERE k.castsource = ${oid} AND k.casttarget = o.opcintype AND k.castmethod = 'b' AND k.castcontext = 'i')))`;
  return `(${type}.typtype IN ('e', 'r', 'm') OR CASE WHEN ${type}.typcategory = 'A' THEN ${ordered(`${type}.typelem`)} ELSE ${ordered(`${type}.oid`)} END)`;
}

/**
 * Types of one family hold the same keys in the same order. The others do not, however near: a timestamp as a date, or a
 * float4 as a float8, would leave rows of a range out or meet them in two.
 */
export function familySql(type: string): string {
  return `CASE WHEN ${type}.oid IN (20, 21, 23) THEN 'integer' WHEN ${type}.oid IN (25, 1043) THEN 'text'
    WHEN ${type}.oid IN (650, 869) THEN 'network' ELSE ${type}.oid::pg_catalog.text END`;
}
