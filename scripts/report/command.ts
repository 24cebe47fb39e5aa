// What a command takes and gives. Types only: every file in commands/ fits them.

import type { ErrorCode, MigrateError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import type { Style } from './human.ts';

/** Where a command tells what it does while it works; nothing here decides on colours, streams or secrets. */
export interface Progress {
  /** A line for people; on stderr with --json, nowhere with --quiet. */
  say(line: string): void;
  /** What is true now and soon replaced: rewritten in place on a terminal, a line every 30 s in a log. */
  live(line: string): void;
  /** As `say`, for the first line of a part that a log may fold until `endGroup`. */
  group(title: string): void;
  endGroup(): void;
  /** Only with --verbose. */
  detail(line: string): void;
  /** Something worth attention that stops nothing; always shown, on stderr. */
  warn(line: string): void;
  readonly style: Style;
}

export interface CommandInput<Flags> {
  readonly config: Config;
  readonly flags: Flags;
  readonly args: readonly string[];
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Of many databases the first on which a thing went wrong. */
export interface Failure {
  readonly name: string;
  readonly error: unknown;
  /** On how many others the same did. */
  readonly more: number;
}

export interface CommandResult {
  /** Fields of the command's own in the JSON document. */
  readonly document: Readonly<Record<string, unknown>>;
  /** The last lines for people: the verdict. */
  readonly lines: readonly string[];
  /** Set when the work was cut short after something was already done; else commands throw. */
  readonly error?: MigrateError | null;
  /** An exit status that is no error: `findings`, `pending`. */
  readonly verdict?: ErrorCode | null;
  /** What went wrong on some of many databases: one of each kind, without secrets. */
  readonly failures?: readonly Failure[];
  /** Whether the database was written to: then the audit log gets a line. */
  readonly wrote?: boolean;
}

/**
 * What a command does, from its flags to what it says. A file of commands/ holds one, and opens with what it is for.
 * @throws MigrateError of any code, where nothing was done; else the error is in the result
 */
export type Command<Flags> = (input: CommandInput<Flags>) => Promise<CommandResult>;
