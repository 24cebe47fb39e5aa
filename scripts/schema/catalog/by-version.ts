// Takes nothing; gives the pieces of catalog SQL and of definitions in which the major versions of PostgreSQL differ, each
// once. The same text runs on every version: what one of them lacks is NULL there.
// It must not know which server is read.

import { part, partWhen } from '../sql.ts';

/** A column of a catalog that some versions have not, or call otherwise, as text. @param row alias of the catalog */
export function columnIfThere(row: string, ...names: readonly string[]): string {
  const each = names.map((name) => `to_jsonb(${row}) ->> '${name}'`);
  return each.length === 1 ? `${each[0]}` : `coalesce(${each.join(', ')})`;
}

/** An SQL condition: true from a major version on, for defaults that changed. */
const sinceMajor = (major: number) => `current_setting('server_version_num')::int >= ${major}0000`;

/** The server counts a parent's NOT NULL on where the parent's column went and the child's own stayed: that is the child's. */
const isInherited = `(nn.coninhcount > 0 AND (rel.relispartition OR EXISTS (SELECT FROM pg_inherits h
        JOIN pg_attribute above ON above.attrelid = h.inhparent AND above.attname = a.attname
        JOIN pg_constraint p ON p.conrelid = h.inhparent AND p.contype = 'n' AND p.conkey[1] = above.attnum AND NOT p.connoinherit
        WHERE h.inhrelid = a.attrelid)))`;

/** True for a child's copy of its parent's: its name is the server's choice, and depends on how the child came there. */
const isCopy = `((rel.relispartition OR NOT nn.conislocal) AND ${isInherited})`;

/**
 * NOT NULL is a constraint from PostgreSQL 18 on (of domains from 17 on): it has a name, may be NOT VALID or NO INHERIT,
 * and children have copies. Only what SET NOT NULL would not make is told: a name of its own, and how it differs. A name
 * that the server had to cut is told too.
 * https://www.postgresql.org/docs/18/catalog-pg-constraint.html
 */
export const columnNotNull = part(
  'not_null',
  `nullif(concat_ws(' ',
        CASE WHEN NOT ${isCopy} AND (nn.conname <> rel.relname || '_' || a.attname || '_not_null' OR ${isInherited})
          THEN quote_ident(nn.conname) END,
        CASE WHEN nn.connoinherit THEN 'NO INHERIT' END, CASE WHEN NOT nn.convalidated THEN 'NOT VALID' END,
        CASE WHEN NOT rel.relispartition AND ${isInherited} THEN CASE WHEN nn.conislocal THEN 'AND LOCAL' ELSE 'INHERITED' END END
      ), '')`,
);

/** Joins `nn`, the constraint behind a column's NOT NULL, where the server has such. */
export const joinNotNull = `LEFT JOIN pg_constraint nn ON nn.conrelid = a.attrelid AND nn.contype = 'n' AND nn.conkey[1] = a.attnum`;

const takenElsewhere = `EXISTS (SELECT FROM pg_constraint o WHERE o.conname = nn.conname AND o.connamespace = nn.connamespace
      AND (o.conrelid, o.contypid) <> (nn.conrelid, nn.contypid) AND o.coninhcount = 0)`;

/**
 * Names of NOT NULL that do not count, but must be written: those of partitions' copies where SET NOT NULL would choose
 * others, for they stay where a partition is detached; and the usual name where another has that name, for the server would
 * choose again. Gives the identity of the column or domain, and the name.
 */
export const notNullNames = `SELECT rel.identity || '.' || quote_ident(a.attname) AS identity, quote_ident(nn.conname) AS name
  FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid ${joinNotNull}
  WHERE CASE WHEN nn.conname <> rel.relname || '_' || a.attname || '_not_null' THEN rel.relispartition AND nn.coninhcount > 0
    ELSE ${takenElsewhere} END
  UNION ALL SELECT ns.name || '.' || quote_ident(t.typname), quote_ident(nn.conname)
  FROM pg_type t JOIN ns ON ns.oid = t.typnamespace JOIN pg_constraint nn ON nn.contypid = t.oid AND nn.contype = 'n'
  WHERE nn.conname = t.typname || '_not_null' AND ${takenElsewhere}`;

/** The name of a domain's NOT NULL, where it is not the one that the server would choose. */
export const domainNotNull = partWhen(
  't.typnotnull',
  'not_null_name',
  `(SELECT quote_ident(nn.conname) FROM pg_constraint nn WHERE nn.contypid = t.oid AND nn.contype = 'n'
      AND nn.conname <> t.typname || '_not_null')`,
);

/** Generated columns are stored up to PostgreSQL 17; from 18 on they are virtual unless they say STORED. */
export const virtualColumn = `CASE WHEN a.attgenerated = 'v' THEN 'virtual=true' END`;

/** Whether a publication sends generated columns: from PostgreSQL 18 on. */
export const publishedGenerated = partWhen(
  `${columnIfThere('p', 'pubgencols')} = 's'`,
  'generated_columns',
  `'stored'`,
);

/**
 * pg_subscription with the columns that only later versions have; the usual value where there is no such column: a name
 * that the catalog lacks is looked for outside. Not the whole row, which others than superusers may not read.
 */
export const subscriptions = `(SELECT own.* FROM (SELECT 'any' AS suborigin, true AS subpasswordrequired, false AS subrunasowner, false AS subfailover) usual,
    LATERAL (SELECT subdbid, subname, subowner, subpublications, subslotname, subenabled, subbinary, substream, subtwophasestate, subdisableonerr,
      subsynccommit, suborigin, subpasswordrequired, subrunasowner, subfailover FROM pg_subscription) own)`;

/** The options of a subscription that are not the usual ones, as SQL wants them, but for what makes it connect. */
export const subscriptionOptions = `nullif(concat_ws(', ',
    CASE WHEN s.subbinary THEN 'binary = true' END,
    CASE WHEN s.substream::text IN ('t', 'true') THEN 'streaming = on'
      WHEN s.substream::text = 'p' AND NOT ${sinceMajor(18)} THEN 'streaming = parallel'
      WHEN s.substream::text = 'f' AND ${sinceMajor(18)} THEN 'streaming = off' END,
    CASE WHEN s.subtwophasestate <> 'd' THEN 'two_phase = true' END,
    CASE WHEN s.subdisableonerr THEN 'disable_on_error = true' END,
    CASE WHEN s.subsynccommit <> 'off' THEN 'synchronous_commit = ' || quote_literal(s.subsynccommit) END,
    CASE WHEN s.suborigin <> 'any' THEN 'origin = ' || quote_literal(s.suborigin) END,
    CASE WHEN NOT s.subpasswordrequired THEN 'password_required = false' END,
    CASE WHEN s.subrunasowner THEN 'run_as_owner = true' END,
    CASE WHEN s.subfailover THEN 'failover = true' END), '')`;
