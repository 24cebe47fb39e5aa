// environment: shows which environment the database is stamped as, or writes another name over the stamp.

import { MigrateError } from '../base/errors.ts';
import { refuseWrongTarget } from '../config/binding.ts';
import type { Config } from '../config/config.ts';
import type { ConfirmFlags } from '../config/protection.ts';
import { readProvenance } from '../config/provenance.ts';
import { refuseReadOnly, type Session } from '../connection/session.ts';
import { audited } from '../history/audit.ts';
import { lockWait, withTarget } from '../history/with-target.ts';
import { halfDoneLine } from '../ledger/half-done.ts';
import { readHistory, readState } from '../ledger/ledger.ts';
import { prepareLedger } from '../ledger/prepare.ts';
import { recordAtomically } from '../ledger/record.ts';
import { withRunLock } from '../ledger/run-lock.ts';
import { type Place, readPlace, restampSql } from '../ledger/stamp.ts';
import type { Command, CommandInput, CommandResult } from '../report/command.ts';

export interface EnvironmentFlags extends ConfirmFlags {
  readonly set?: string;
}

export const environment: Command<EnvironmentFlags> = async (input) => {
  const { config, flags } = input;
  const name = flags.set;
  if (name !== undefined) {
    refuseBadName(name);
    refuseWrongTarget(config, name);
  }
  return withTarget(input, async (session) => {
    if (name === undefined) return show(session, config);
    refuseReadOnly(session);
    return audited(input, session, () => restamp(input, session, name));
  });
};

function refuseBadName(name: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/.test(name))
    throw new MigrateError('usage', `--set "${name}" is not an environment name; a right value is staging`);
}

async function show(session: Session, config: Config): Promise<CommandResult> {
  const { environment: stamp, halfDone } = await readHistory(
    session,
    config,
    await readState(session, config),
  );
  const line =
    stamp === null
      ? 'The database has no stamp yet: the first write makes one'
      : `The database is stamped ${stamp}`;
  return { document: { mark: stamp }, lines: [...halfDone.map(halfDoneLine), line] };
}

async function restamp(
  input: CommandInput<EnvironmentFlags>,
  session: Session,
  name: string,
): Promise<CommandResult> {
  const { config, flags, progress } = input;
  return withRunLock(session, config, lockWait(input), async (state) => {
    const history = await readHistory(session, config, state);
    const stamp = history.environment;
    const place = await readPlace(session);
    // Confirmed, the same name is written again where the database has moved.
    if (stamp === name && (flags.confirm === undefined || isSame(history.place, place)))
      return { document: { mark: stamp }, lines: [`The database is stamped ${name} already`] };
    if (flags.confirm !== (stamp ?? name)) throw unconfirmed(stamp, name, flags.confirm);
    progress.say(`Stamping the database ${name}${origin(stamp, name)}`);
    const provenance = { ...(await readProvenance(config, session.encoding)), environment: name };
    await prepareLedger(session, config, history, provenance);
    await recordAtomically({ session }, [restampSql(name, provenance, place)]);
    return {
      document: { mark: name, was: stamp },
      lines: [`The database is stamped ${name}; use MIGRATE_ENV=${name} from now on`],
      wrote: true,
    };
  });
}

const origin = (stamp: string | null, name: string) =>
  stamp === null ? '' : stamp === name ? ' at the place where it is now' : ` instead of ${stamp}`;

function isSame(stamped: Place | null, here: Place): boolean {
  return (
    stamped !== null && (Object.keys(here) as (keyof Place)[]).every((key) => stamped[key] === here[key])
  );
}

function unconfirmed(stamp: string | null, name: string, confirm: string | undefined): MigrateError {
  const is = stamp === null ? 'has no stamp yet' : `is stamped ${stamp}`;
  const said = confirm === undefined ? '' : `, and --confirm says ${confirm}`;
  return new MigrateError('refused', `The database ${is}${said}`, {
    hint: `To stamp it ${name}: make migrate-environment set=${name} confirm=${stamp ?? name}`,
    state: 'Nothing was changed.',
  });
}
