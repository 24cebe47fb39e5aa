// The words of the domain as types, shared by every stage. No code here but types.

export type Direction = 'up' | 'down';

/** What the comments before a file's first statement ask for. Times in ms. */
export interface Directives {
  readonly noTransaction: boolean;
  /** It takes something away that the release before still uses: `up` leaves it until --after-deploy; only in an up. */
  readonly afterDeploy?: true;
  /** The reason why an up cannot be reverted; only in a `.down.sql`. */
  readonly irreversible?: string;
  /** The file's one statement runs over ranges of a key, a transaction each. */
  readonly batch?: BatchDirective;
  readonly lockTimeoutMs?: number;
  readonly statementTimeoutMs?: number;
  readonly allow: readonly Allowance[];
  /** No directive, but known with them: the text has CREATE EXTENSION somewhere. */
  readonly createsExtension?: true;
}

/** `-- migrate: batch <table> by <column> [rows=N] [pause=DURATION]`; names as SQL, quoted where they were. */
export interface BatchDirective {
  readonly table: string;
  readonly column: string;
  /** Rows of the first batch. */
  readonly rows?: number;
  /** Between two batches, in ms. */
  readonly pauseMs?: number;
}

/** `-- migrate: allow <rule> <reason>`; the line is 1-based. */
export interface Allowance {
  readonly rule: string;
  readonly reason: string;
  readonly line: number;
}

/** One SQL file: path as shown to people, text without BOM, sha256 of its bytes in hex. */
export interface SqlFile {
  readonly path: string;
  readonly text: string;
  readonly checksum: string;
  readonly directives: Directives;
}

/** A pair of files; `id` is `<version>_<name>`, the name in the tracking table. */
export interface Migration {
  readonly id: string;
  readonly version: string;
  readonly name: string;
  readonly up: SqlFile;
  readonly down: SqlFile;
}

/**
 * One top-level statement of a file, as PostgreSQL's parser sees it.
 * `start` and `end` are UTF-16 offsets into the file's text, without leading comments and without the semicolon;
 * line and column are 1-based, the column counts code points; `index` is 1-based.
 */
export interface Statement {
  readonly index: number;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
  readonly text: string;
  /** The parser's node name, such as `CreateStmt`. */
  readonly kind: string;
  /** The parser's node itself, the value under `kind`. */
  readonly node: Readonly<Record<string, unknown>>;
}

/** One result of `lint` or `verify`. */
export interface Finding {
  readonly rule: string;
  readonly severity: 'error' | 'warning' | 'info';
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** Why it hurts and the exact safe rewrite. */
  readonly help: string;
}

/** One migration as the database has it: in the tracking table, in the ledger, or (as it should be) in both. */
export interface AppliedMigration {
  readonly id: string;
  readonly version: string;
  readonly name: string;
  readonly tracked: boolean;
  /** Null where the ledger does not know it: node-pg-migrate applied it before we came. */
  readonly entry: LedgerEntry | null;
  /** ISO 8601; from the ledger, else from the tracking table. */
  readonly appliedAt: string | null;
  /** Primary keys of its rows in the tracking table, where they were read; one, unless somebody else wrote there. */
  readonly rows?: readonly number[];
}

/** What the ledger says of an applied migration; texts are read separately, only where they are needed. */
export interface LedgerEntry {
  readonly seq: number;
  readonly kind: string;
  readonly upChecksum: string | null;
  readonly downChecksum: string | null;
  readonly durationMs: number;
  readonly actor: string;
  readonly gitSha: string | null;
  /** Size in bytes of an up text that is too long for the ledger to keep; null where it is kept. */
  readonly upSize: number | null;
}

/**
 * How one step of a run ended; a pending one was not reached. `unconfirmed`: its COMMIT was answered, but the server went
 * down before the run's end and does not answer, so that it may be gone.
 */
export interface Outcome {
  readonly id: string;
  readonly version: string;
  readonly name: string;
  readonly direction: Direction;
  readonly outcome: 'applied' | 'reverted' | 'failed' | 'pending' | 'unconfirmed';
  readonly durationMs: number | null;
}
