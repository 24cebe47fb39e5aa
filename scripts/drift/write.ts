// Takes drift
import type { CommandResult } from '../command.ts';
import type { HistoryWork } from '../recording.ts';

export async function writeDrift(
  _context: HistoryWork,
  _name: string,
  _reason?: string,
): Promise<CommandResult> {
  throw new Error('not written yet');
}
