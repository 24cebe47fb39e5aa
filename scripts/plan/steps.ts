// Takes the steps of a plan and the texts the ledger keeps; gives each step with the text it will run. Pure.
// It must not know databases.

import { MigrateError } from '../base/errors.ts';
import { lacksSecrets } from '../base/redact.ts';
import type { Directives } from '../base/types.ts';
import { checksum } from '../files/decode.ts';
import { readDirectives } from '../files/directives.ts';
import type { LedgerDowns, NewEntry } from '../ledger/entries.ts';
import { type HalfDone, halfDoneOf } from '../ledger/half-done.ts';
import type { Step } from './plan.ts';

/** A step and the text that belongs to it. */
export interface ReadyStep extends Step {
  /** The file as shown to people, also where the text comes from the ledger. */
  readonly path: string;
  readonly text: string;
  readonly directives: Directives;
  /** Of `text`. */
  readonly checksum: string;
  /** Of a down: primary keys of its rows in the tracking table. */
  readonly rows?: readonly number[] | undefined;
  /** Set when the text is not what the file says: a note for the reader. */
  readonly note?: string;
  /** Of a down: where its text is from. */
  readonly source?: 'disk' | 'ledger';
  /** Of a down from disk: the ledger keeps another text. */
  readonly ledgerDiffers?: boolean;
  /** Set where statements of it ran already: it goes on outside of a transaction, whatever its directives say now. */
  readonly resumed?: HalfDone;
  /** Of a resumed step: the text no longer says that it runs outside of a transaction. */
  readonly directiveGone?: boolean;
}

export interface ReadyOptions {
  /** Downs run the file, not what was recorded with the up. */
  readonly fromDisk?: boolean;
  readonly halfDone?: readonly HalfDone[];
}

/**
 * Chooses the text of every step: an up runs what is on disk, a down what was recorded when its up ran.
 * @throws MigrateError `refused` when any down is irreversible, `history` when a down has no text anywhere: before
 * anything runs.
 */
export function readySteps(
  steps: readonly Step[],
  downs: LedgerDowns,
  { fromDisk = false, halfDone = [] }: ReadyOptions = {},
): ReadyStep[] {
  const ready = steps.map((step) => {
    const texts = step.direction === 'up' ? readyUp(step) : readyDown(step, downs, fromDisk);
    const half = halfDoneOf(halfDone, step);
    return half === undefined ? texts : resume(texts, half);
  });
  const irreversible = ready.filter(({ directives }) => directives.irreversible !== undefined);
  const [first] = irreversible;
  if (first !== undefined) {
    throw new MigrateError('refused', `${first.id} cannot be reverted: ${first.directives.irreversible}`, {
      hint: 'Write a new migration that goes forward instead (make migrate-new name=…).',
      state: 'Nothing was changed.',
      ...(irreversible.length > 1
        ? { problems: irreversible.map(({ id, directives }) => `${id}: ${directives.irreversible}`) }
        : {}),
    });
  }
  return ready;
}

/** The texts of an up are read when they are asked for, by its prototype. */
function resume(step: ReadyStep, resumed: HalfDone): ReadyStep {
  const directives = { ...step.directives, noTransaction: true };
  const directiveGone = !step.directives.noTransaction;
  return Object.assign(Object.create(Object.getPrototypeOf(step)), step, {
    directives,
    resumed,
    directiveGone,
  });
}

function readyUp(step: Step): ReadyStep {
  if (step.migration === null) throw new Error(`no file for the up of ${step.id}`);
  const { directives, checksum } = step.migration.up;
  return { __proto__: fileOfUp, ...step, directives, checksum } as unknown as ReadyStep;
}

/**
 * What is read when it is asked for: thousands of pending texts need not be in memory at the same time. One object for all
 * steps, for each would take as much with getters of its own.
 */
const fileOfUp = {
  get path(): string | undefined {
    return (this as unknown as Step).migration?.up.path;
  },
  get text(): string | undefined {
    return (this as unknown as Step).migration?.up.text;
  },
};

function readyDown(step: Step, downs: LedgerDowns, fromDisk: boolean): ReadyStep {
  const disk = step.migration?.down;
  const entry = step.applied?.entry ?? null;
  const recorded = entry === null ? null : (downs.get(entry.seq) ?? null);
  const common = { ...step, rows: step.applied?.rows };
  const isWhole = recorded !== null && isAsRecorded(recorded, entry?.downChecksum ?? null);
  const isSameFile = disk !== undefined && disk.checksum === entry?.downChecksum;
  if (disk !== undefined && (fromDisk || recorded === null || (!isWhole && isSameFile))) {
    const { path, text, checksum, directives } = disk;
    const ledgerDiffers = recorded !== null && recorded !== text && !isSameFile;
    return { ...common, path, text, checksum, directives, source: 'disk', ledgerDiffers };
  }
  if (recorded === null) {
    throw new MigrateError('history', `The down of ${step.id} is neither on disk nor in the ledger`, {
      hint: 'Check out the commit that has the file, then try again.',
      state: 'Nothing was changed.',
    });
  }
  if (!isWhole) throw notWhole(step, disk?.path);
  const ran = { ...common, text: recorded, checksum: checksum(recorded), source: 'ledger' as const };
  if (disk?.checksum === ran.checksum) return { ...ran, path: disk.path, directives: disk.directives };
  const note =
    disk === undefined
      ? 'the file is not on disk; running the text in the ledger'
      : 'the file was changed since; running the text in the ledger (--from-disk runs the file)';
  const { directives } = readDirectives(recorded, 'down');
  return { ...ran, path: disk?.path ?? `${step.id}.down.sql (ledger)`, directives, note };
}

/** The ledger keeps texts without the secrets in them: such a text is not what its checksum was made of, and must not run. */
function isAsRecorded(recorded: string, expected: string | null): boolean {
  return !lacksSecrets(recorded) && (expected === null || checksum(recorded) === expected);
}

function notWhole({ id }: Step, path: string | undefined): MigrateError {
  const file =
    path === undefined
      ? 'its file is not on disk'
      : `${path} is not the file that belongs to what was applied`;
  return new MigrateError('history', `The ledger does not have the whole down of ${id}, and ${file}`, {
    hint: `Secrets in a text are not kept (and a text that somebody changed there is not run). Check out the commit that has the file, then run the same command${path === undefined ? '' : '; or --from-disk runs the file as it is'}.`,
    state: 'Nothing was changed.',
  });
}

/** What the ledger is to remember of a step that took `durationMs`; null as in `NewEntry`. */
export function entryOf(step: ReadyStep, durationMs: number | null): NewEntry {
  const { id, version, name, direction } = step;
  const common = { id, version, name, direction, kind: 'run' as const, durationMs };
  return direction === 'up' && step.migration !== null
    ? {
        ...common,
        upSql: step.text,
        downSql: step.migration.down.text,
        upChecksum: step.migration.up.checksum,
        downChecksum: step.migration.down.checksum,
      }
    : { ...common, upSql: null, downSql: step.text, upChecksum: null, downChecksum: step.checksum };
}

/** The step's text, from its entry: a text may be read from disk each time the step is asked for it. */
export function ownText(step: ReadyStep, { upSql, downSql }: NewEntry): string {
  return (step.direction === 'up' ? upSql : downSql) ?? step.text;
}
