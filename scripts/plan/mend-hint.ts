// Takes a step that failed because of its text, and the command that ran it; gives what to type so that the mended text is
// what runs. Pure.
import { isAfterDeploy } from './after-deploy.ts';
import type { ReadyStep } from './steps.ts';

/** What to type to run the step, or to go on with it. */
export function commandOf({
  direction,
  source,
  migration,
}: Pick<ReadyStep, 'direction' | 'source' | 'migration'>): string {
  if (direction === 'down') return source === 'disk' ? downFromDisk : 'make migrate-down';
  return migration !== null && isAfterDeploy(migration)
    ? 'make migrate-up after_deploy=1'
    : 'make migrate-up';
}

/**
 * What to type when a step stopped half-way and goes on where it stopped.
 * @param where as "at statement 2"
 * @param ran what of the text must stay as it is, as "below the statements that ran"; null where all of it may change
 */
export function resumeHint(step: ReadyStep, where: string, ran: string | null): string {
  const again = `Mend the cause, then run ${commandOf(step)} again: it goes on ${where}.`;
  if (step.source !== 'ledger') return again;
  const file = step.migration?.down.path;
  const kept = ran === null ? '' : ` ${ran}`;
  if (file !== undefined && step.note !== undefined)
    return `${file} is another text than what failed, which the ledger keeps: ${downFromDisk} goes on with the file ${where}. Where the cause is in the database, mend it there, then run ${commandOf(step)} again.`;
  const change =
    file === undefined ? `put the pair back, change its .down.sql${kept}` : `change ${file}${kept}`;
  return `${again} That is the text that the ledger keeps: to run another from there on, ${change}, then ${downFromDisk}.`;
}

/** @param command as in Config: `up`, `down`, `redo` */
export function mendHint(step: ReadyStep, command: string, file: string = step.path): string {
  if (step.direction === 'up')
    return `Mend ${file}, then run ${command === 'redo' ? 'make migrate-redo' : commandOf(step)} again.`;
  if (command === 'redo') {
    const kept = step.ledgerDiffers
      ? ' If what the ledger keeps is what belongs to the database: make migrate-down runs that, then make migrate-up.'
      : '';
    return `Mend ${file}, then run make migrate-redo again.${kept}`;
  }
  if (step.source === 'disk') return `Mend ${file}, then run ${downFromDisk} again.`;
  const disk = step.migration?.down;
  if (disk === undefined)
    return `This is the text that the ledger keeps; its files are not on disk. Put the pair back, mend its .down.sql, then run ${downFromDisk}.`;
  return step.note === undefined
    ? `Mend ${disk.path}, then run ${downFromDisk}: without from_disk=1 the text that the ledger keeps would run again.`
    : `What failed is the text that the ledger keeps; ${disk.path} is another one: ${downFromDisk} runs that.`;
}

const downFromDisk = 'make migrate-down from_disk=1';
