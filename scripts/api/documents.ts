// What the functions for applications take and give, as types: the fields that the contract of --json names. Plain types,
// so that an application's compiler has nothing else to read.

/** Where lines for people go; console and NestJS's Logger fit. Nothing is told where none is given. */
export interface Logger {
  log(line: string): void;
  warn(line: string): void;
}

/** What every function takes. */
export interface RunOptions {
  /** The folder that holds `db/` and `.env`; the working directory if left out. */
  readonly root?: string;
  /** The migrations directory; `dir` of db/config.json, or `db/migrations`, if left out. */
  readonly dir?: string;
  /** Variables: DATABASE_URL, PG*, MIGRATE_* …; those of the process if left out. Nothing else of the process is read. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** When it aborts, the run rolls back what is under way and ends: `error.code` is `interrupted`. */
  readonly signal?: AbortSignal;
  readonly logger?: Logger;
}

/** Which migrations: up to and including a version (for `down`: back to it; `0` reverts all), or so many. */
export interface WhichOptions {
  readonly to?: string;
  readonly n?: number;
}

/** Of `up` and `plan`. */
export interface ChoiceOptions extends RunOptions, WhichOptions {
  readonly allowOutOfOrder?: boolean;
  /** Also the migrations marked after-deploy and those behind them: the application has started. */
  readonly afterDeploy?: boolean;
  /** Begin a history where another tool's is found, which would be refused. */
  readonly freshHistory?: boolean;
}

export interface UpOptions extends ChoiceOptions {
  /** All pending migrations in one transaction, or none. */
  readonly singleTransaction?: boolean;
  /** With `afterDeploy`: wait until sessions of older releases have ended; a duration such as `10min`, which `true` is. */
  readonly wait?: boolean | string;
  /** End cleanly after so long, with the batch that is under way then: `10min`. */
  readonly budget?: string;
  /** The environment's name, where it is a protected one and nobody can vouch for the schema after a run was cut off. */
  readonly confirm?: string;
  /** The document of `plan` instead; nothing is written. */
  readonly dryRun?: boolean;
  /** A saved plan: exactly that is run, or refused where anything has changed since. */
  readonly plan?: string;
  /** With `plan`: another file than the one of this digest is refused. */
  readonly planDigest?: string;
  /** Exit code 5 when the schema is then not this one; `true` for that of db/schema.sql. */
  readonly expectFingerprint?: boolean | string;
}

export interface DownOptions extends RunOptions, WhichOptions {
  readonly fromDisk?: boolean;
  /** The environment's name, where it is a protected one. */
  readonly confirm?: string;
  readonly dryRun?: boolean;
}

export interface StatusOptions extends RunOptions {
  /** Exit code 10 when a migration is pending. */
  readonly check?: boolean;
  /** The newest lines of the audit log instead: so many, as text, or all. */
  readonly log?: boolean | string;
}

export interface PlanOptions extends ChoiceOptions {
  /** Save it for `up`, bound to files, history, schema, environment and target. */
  readonly out?: string;
}

export interface VerifyOptions extends RunOptions {
  /** Only migrations that are new against this git ref. */
  readonly since?: string;
  /** All migrations. */
  readonly all?: boolean;
  /** Exit code 9 on warnings too. */
  readonly strict?: boolean;
}

/** Why a command did not do what it was asked for. `code` is one of README's table of exit codes. */
export interface DocumentError {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly file: string | null;
  /** 1-based, as `column`. */
  readonly line: number | null;
  readonly column: number | null;
  readonly sqlState: string | null;
  readonly detail: string | null;
  /** What state the database is in now. */
  readonly state: string | null;
  readonly problems: readonly string[];
}

/** Fields of every document; it is the one that the command prints with --json. */
export interface Document {
  readonly command: string;
  readonly ok: boolean;
  readonly exitCode: number;
  readonly environment: string | null;
  readonly error: DocumentError | null;
  readonly [field: string]: unknown;
}

export interface RunDocument extends Document {
  readonly migrations?: readonly {
    readonly version: string;
    readonly name: string;
    readonly direction: 'up' | 'down';
    readonly outcome: 'applied' | 'reverted' | 'failed' | 'pending' | 'unconfirmed';
    readonly durationMs: number | null;
  }[];
  /** How often the server was asked and its answer awaited. */
  readonly roundTrips?: number;
  /** Ids (`version_name`) of migrations that wait for `afterDeploy`. */
  readonly waiting?: readonly string[];
  /** Ids of a newer release's migrations, which are applied here. */
  readonly ahead?: readonly string[];
  /** The id of the batch within which the budget was used up. */
  readonly paused?: string;
  /** Of the schema afterwards, where `expectFingerprint` asks for it. */
  readonly fingerprint?: string | null;
  /** What was expected, where the schema is another; null where it was not asked for, as of a newer release's. */
  readonly expectedFingerprint?: string | null;
}

/** One object of the schema that is not as the last run left it. */
export interface DocumentDifference {
  /** The class of the object: `relation`, `column`, `routine` … */
  readonly kind: string;
  readonly identity: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** Definitions, in lines `key=value`; null where the object was not, or is not, there. */
  readonly expected: string | null;
  readonly actual: string | null;
}

/** One migration of `status`. */
export interface StatusMigration {
  readonly version: string;
  readonly name: string;
  readonly state: string;
  /** Pending, and left by `up` until the application has started. */
  readonly afterDeploy?: true;
  /** Pending, and both files still without a statement. */
  readonly empty?: true;
  readonly appliedAt: string | null;
  readonly appliedBy: string | null;
  readonly gitSha: string | null;
  readonly durationMs: number | null;
  /** Of one that stopped half-way: the statement that is next (1-based) of so many. */
  readonly partial?: { readonly direction: 'up' | 'down'; readonly statement: number; readonly of: number };
  /** Bytes of an up too long for the ledger to keep. */
  readonly unkeptUpSize?: number;
  /** What ran against what the files say now, as unified diffs. */
  readonly diffs?: readonly string[];
  /** The id that the same text has on disk now, or had when it was applied. */
  readonly renamed?: string;
}

/** A line of the audit log. */
export interface AuditLine {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly command: string;
  readonly options: string;
  readonly result: string;
  readonly exitCode: number;
  readonly message: string;
  readonly durationMs: number;
  readonly environment: string;
  readonly actor: string;
  readonly databaseUser: string;
  readonly gitSha: string | null;
  readonly runUrl: string | null;
  readonly host: string;
  readonly toolVersion: string;
}

export interface StatusDocument extends Document {
  readonly migrations?: readonly StatusMigration[];
  /** The environment that the database is stamped with; null before the first write. */
  readonly mark?: string | null;
  readonly drift?: {
    readonly state: 'none' | 'drifted' | 'unknown';
    readonly differences: readonly DocumentDifference[];
  };
  /** Why the state of the drift is unknown. */
  readonly driftReason?: string;
  /** Differences that are no drift. */
  readonly driftWarnings?: readonly DocumentDifference[];
  readonly fingerprint?: string | null;
  /** With `log`: newest first. */
  readonly log?: readonly AuditLine[];
}

export interface VerifyDocument extends Document {
  readonly findings?: readonly {
    readonly rule: string;
    readonly severity: 'error' | 'warning' | 'info';
    readonly file: string;
    readonly line: number | null;
    readonly column: number | null;
    readonly message: string;
    readonly help: string | null;
  }[];
}
