// What the parts of a transition say to each other: statements with the time at which they must run, and what a person
// has to know or to write. Types alone.
import type { Difference } from './diff.ts';

/** `type`: before anything is made of it. `table`: once new types, routines and tables are there. */
export type Phase = 'type' | 'table';

/** How one object is brought from one form to the other. */
export interface Change {
  readonly phase: Phase;
  readonly statements: readonly string[];
  /** Why a person must look at the statements first, for they may lose values or positions; undefined where they may not. */
  readonly undecided?: string;
  /** When the statements fail although they are right: `where public.users.note is NULL`. */
  readonly fails?: readonly string[];
}

/** A difference that a person must settle. */
export interface Undecided {
  readonly difference: Difference;
  readonly why: string;
  /** What would do it, if it is what was meant. */
  readonly statements: readonly string[];
}

/** A change of tables that are there. */
export const onTables = (
  statements: readonly string[],
  more: Omit<Change, 'phase' | 'statements'> = {},
): Change => ({
  phase: 'table',
  statements,
  ...more,
});

/** What no statement of ours can do. */
export const unwritten = (undecided: string): Change => ({ phase: 'table', statements: [], undecided });
