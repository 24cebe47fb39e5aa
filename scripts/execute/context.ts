// What every step of a run is given, and what it gives back. Types alone: whoever runs a step imports this, and this
// imports no step.
import type { MigrateError } from '../base/errors.ts';
import type { Outcome } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import type { Provenance } from '../config/provenance.ts';
import type { Session } from '../connection/session.ts';
import type { Parser } from '../files/statements.ts';
import type { Engine } from '../ledger/node-pg-migrate.ts';
import type { ReadyStep } from '../plan/steps.ts';

/** What a run tells while it goes on. */
export interface Observer {
  stepStarted(step: ReadyStep, number: number, total: number): void;
  stepEnded(outcome: Outcome): void;
  /** Something that is true now and replaced soon: elapsed time, progress, who blocks. */
  live(text: string): void;
  say(text: string): void;
}

export interface RunContext {
  readonly session: Session;
  readonly config: Config;
  readonly engine: Engine;
  readonly provenance: Provenance;
  /** Loaded where statements have to be told apart: in a no-transaction step, and when a statement fails. */
  readonly loadParser: () => Promise<Parser>;
  readonly observer: Observer;
  readonly signal: AbortSignal;
  /** Given each text as it is sent: see `watchStoredSettings`. */
  readonly settingsStoredBefore: (text: string) => boolean;
  /** When (`performance.now()`) batches are to end after the one under way; null where there is no budget. */
  readonly deadline: number | null;
  /** Statements to run last in the transaction of the run's last step, before it commits. */
  readonly closing: readonly string[];
}

/** How a group of steps ended that was to be all or nothing. Durations in ms, one per step that ran. */
export type GroupEnd =
  | {
      /** Every step counts. */
      readonly outcome: 'recorded';
      readonly durations: readonly number[];
      /** What ends the run here all the same: the session was lost after COMMIT. Null where the run goes on. */
      readonly error: MigrateError | null;
    }
  | {
      /** A batch that stopped because the run's budget is used up: what is done stays, the next run goes on. */
      readonly outcome: 'paused';
      readonly durations: readonly number[];
      readonly error: null;
    }
  | {
      /** No step counts, or of a no-transaction step the journal knows which statements ran. */
      readonly outcome: 'failed';
      readonly durations: readonly number[];
      readonly error: MigrateError;
      /** 0-based index of the step that failed; null where none had begun. */
      readonly failedIndex: number | null;
    };
