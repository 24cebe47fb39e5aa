// The words of the schema stage: what a live schema is made of, what to leave out, how it is asked for.
// Takes nothing, gives types and two constants; it must know neither pg nor files.

/** Sends one statement (or, without values, a batch) and gives the rows of the last result. */
export type Query = (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>;

/** Every class of schema object that is compared; `owner` and `grant` only where the configuration asks for them. */
export const objectClasses = [
  'relation',
  'column',
  'column-order',
  'constraint',
  'index',
  'routine',
  'aggregate',
  'trigger',
  'rule',
  'policy',
  'statistics',
  'type',
  'sequence',
  'schema',
  'extension',
  'publication',
  'subscription',
  'event-trigger',
  'default-privileges',
  'collation',
  'operator',
  'operator-class',
  'operator-family',
  'cast',
  'conversion',
  'text-search',
  'foreign-data-wrapper',
  'foreign-server',
  'user-mapping',
  'language',
  'transform',
  'access-method',
  'distribution',
  'comment',
  'setting',
  'owner',
  'grant',
] as const;

export type ObjectClass = (typeof objectClasses)[number];

/**
 * One object of a schema. The identity is its qualified name, quoted where SQL needs it. The definition is
 * made of lines `key=value`; a line that starts with two spaces continues the value above.
 */
export interface SchemaObject {
  readonly class: ObjectClass;
  readonly identity: string;
  readonly definition: string;
}

/** One md5 per class; a class without objects has the md5 of the empty text. */
export type ClassHashes = Readonly<Record<ObjectClass, string>>;

export interface Snapshot {
  readonly classes: ClassHashes;
  readonly objects: readonly SchemaObject[];
}

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** One entry of `drift.ignore`: `*` in a name stands for any text; ignoring a relation ignores all that hangs on it. */
export interface IgnorePattern {
  readonly class: ObjectClass | '*';
  readonly name: string;
}

export interface SchemaOptions {
  /** Tables that are the tool's own, with their sequences and indexes. */
  readonly tracking: readonly TableName[];
  readonly include: readonly ('owners' | 'grants')[];
  readonly ignore: readonly IgnorePattern[];
  /** Partitions that follow their parent come and go by a job: the fingerprint leaves them out. */
  readonly partitions?: 'managed';
}

/** The schema of the tool's own tables, never part of what is compared. */
export const ledgerSchema = 'migration_ledger';

export const defaultSchemaOptions: SchemaOptions = {
  tracking: [{ schema: 'public', table: 'pgmigrations' }],
  include: [],
  ignore: [],
};
