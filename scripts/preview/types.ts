// What a plan is made of, as types: steps, their statements, the locks with the live tables they hit. No code here.

import type { Finding, Migration } from '../base/types.ts';
import type { ReadyStep } from '../plan/steps.ts';

/** A table of the target as it is now. */
export interface LiveTable {
  /** With indexes and TOAST; of a partitioned table that of all partitions. */
  readonly bytes: number;
  /** The planner's estimate; null where the table was never analyzed. */
  readonly rows: number | null;
  readonly indexes: number;
}

export interface PlannedLock {
  /** `schema.name` as it is before the migration. */
  readonly relation: string;
  /** As in pg_locks; the strongest that the statement needs. */
  readonly mode: string;
  /** The table gets new storage. */
  readonly rewrites: boolean;
  /** The table is read from end to end. */
  readonly reads: boolean;
  /** Null where the target has no such table yet: an earlier step makes it. */
  readonly table: LiveTable | null;
}

export interface PlannedStatement {
  readonly line: number;
  /** Without secrets. */
  readonly text: string;
  /** Null where the statement was not traced. */
  readonly locks: readonly PlannedLock[] | null;
}

/** How much a batch has to walk: what is left, where a part of it is done. Null is what nobody knows (never analyzed). */
export interface PlannedBatch {
  /** "public.orders by id" */
  readonly key: string;
  readonly rows?: number | null;
  /** Rows of the first range; later ones adapt. */
  readonly size?: number;
  /** With ranges of the first size. */
  readonly batches?: number | null;
  /** Reading the keys alone, from a sample: it takes no less. */
  readonly keysMs?: number | null;
  /** Reading what the statement reads: the time of those keys, times what the planner says the first range costs more. */
  readonly readMs?: number | null;
  /** Of a half-done batch: what is left, at the pace of what is done. */
  readonly leftMs?: number | null;
  /** With ranges of the first size that each take what they may. */
  readonly atMostMs?: number | null;
  /** The last key that is done. */
  readonly position?: string;
  /** Why nothing is known, or what the run would refuse. */
  readonly problem?: string;
}

export interface PlannedStep {
  readonly step: ReadyStep;
  readonly statements: readonly PlannedStatement[];
  readonly batch?: PlannedBatch;
}

/** A session of the target that the plan may have to wait for. */
export interface Obstacle {
  /** Null of a prepared transaction, which has none. */
  readonly pid: number | null;
  readonly who: string;
  /** Of its transaction, in seconds; null where this role may not see it. */
  readonly ageSeconds: number | null;
  /** Locks that conflict with the plan's, as "RowExclusiveLock on public.orders". */
  readonly holds: readonly string[];
}

export interface PlanView {
  readonly direction: 'up' | 'down';
  readonly environment: string;
  readonly database: string;
  readonly steps: readonly PlannedStep[];
  /** After-deploy migrations, and what is behind them, that are no part of it. */
  readonly waiting: readonly Migration[];
  readonly findings: readonly Finding[];
  readonly obstacles: readonly Obstacle[];
  /** Why locks are missing, from some step on or at all; null where all are known. */
  readonly untraced: string | null;
}
