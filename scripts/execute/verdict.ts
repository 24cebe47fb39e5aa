// Takes what the server answered to a step, and whether the run was interrupted; gives what that means. Pure, over one
// table: it knows neither sessions nor how the step was sent.
import { MigrateError } from '../base/errors.ts';
import type { BatchResult } from '../connection/simple-query.ts';
import { isPassing } from './retry.ts';
import type { Answer } from './transport.ts';

/** How one of the two batches of a step ended. */
type Reply = 'done' | 'refused' | 'lock conflict' | 'session lost';

/** An answer without its details. */
export interface Facts {
  readonly file: Reply | 'left its transaction' | 'not sent';
  /** `not heard`: not sent, or the file's answer says enough. */
  readonly recording: Reply | 'guard failed' | 'not heard';
  readonly commitSent: boolean;
  readonly interrupted: boolean;
}

export type Verdict =
  /** The step counts. */
  | 'recorded'
  /** PostgreSQL refused a statement of the file. */
  | 'refused by the file'
  /** PostgreSQL refused what records the step, or a deferred constraint did not hold. */
  | 'refused by the recording'
  /** A lock was not granted in time, or a deadlock or serialization failure: another attempt may succeed. */
  | 'lock conflict'
  /** No COMMIT was sent, so that the server rolls the step back. */
  | 'session lost'
  /** The session was lost with a COMMIT under way. */
  | 'COMMIT unanswered'
  /** The transaction that was opened for the step, or the run lock, is not ours any more. */
  | 'guard failed'
  /** A signal ended the run, and the step does not count. */
  | 'interrupted';

const any = null;

/** What file and recording say together, whatever else is known; the first row that fits counts. */
const table: readonly (readonly [Facts['file'] | null, Facts['recording'] | null, Verdict])[] = [
  ['not sent', any, 'interrupted'],
  ['refused', any, 'refused by the file'],
  ['lock conflict', any, 'lock conflict'],
  ['session lost', any, 'session lost'],
  [any, 'done', 'recorded'],
  [any, 'refused', 'refused by the recording'],
  [any, 'lock conflict', 'lock conflict'],
  [any, 'session lost', 'session lost'],
  [any, 'guard failed', 'guard failed'],
  ['left its transaction', 'not heard', 'guard failed'],
  // Nothing else keeps the recording of a file that ran from being sent.
  ['done', 'not heard', 'interrupted'],
];

/** After these nothing of the step is left, so that a signal is the better reason to name. */
const rolledBack: ReadonlySet<Verdict> = new Set([
  'refused by the file',
  'refused by the recording',
  'lock conflict',
  'session lost',
]);

/** What the facts mean; there is a verdict for every combination. */
export function verdictOf({ file, recording, commitSent, interrupted }: Facts): Verdict {
  const row = table.find(([of, and]) => (of === any || of === file) && (and === any || and === recording));
  const verdict = row?.[2] ?? 'guard failed';
  if (verdict === 'session lost' && commitSent) return 'COMMIT unanswered';
  return interrupted && rolledBack.has(verdict) ? 'interrupted' : verdict;
}

/** An answer as facts. */
export function factsOf({ file, recording, commitSent }: Answer, interrupted: boolean): Facts {
  return {
    file: file === null ? 'not sent' : fileFact(file),
    recording:
      recording === null ? 'not heard' : recording.guardFailed ? 'guard failed' : replyOf(recording.result),
    commitSent,
    interrupted,
  };
}

function fileFact(result: BatchResult): Facts['file'] {
  const reply = replyOf(result);
  return reply === 'done' && result.transactionStatus !== 'T' ? 'left its transaction' : reply;
}

function replyOf({ error }: BatchResult): Reply {
  if (error === null) return 'done';
  if (error instanceof MigrateError) return 'session lost';
  return isPassing((error as { code?: string }).code) ? 'lock conflict' : 'refused';
}
