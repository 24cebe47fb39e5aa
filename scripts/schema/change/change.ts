// What the parts of a transition say to each other: statements with the time at which they must run, and what a person
// has to know or to write.
import type { Difference } from './diff.ts';

/**
 * `type`: before anything is made of it. The others, in this order, once new types, routines and tables are there:
 * `free`: computed columns go; `add`: columns come; `table`: the rest; `drop`: columns go; `compute`: computed columns come.
 */
export type Phase = 'type' | 'free' | 'add' | 'table' | 'drop' | 'compute';
export const phasesOfTables: readonly Phase[] = ['free', 'add', 'table', 'drop', 'compute'];

/** How one object is brought from one form to the other. */
export interface Change {
  readonly phase: Phase;
  readonly statements: readonly string[];
  /** What follows in a later phase. */
  readonly later?: { readonly phase: Phase; readonly statements: readonly string[] };
  /** True for a column that is dropped and made anew. */
  readonly anew?: boolean;
  /** Why a person must look at the statements first, for they may lose values or positions; undefined where they may not. */
  readonly undecided?: string;
  /** True where a type makes room for another one of its name: what is of it, or takes it, goes before and comes back. */
  readonly replacesType?: boolean;
  /** When the statements fail although they are right: `where public.users.note is NULL`. */
  readonly fails?: readonly string[];
}

/** A difference that a person must settle; what would do it, if that was meant, stands marked among the statements. */
export interface Undecided {
  readonly difference: Difference;
  readonly why: string;
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
