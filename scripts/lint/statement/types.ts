// What a statement does, as types: one Action per object that it touches, with all that a safe rewrite needs.
// No code here but types.
/** A relation or type as written; without a schema it is found through search_path. */
export interface Name {
  readonly schema?: string;
  readonly name: string;
}

export interface ColumnFacts {
  readonly name: string;
  /** The type as written. */
  readonly type: string;
  readonly typeName: Name;
  readonly notNull: boolean;
  /** The default's text; null is `DEFAULT NULL`, absent is none. */
  readonly default?: string | null;
  /** The default must be computed for each row (random(), gen_random_uuid(), clock_timestamp(), …). */
  readonly volatile: boolean;
  readonly identity: boolean;
  /** The expression of GENERATED ALWAYS AS (…) STORED. */
  readonly generated?: string;
  readonly checks: readonly { name?: string; expression: string }[];
  readonly references?: { table: Name; columns: readonly string[]; clause: string };
  readonly unique: boolean;
  readonly primary: boolean;
}

export type ConstraintType = 'check' | 'foreign' | 'primary' | 'unique' | 'exclude';

export interface ConstraintFacts {
  readonly type: ConstraintType;
  readonly name?: string;
  readonly columns: readonly string[];
  readonly references?: Name;
  /** The columns that a foreign key refers to, where they are named. */
  readonly referenced?: readonly string[];
  readonly notValid: boolean;
  readonly usingIndex?: string;
  /** The constraint as written, without CONSTRAINT <name> and NOT VALID: `CHECK (a > 0)`. */
  readonly definition: string;
}

type Dropped = 'table' | 'view' | 'materialized view' | 'schema' | 'type' | 'other';
type Renamed = 'table' | 'view' | 'column' | 'schema' | 'other';

/** What one statement does to one object; `command` is its place among the commands of an ALTER TABLE. */
export type Action = Effect & { readonly command?: number };

/** `sql` is the statement, or what it comes down to inside a block. */
type Effect =
  | {
      readonly kind: 'create-index';
      readonly table: Name;
      readonly index?: string;
      readonly columns: readonly string[];
      readonly concurrent: boolean;
      readonly unique: boolean;
      readonly only: boolean;
      readonly partial: boolean;
      readonly sql: string;
    }
  | { readonly kind: 'drop-index'; readonly table: Name; readonly concurrent: boolean; readonly sql: string }
  | {
      readonly kind: 'reindex';
      readonly what: string;
      readonly table: Name;
      readonly concurrent: boolean;
      readonly sql: string;
    }
  | {
      readonly kind: 'create';
      readonly table: Name;
      readonly object: 'table' | 'view' | 'type' | 'domain';
      readonly partitioned: boolean;
      readonly partitionOf?: Name;
      readonly columns: readonly ColumnFacts[];
      readonly constraints: readonly ConstraintFacts[];
    }
  | {
      readonly kind: 'add-column';
      readonly table: Name;
      readonly column: ColumnFacts;
      readonly ifNotExists?: boolean;
    }
  | { readonly kind: 'drop-column'; readonly table: Name; readonly column: string }
  | {
      readonly kind: 'alter-type';
      readonly table: Name;
      readonly column: string;
      readonly type: string;
      readonly typeName: Name;
      readonly using?: string;
    }
  | { readonly kind: 'set-not-null'; readonly table: Name; readonly column: string }
  | { readonly kind: 'add-constraint'; readonly table: Name; readonly constraint: ConstraintFacts }
  | { readonly kind: 'drop-constraint'; readonly table: Name; readonly name: string }
  | { readonly kind: 'validate-constraint'; readonly table: Name; readonly name: string }
  | { readonly kind: 'attach-partition'; readonly table: Name; readonly parent: Name; readonly bound: string }
  | {
      readonly kind: 'detach-partition';
      readonly table: Name;
      readonly parent: Name;
      readonly concurrent: boolean;
    }
  | {
      readonly kind: 'rewrite';
      readonly table: Name;
      readonly by: 'logged' | 'tablespace' | 'access-method';
      readonly clause: string;
    }
  | { readonly kind: 'vacuum-full' | 'cluster'; readonly table: Name }
  | { readonly kind: 'truncate'; readonly table: Name }
  | {
      readonly kind: 'refresh';
      readonly table: Name;
      readonly concurrent: boolean;
      readonly withData: boolean;
    }
  | { readonly kind: 'lock'; readonly table: Name; readonly mode: number }
  | { readonly kind: 'domain-check'; readonly table: Name; readonly constraint: ConstraintFacts }
  | { readonly kind: 'enum-add'; readonly table: Name; readonly value: string }
  | { readonly kind: 'enum-rename'; readonly table: Name; readonly from: string; readonly to: string }
  | {
      readonly kind: 'change-rows';
      readonly table: Name;
      readonly verb: 'UPDATE' | 'DELETE';
      readonly where: Where;
      readonly sql: string;
    }
  /** INSERT … SELECT without a bound; `from` is what it reads. */
  | { readonly kind: 'copy-rows'; readonly table: Name; readonly from: readonly Name[] }
  | {
      readonly kind: 'drop';
      readonly table: Name;
      readonly object: Dropped;
      readonly word: string;
      readonly cascade: boolean;
    }
  | {
      readonly kind: 'rename';
      readonly table: Name;
      readonly object: Renamed;
      readonly from: string;
      readonly to: string;
    }
  | { readonly kind: 'set-schema'; readonly table: Name; readonly to: string }
  | { readonly kind: 'create-extension'; readonly table: Name };

export type ActionKind = Action['kind'];
export type ActionOf<K extends ActionKind> = Extract<Action, { kind: K }>;

/** What an UPDATE's or DELETE's condition says about how many rows it can meet. */
export interface Where {
  /** No condition, or one that is always true. */
  readonly whole: boolean;
  /** Columns that are compared with = or IN to constants, in one conjunction. */
  readonly equals: readonly string[];
  /** LIMIT in a sub-select, ctid, or a column between two constants. */
  readonly limited: boolean;
}
