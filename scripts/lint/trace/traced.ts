// What was seen on the scratch database: locks, rewrites, scans of a statement, and the catalog around it.
import type { Statement } from '../../base/types.ts';
import { means } from '../statement/names.ts';
import type { Action, Name } from '../statement/types.ts';

/** A lock on a relation; `relation` is `schema.name`, `mode` as in pg_locks. */
export interface TracedLock {
  readonly relation: string;
  readonly mode: string;
  /** The relation was there before the migration began. */
  readonly existedBefore: boolean;
}

/** What PostgreSQL said; `offset` is in UTF-16 units from the statement's start. */
export interface TraceError {
  readonly sqlState: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly offset?: number;
}

/** One statement as it ran on the scratch database. */
export interface TracedStatement {
  readonly statement: Statement;
  /** False when it cannot run in a transaction: locks then come from what PostgreSQL documents, not from watching. */
  readonly watched: boolean;
  /** Taken by this statement. */
  readonly locks: readonly TracedLock[];
  /** Held when it had ended: these and those of earlier statements of the same transaction. */
  readonly held: readonly TracedLock[];
  /** Tables, materialized views and indexes that existed before and got new storage. */
  readonly rewrites: readonly string[];
  /** Tables that existed before and were read from end to end. */
  readonly scans: readonly string[];
  /** What CASCADE took along, as PostgreSQL names it: `view va`. */
  readonly cascades?: readonly string[];
  /** Of DROP and RENAME of functions and types: it was there, and a client can use it by its name. */
  readonly wasUsable?: boolean;
  /** Functions of those names, as they were. */
  readonly callables?: readonly Callable[];
  /** Published tables that refuse UPDATE or DELETE since this statement, and still do when the migration has ended. */
  readonly unreplicable?: readonly string[];
  /** Calls of functions, as `app.f(1)`, that were taken before this statement and are ambiguous since. */
  readonly ambiguous?: readonly string[];
  /** Of a block or function call: what it did, read from the catalog. */
  readonly observed: readonly Action[];
  /** The same of objects that are no relations, as the SQL that would have done it. */
  readonly observedSql?: readonly string[];
  /** The bodies of the functions that it calls. */
  readonly bodies?: readonly string[];
  readonly error?: TraceError;
}

/** A function that is about to go: the types that it takes, in pg_type's names, and how many of the last have defaults. */
export interface Callable {
  readonly name: string;
  readonly types: readonly string[];
  readonly defaults: number;
}

export interface CatalogColumn {
  readonly number: number;
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
  readonly default: string | null;
  readonly identity: boolean;
  /** GENERATED ALWAYS AS IDENTITY: no value can be written into it. */
  readonly always: boolean;
  readonly generated: boolean;
}

export interface CatalogIndex {
  readonly name: string;
  readonly columns: readonly string[];
  readonly unique: boolean;
  readonly partial: boolean;
  readonly definition: string;
}

export interface CatalogConstraint {
  readonly name: string;
  readonly type: string;
  readonly valid: boolean;
  readonly columns: readonly string[];
  readonly references: string | null;
  readonly definition: string;
}

/** How a table is spread over a Citus cluster; `group` is shared by tables whose shards are side by side. */
export interface CatalogDistribution {
  readonly kind: 'distributed' | 'single-shard' | 'reference' | 'local' | 'schema';
  readonly column: string | null;
  readonly group: string | null;
}

/** A user's relation, or composite type, as the catalog describes it; `kind` is pg_class.relkind. */
export interface CatalogRelation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly persistence: string;
  readonly parent: string | null;
  /** Of a materialized view: it holds rows to read. */
  readonly populated: boolean;
  /** Of a view: bits for UPDATE (4), INSERT (8) and DELETE (16) through it; null for all else. */
  readonly writable: number | null;
  /** Rights as pg_class.relacl has them: `reader=r/owner`, `=r/owner` for everybody. */
  readonly acl: readonly string[];
  /** UPDATE and DELETE can be replicated. */
  readonly hasIdentity: boolean;
  /** Triggers of the user's own, and those of them that fire once per statement. */
  readonly triggers: number;
  readonly statementTriggers: number;
  /** Those of them that an UPDATE fires. */
  readonly updateTriggers: number;
  /** Rules (CREATE RULE) on INSERT, UPDATE and DELETE. */
  readonly rewriteRules: number;
  /** A partition that takes what fits in no other. */
  readonly isDefault: boolean;
  /** Of a partition: `FOR VALUES …` or `DEFAULT`. */
  readonly bound: string | null;
  /** Of a partitioned table: `RANGE (created_at)`. */
  readonly partitionKey: string | null;
  /** Of an index: its table. */
  readonly table: number | null;
  /** Of an index: it belongs to a constraint. */
  readonly owned: boolean;
  readonly columns: readonly CatalogColumn[];
  readonly indexes: readonly CatalogIndex[];
  readonly constraints: readonly CatalogConstraint[];
  /** Null without Citus, and for a table of the coordinator alone. */
  readonly distribution: CatalogDistribution | null;
}

export type Catalog = ReadonlyMap<number, CatalogRelation>;

/** The relation of the catalog that a name as written may mean; `public` before other schemas. */
export function lookUp(table: Name, catalog: Catalog): CatalogRelation | undefined {
  let found: CatalogRelation | undefined;
  for (const relation of catalog.values()) {
    if (!means(table, `${relation.schema}.${relation.name}`)) continue;
    if (relation.schema === 'public') return relation;
    found ??= relation;
  }
  return found;
}

/** `schema.name` of a relation and of all its partitions and children, as far as the catalog has them. */
export function familyOf(table: Name, catalog: Catalog): readonly string[] {
  const root = lookUp(table, catalog);
  if (root === undefined) return [];
  const family = [root];
  for (const member of family)
    for (const relation of catalog.values())
      if (relation.parent === String(member.oid) && !family.includes(relation)) family.push(relation);
  return family.map(({ schema, name }) => `${schema}.${name}`);
}
