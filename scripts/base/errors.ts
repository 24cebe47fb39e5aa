// Takes what went wrong in words that a user can act on; gives the one error class of the product and its exit codes.
// It knows nothing of databases, files or terminals.

/** Every way a command can end, and the process's exit status for it (README, "Exit codes"). */
export const exitCodes = {
  ok: 0,
  bug: 1,
  usage: 2,
  'migration-failed': 3,
  history: 4,
  drift: 5,
  locked: 6,
  refused: 7,
  connection: 8,
  findings: 9,
  pending: 10,
  interrupted: 130,
  terminated: 143,
} as const satisfies Record<string, number>;

export type ErrorCode = Exclude<keyof typeof exitCodes, 'ok'>;

/** Where in a file something stands; line and column are 1-based, the column counts characters (code points). */
export interface Location {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/** What PostgreSQL said, in its own words. */
export interface DatabaseReport {
  readonly sqlState?: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly context?: string;
}

export interface MigrateErrorOptions {
  /** What to type or change next. */
  readonly hint?: string;
  readonly location?: Location;
  readonly database?: DatabaseReport;
  /** A few lines of source with a caret, ready to print. */
  readonly excerpt?: string;
  /** One line on where the failing statement stands: "statement 2 of 5". */
  readonly statement?: string;
  /** What state the database is in now. */
  readonly state?: string;
  /** Several problems found at once, one per entry; the message then only sums them up. */
  readonly problems?: readonly string[];
  readonly cause?: unknown;
}

/** The only error that commands throw on purpose: thrown once, printed once, in migrate.ts. */
export class MigrateError extends Error {
  override readonly name = 'MigrateError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly options: MigrateErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
  }
}

type Interruption = MigrateError & { readonly code: 'interrupted' | 'terminated' };

/** True where a signal, or the caller, ended the work: no failure of what was being tried. */
export function isInterruption(error: unknown): error is Interruption {
  return error instanceof MigrateError && (error.code === 'interrupted' || error.code === 'terminated');
}

/** Exit status for anything that was thrown: a MigrateError's own, else 1 (a bug). */
export function exitStatus(error: unknown): number {
  return error instanceof MigrateError ? exitCodes[error.code] : exitCodes.bug;
}

/** Whether the session itself was lost, so that nothing more can be sent: an error that the server told has its SQLSTATE. */
export function isSessionLost({ code, options }: MigrateError): boolean {
  return code === 'connection' && options.database === undefined;
}
