// Takes nothing; gives the SQL that reads constraints and indexes, with the columns of relations.ts, over the scope of
// sql.ts. It must not know how the rows are hashed, filtered or compared.
import { firstUserOid, flag, lines, notMember, part, partWhen } from '../sql.ts';

/** The server counts a parent's check on where the parent's column went and the child's own stayed: that is the child's. */
const isInherited = `(c.coninhcount > 0 AND (c.contype <> 'c' OR EXISTS (SELECT FROM pg_inherits h
      JOIN pg_constraint p ON p.conrelid = h.inhparent AND p.contype = 'c' AND p.conname = c.conname AND NOT p.connoinherit
      WHERE h.inhrelid = c.conrelid)))`;

/**
 * A check that a table only inherits: whether it was checked there too depends on which of the two was made first, and no dump
 * keeps that.
 */
const followsParent = `c.contype = 'c' AND NOT c.convalidated AND NOT c.conislocal AND ${isInherited}
      AND NOT EXISTS (SELECT FROM pg_class p WHERE p.oid = c.conrelid AND p.relispartition)`;

/** Those that were checked there, though their parent's was not. */
export const validHeirChecks = `SELECT rel.identity || '.' || quote_ident(c.conname) AS identity
  FROM rel JOIN pg_constraint c ON c.conrelid = rel.oid
  WHERE c.contype = 'c' AND c.convalidated AND c.coninhcount > 0 AND NOT c.conislocal AND NOT rel.relispartition
    AND EXISTS (SELECT FROM pg_inherits h JOIN pg_constraint p ON p.conrelid = h.inhparent
      WHERE h.inhrelid = rel.oid AND p.conname = c.conname AND p.contype = 'c' AND NOT p.convalidated)`;

// NOT NULL is told with its column. Of the foreign keys only those that somebody declared: the copies for partitions get names by order of creation.
export const constraint = `
  SELECT owner.identity || '.' || quote_ident(c.conname), owner.relation, ${lines(
    part(`' || CASE WHEN owner.relation IS NULL THEN 'domain' ELSE 'table' END || '`, 'owner.identity'),
    part(
      'definition',
      `CASE WHEN ${followsParent} THEN replace(pg_get_constraintdef(c.oid), ' NOT VALID', '') ELSE pg_get_constraintdef(c.oid) END`,
    ),
    partWhen(isInherited, 'inherited', `CASE WHEN c.conislocal THEN 'and local' ELSE 'only' END`),
  )}
  FROM pg_constraint c
  JOIN (
    SELECT oid AS conrelid, 0::oid AS contypid, identity, identity AS relation FROM rel
    UNION ALL
    SELECT 0, t.oid, ns.name || '.' || quote_ident(t.typname), NULL FROM pg_type t JOIN ns ON ns.oid = t.typnamespace
    WHERE t.typtype = 'd' AND t.oid >= ${firstUserOid} AND ${notMember('pg_type', 't.oid')}
  ) owner ON owner.conrelid = c.conrelid AND owner.contypid = c.contypid
  WHERE c.contype NOT IN ('t', 'n') AND NOT (c.contype = 'f' AND c.conparentid <> 0)`;

/**
 * An index that a failed build left behind, or one of a partitioned table that waits for partitions' indexes. Whether one
 * that waits for none is valid depends on what there was once, and no dump keeps that.
 */
const invalid = `(NOT i.indisvalid OR NOT i.indisready) AND (c.relkind = 'i' OR EXISTS (SELECT FROM pg_inherits h
      WHERE h.inhparent = i.indrelid AND NOT EXISTS (SELECT FROM pg_inherits a JOIN pg_index x ON x.indexrelid = a.inhrelid
        WHERE a.inhparent = i.indexrelid AND x.indrelid = h.inhrelid AND x.indisvalid)))`;

export const index = `
  SELECT ns.name || '.' || quote_ident(c.relname), rel.identity, ${lines(
    part('table', 'rel.identity'),
    part('definition', 'pg_get_indexdef(i.indexrelid)'),
    flag('invalid', invalid),
    flag('clustered', 'i.indisclustered'),
    part('constraint', 'quote_ident(con.conname)'),
    partWhen(
      'c.relispartition',
      'partition_of',
      `(SELECT h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = c.oid)`,
    ),
    part('tablespace', 'quote_ident(space.spcname)'),
    // Per index: joined to a grouped subquery, the planner may group all of pg_attribute again for each of them.
    part(
      'statistics',
      `(SELECT string_agg(a.attnum || ': ' || a.attstattarget, ', ' ORDER BY a.attnum)
        FROM pg_attribute a WHERE a.attrelid = i.indexrelid AND a.attnum > 0 AND a.attstattarget > -1)`,
    ),
  )}
  FROM pg_index i
  JOIN rel ON rel.oid = i.indrelid
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN ns ON ns.oid = c.relnamespace
  LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.conrelid = i.indrelid AND con.contype IN ('p', 'u', 'x')
  LEFT JOIN pg_tablespace space ON space.oid = c.reltablespace`;
