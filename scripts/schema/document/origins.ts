// Takes a way to query a database while migrations run on it; gives for every table and column the migration that made it
// and the one that changed it last. What changed is told by the catalog's own rows; renamed tables are followed.
import type { Query } from '../types.ts';

/** Ids of migrations. */
export interface Origin {
  readonly made: string;
  readonly changed: string;
}

export interface TableOrigin extends Origin {
  /** By the column's name, without quotes. */
  readonly columns: ReadonlyMap<string, Origin>;
}

export interface OriginRecorder {
  /** Call it after each migration, outside of a transaction: one query, a second one where tables changed. */
  after(id: string): Promise<void>;
  /** By the table's identity as SQL spells it. */
  origins(): ReadonlyMap<string, TableOrigin>;
}

/**
 * One row per table or view with a token that differs when its columns, defaults, constraints, indexes, triggers, policies,
 * rules, partitions or comments do. Of pg_class the values count, not the row: a foreign key that points to a table changes that too.
 */
const tokensSql = `
WITH piece(relation, state) AS (
  SELECT coalesce(i.indrelid, a.attrelid), 'a' || a.attrelid || ' ' || a.attnum || ' ' || a.xmin
    FROM pg_catalog.pg_attribute AS a LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = a.attrelid WHERE a.attnum > 0
  UNION ALL SELECT adrelid, 'd' || adnum || ' ' || xmin FROM pg_catalog.pg_attrdef
  UNION ALL SELECT conrelid, 'c' || oid || ' ' || xmin FROM pg_catalog.pg_constraint WHERE conparentid = 0
  UNION ALL SELECT i.indrelid, 'i' || pg_catalog.concat_ws(' ', i.indexrelid, i.xmin, k.relname, k.reloptions, h.xmin)
    FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS k ON k.oid = i.indexrelid
    LEFT JOIN pg_catalog.pg_inherits AS h ON h.inhrelid = i.indexrelid
  UNION ALL SELECT tgrelid, 't' || oid || ' ' || xmin FROM pg_catalog.pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT polrelid, 'p' || oid || ' ' || xmin FROM pg_catalog.pg_policy
  UNION ALL SELECT ev_class, 'r' || oid || ' ' || xmin FROM pg_catalog.pg_rewrite
  UNION ALL SELECT ftrelid, 'f' || xmin FROM pg_catalog.pg_foreign_table
  UNION ALL SELECT inhrelid, 'h' || inhparent || ' ' || xmin FROM pg_catalog.pg_inherits
  UNION ALL SELECT h.inhparent, 'h' || h.inhrelid || ' ' || h.xmin
    FROM pg_catalog.pg_inherits AS h JOIN pg_catalog.pg_class AS k ON k.oid = h.inhrelid AND k.relispartition
  UNION ALL SELECT objoid, 'm' || objsubid || ' ' || xmin FROM pg_catalog.pg_description
    WHERE classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
), state AS (
  SELECT relation, pg_catalog.md5(pg_catalog.string_agg(state, ',' ORDER BY state)) AS pieces FROM piece GROUP BY relation
)
SELECT c.oid::text AS oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS identity,
  pg_catalog.md5(pg_catalog.concat_ws(' ', n.nspname, c.relname, c.relkind, c.relpersistence, c.relrowsecurity,
    c.relforcerowsecurity, c.relreplident, c.reloptions, c.reloftype, c.relam, t.reloptions, s.pieces)) AS token
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class AS t ON t.oid = c.reltoastrelid LEFT JOIN state AS s ON s.relation = c.oid
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

const columnsSql = `
SELECT a.attrelid::text AS oid, a.attname AS name, a.attnum::text AS number, pg_catalog.concat_ws(' ', a.xmin, d.xmin, m.xmin) AS token
FROM pg_catalog.pg_attribute AS a
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_description AS m
  ON m.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND m.objoid = a.attrelid AND m.objsubid = a.attnum
WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped`;

interface KnownOrigin extends Origin {
  readonly token: string;
  readonly name: string;
}

interface KnownTable extends KnownOrigin {
  /** By number: a renamed column is still the same. */
  readonly columns: ReadonlyMap<string, KnownOrigin>;
}

function seen(before: KnownOrigin | undefined, id: string, token: string, name: string): KnownOrigin {
  if (before?.token === token) return { ...before, name };
  return { made: before?.made ?? id, changed: id, token, name };
}

/** @param query its texts may be sent with values */
export function recordOrigins(query: Query): OriginRecorder {
  let tables: ReadonlyMap<string, KnownTable> = new Map();

  const after = async (id: string) => {
    const rows = await query(tokensSql);
    const changed = rows
      .filter(({ oid, token }) => tables.get(String(oid))?.token !== token)
      .map(({ oid }) => String(oid));
    const columns = changed.length === 0 ? [] : await query(columnsSql, [changed]);
    const found = new Map(changed.map((oid) => [oid, new Map<string, KnownOrigin>()]));
    for (const row of columns) {
      const [oid, number] = [String(row.oid), String(row.number)];
      const before = tables.get(oid)?.columns.get(number);
      found.get(oid)?.set(number, seen(before, id, String(row.token), String(row.name)));
    }
    tables = new Map(
      rows.map((row) => {
        const oid = String(row.oid);
        const before = tables.get(oid);
        const known = seen(before, id, String(row.token), String(row.identity));
        return [oid, { ...known, columns: found.get(oid) ?? before?.columns ?? new Map() }];
      }),
    );
  };

  const origin = ({ made, changed }: KnownOrigin): Origin => ({ made, changed });
  const origins = () =>
    new Map(
      [...tables.values()].map((table) => {
        const columns = new Map([...table.columns.values()].map((column) => [column.name, origin(column)]));
        return [table.name, { ...origin(table), columns }];
      }),
    );
  return { after, origins };
}
