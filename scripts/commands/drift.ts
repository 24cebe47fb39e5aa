// drift: the live schema against what the last run left behind; --accept and --write settle what differs.

import { MigrateError } from '../base/errors.ts';
import { refuseOtherEnvironment } from '../config/binding.ts';
import { type ConfirmFlags, refuseUnconfirmed } from '../config/protection.ts';
import { acceptDrift } from '../drift/accept.ts';
import { checkDrift, readFingerprint } from '../drift/check.ts';
import { parseRenames } from '../drift/renames.ts';
import { driftJson, driftLines } from '../drift/report.ts';
import { writeDrift } from '../drift/write.ts';
import { normaliseName } from '../files/version.ts';
import { refuseHalfDone } from '../history/half-done.ts';
import { withHistory } from '../history/recording.ts';
import { withTarget } from '../history/with-target.ts';
import { halfDoneLine } from '../ledger/half-done.ts';
import { readHistory, readState } from '../ledger/ledger.ts';
import type { Command, CommandInput, CommandResult } from '../report/command.ts';
import { sayNotes } from '../scratch/notes.ts';

export interface DriftFlags extends ConfirmFlags {
  readonly accept?: boolean;
  readonly write?: string;
  readonly rename?: readonly string[];
  readonly reason?: string;
}

export const drift: Command<DriftFlags> = async (input) => {
  const { config, flags } = input;
  const { accept, write, reason, rename } = flags;
  if (accept && write !== undefined)
    throw new MigrateError('usage', '--accept and --write are two ways out: choose one');
  if (accept && (reason ?? '').trim() === '')
    throw new MigrateError('usage', 'What is accepted is recorded with its reason: give --reason "…"');
  if (reason !== undefined && !accept && write === undefined)
    throw new MigrateError('usage', '--reason belongs to --accept or --write');
  if (rename !== undefined && write === undefined)
    throw new MigrateError('usage', '--rename belongs to --write', {
      hint: 'npm run migrate:drift -- --write <name> --rename old=new',
    });
  const renames = parseRenames(rename ?? []);
  if (!accept && write === undefined) return show(input);
  const name = write === undefined ? '' : normaliseName(write);
  refuseUnconfirmed(config, flags);
  return withHistory(input, (context) => {
    if (accept) return acceptDrift(context, reason ?? '');
    // What a half-done migration did is none of what somebody changed by hand.
    refuseHalfDone(context.history.statuses, [], 'no other migration is written beside it');
    sayNotes(input.progress.say);
    return writeDrift(context, name, { reason, renames });
  });
};

async function show(input: CommandInput<DriftFlags>): Promise<CommandResult> {
  const { config } = input;
  return withTarget(input, async (session) => {
    const history = await readHistory(session, config, await readState(session, config));
    refuseOtherEnvironment(config, history.environment);
    const check = await checkDrift(session, config, history);
    const fingerprint = await readFingerprint(session, check);
    return {
      document: { ...driftJson(check), fingerprint },
      lines: [...history.halfDone.map(halfDoneLine), ...driftLines(check, config.verbose)],
      verdict: check.state === 'drifted' ? 'drift' : null,
    };
  });
}
