// Takes a session and the migrations that take something away; gives the sessions of older releases that still use the
// database, waits for their end, or refuses. Only releases whose sessions carry the gate's name are known.
import { formatDuration } from '../base/duration.ts';
import { MigrateError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import { historyTag, parseReleaseName } from '../gate/release-name.ts';
import { trackingName } from '../ledger/ledger.ts';
import type { CommandInput } from '../report/command.ts';

interface OlderSession {
  readonly pid: number;
  readonly name: string;
  readonly user: string;
}

const pollMs = 1000;

/** Sessions of releases that are older than the migration with this version, as the gate's names tell them. */
async function olderSessions(session: Session, config: Config, version: string): Promise<OlderSession[]> {
  const rows = await session.query<{ pid: number; name: string; user: string }>(
    `SELECT pid, application_name AS name, coalesce(usename::text, '') AS "user" FROM pg_catalog.pg_stat_activity
      WHERE datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid()
        AND application_name LIKE '%release %' ORDER BY backend_start, pid`,
  );
  const tag = historyTag(trackingName(config.trackingTable));
  return rows.filter(({ name }) => {
    const release = parseReleaseName(name);
    return release !== null && release.history === tag && release.version < version;
  });
}

/** @throws MigrateError `refused` naming sessions of older releases, where there are any */
export async function refuseOlderReleases(session: Session, config: Config, version: string): Promise<void> {
  const sessions = await olderSessions(session, config, version);
  if (sessions.length === 0) return;
  throw new MigrateError(
    'refused',
    `An older release is still running: ${sessions.length === 1 ? 'a session' : `${sessions.length} sessions`} of it would lose what it needs`,
    {
      problems: sessions.slice(0, 20).map(({ pid, name, user }) => `pid ${pid}, user ${user}: ${name}`),
      hint: 'Wait until its last instance has ended, then run the same command again; wait=10min (--wait 10min) waits for that.',
      state: 'Nothing was changed.',
    },
  );
}

/**
 * Waits up to `ms` for the end of older releases; the run lock must not be held, for an older release that restarts needs it.
 * @throws MigrateError `refused` as `refuseOlderReleases` when the time is over, `interrupted` or `terminated` on a signal
 */
export async function waitForOlderReleases(
  { config, progress, signal }: Pick<CommandInput<unknown>, 'config' | 'progress' | 'signal'>,
  session: Session,
  version: string,
  ms: number,
): Promise<void> {
  const deadline = performance.now() + ms;
  for (let first = true; ; first = false) {
    const sessions = await olderSessions(session, config, version);
    if (sessions.length === 0) return;
    if (performance.now() >= deadline) return refuseOlderReleases(session, config, version);
    const names = [...new Set(sessions.map(({ name }) => name))].slice(0, 3).join(', ');
    const line = `Waiting up to ${formatDuration(ms)} for ${sessions.length === 1 ? 'a session' : `${sessions.length} sessions`} of an older release: ${names}`;
    if (first) progress.say(line);
    else progress.live(line);
    await pause(signal);
  }
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, pollMs);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
