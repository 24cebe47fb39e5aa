// What the command line knows of a command. Types alone.
import type { Command } from '../report/command.ts';

/** One command as the command line knows it. */
export interface CommandLine {
  readonly name: string;
  readonly summary: string;
  readonly args?: string;
  readonly options?: readonly (readonly [flags: string, description: string])[];
  /** Set where the target is not touched, or checked by the command itself. */
  readonly checksOwnTarget?: true;
  readonly load: () => Promise<Command<never>>;
}
