// Takes a database whose schema was changed by hand; writes the change as a new migration, so that the other
// environments receive it, and records it as applied here when nothing of it is left for a person to write.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { shownPath } from '../base/paths.ts';
import { refuseLinkOut } from '../base/project-file.ts';
import { withoutSecrets } from '../base/redact.ts';
import type { Migration } from '../base/types.ts';
import { checksum } from '../files/decode.ts';
import { readDirectives } from '../files/directives.ts';
import { nextVersion } from '../files/version.ts';
import { type HistoryWork, writeHistory } from '../history/recording.ts';
import { entrySql, type NewEntry } from '../ledger/entries.ts';
import { parseObjects, storedObjectsSql } from '../ledger/snapshot.ts';
import { trackSql } from '../ledger/tracking.ts';
import type { CommandResult } from '../report/command.ts';
import { count } from '../report/human.ts';
import { describeDifference } from '../schema/change/diff.ts';
import type { Likeness, Renamed } from '../schema/change/likeness-pairs.ts';
import { withoutTables } from '../schema/change/managed.ts';
import { readRole } from '../schema/render/read.ts';
import { checkDrift, type DriftCheck } from './check.ts';
import { queryOf, readLiveObjects } from './live.ts';
import { withoutMachinery } from './machinery.ts';
import { failureAmongFiles, type Proof, prove } from './proof.ts';
import { refuseUnfit, renameFlag } from './renames.ts';
import { differenceLines, driftJson } from './report.ts';
import { forServer } from './scratch.ts';
import { snapshotStatements } from './snapshot.ts';
import { findWays, type Ways } from './way.ts';
import { type Pair, pairText, readingsText } from './write-text.ts';

/** @throws MigrateError `drift` where the state is unknown: then there is nothing to compare with */
export async function writeDrift(
  context: HistoryWork,
  name: string,
  { reason, renames }: { reason: string | undefined; renames: readonly Renamed[] },
): Promise<CommandResult> {
  const { session, config, history } = context;
  const check = await checkDrift(session, config, history);
  if (check.state === 'none')
    return {
      document: { ...driftJson(check), files: [], recorded: false },
      lines: ['Nothing to write: no drift'],
    };
  if (check.state === 'unknown') throw cannotTell(check);
  const { stored, live, ways } = await readWays(context, check, renames);
  refuseUnfit(renames, ways.found);
  const way = ways.renamed ?? ways.direct;
  const complete = way.up.unfinished.length + way.down.unfinished.length === 0;
  const claim = { stored, live, up: way.up.statements, down: way.down.statements };
  const own = forServer(config, session.major);
  const alone = complete ? await prove(own, queryOf(session), check.options, claim) : null;
  const version = chooseVersion(context);
  const id = `${version}_${name}`;
  const written = (proof: Proof | null) =>
    ways.doubtful.length > 0 ? readingsText(check, ways, proof) : pairText(check, way, proof);
  const draft = written(alone);
  const among = draft.finished
    ? await failureAmongFiles(own, context.migrations, asMigration(context, id, draft))
    : null;
  const proof = among ?? alone;
  const pair = among === null ? draft : written(proof);
  const files = writeFiles(context, id, pair);
  const recorded = pair.finished;
  if (recorded)
    await record(context, check, { id, version, name, ...pair }, reason).catch((error: unknown) => {
      for (const file of files) rmSync(join(config.root, file), { force: true });
      throw error;
    });
  const open = [pair.up, pair.down].some((text) => withoutSecrets(text) !== text);
  return result(check, { id, version, name, files, open }, { recorded, proof, ways });
}

function cannotTell({ reason }: DriftCheck): MigrateError {
  return new MigrateError('drift', `There is nothing to compare the schema with: ${reason}`, {
    hint: 'Run make migrate-up, or record today’s schema as right: npm run migrate:drift -- --accept --reason "…"',
    state: 'Nothing was changed.',
  });
}

async function readWays(
  { session, config }: HistoryWork,
  { options }: DriftCheck,
  renames: readonly Renamed[],
) {
  const rows = await session.query<{ class: string; objects: string }>(storedObjectsSql());
  const sides = {
    expected: withoutTables(parseObjects(rows), options.tracking),
    live: await readLiveObjects(session, options),
  };
  const { expected: stored, live } = withoutMachinery(sides, config.project.drift?.partitions);
  const query = queryOf(session);
  const found = { stored, live, renames, reader: await readRole(query) };
  return { stored, live, ways: await findWays(config, query, options, found) };
}

/** Between what is applied and what is pending, so that neither comes out of order. */
function chooseVersion({ config, history, migrations }: HistoryWork): string {
  const files = readdirSync(config.directory);
  const newest = history.applied.at(-1)?.id ?? '';
  const pending = migrations.find(({ id }) => id > newest);
  if (pending === undefined || newest === '') return nextVersion([...files, `${newest}_`], new Date());
  const between = nextVersion([`${newest}_`], new Date(0));
  return between < pending.version ? between : nextVersion(files, new Date());
}

function asMigration({ config }: HistoryWork, id: string, { up, down }: Pair): Migration {
  const [version = '', name = ''] = [id.slice(0, 14), id.slice(15)];
  const side = (direction: 'up' | 'down', text: string) => ({
    path: shownPath(config.root, join(config.directory, `${id}.${direction}.sql`)),
    text,
    checksum: checksum(text),
    directives: readDirectives(text, direction).directives,
  });
  return { id, version, name, up: side('up', up), down: side('down', down) };
}

/** @returns the paths, as shown to people */
function writeFiles({ config }: HistoryWork, id: string, pair: Pair): string[] {
  const { root, directory } = config;
  refuseLinkOut(root, directory);
  mkdirSync(directory, { recursive: true });
  return (['up', 'down'] as const).map((direction) => {
    const path = join(directory, `${id}.${direction}.sql`);
    writeFileSync(path, pair[direction], { flag: 'wx' });
    return shownPath(root, path);
  });
}

async function record(
  context: HistoryWork,
  { options }: DriftCheck,
  { id, version, name, up, down }: Pair & { id: string; version: string; name: string },
  reason: string | undefined,
): Promise<void> {
  const { config, provenance } = context;
  const entry: NewEntry = {
    id,
    version,
    name,
    direction: 'up',
    kind: 'repaired',
    upSql: up,
    downSql: down,
    upChecksum: checksum(up),
    downChecksum: checksum(down),
    durationMs: 0,
    reason: `written from a change made by hand${reason === undefined ? '' : `: ${reason}`}`,
  };
  await writeHistory(context, [
    trackSql(config.trackingTable, id),
    entrySql(entry, config.trackingTable, provenance),
    ...snapshotStatements(config, options),
  ]);
}

interface Written {
  readonly id: string;
  readonly version: string;
  readonly name: string;
  readonly files: readonly string[];
  /** Whether they hold what looks like a secret, as the catalogs do. */
  readonly open: boolean;
}

interface WrittenWay {
  readonly recorded: boolean;
  readonly proof: Proof | null;
  readonly ways: Ways;
}

function result(
  check: DriftCheck,
  { id, version, name, files, open }: Written,
  { recorded, proof, ways }: WrittenWay,
): CommandResult {
  const document = { ...driftJson(check), version, name, files, recorded, proven: proof?.state === 'proven' };
  const lines = [
    ...files.map((file) => `Created ${file}`),
    ...differenceLines(check.differences, false).map((line) => `  ${line}`),
    ...(open
      ? ['  What looks like a secret stands in them, as in the catalogs: take it out before you commit']
      : []),
  ];
  if (!recorded)
    return {
      document,
      lines: [
        ...lines,
        ...leftOpen(ways, proof).map((line) => `  ${line}`),
        `A person must finish ${id}; it is not recorded as applied. When it is right: npm run migrate:repair -- --record ${version}=applied --reason "…", then npm run migrate:drift -- --accept --reason "…"`,
      ],
    };
  const tried =
    proof?.state === 'proven'
      ? 'tried up and down on a scratch database'
      : `not tried out: ${proof?.problems[0] ?? ''}`;
  const { fails } = (ways.renamed ?? ways.direct).up;
  return {
    document,
    lines: [
      ...lines,
      ...fails.map((when) => `  Elsewhere it fails, and changes nothing, ${when}`),
      `Recorded ${id} as applied here (${count(check.differences.length, 'difference')}; ${tried}). Look at both files, then commit them.`,
    ],
    wrote: true,
  };
}

/** How a person says that it was a renaming; what was moved to another table has no such word. */
function renameHint(doubtful: readonly Likeness[]): string[] {
  const flags = doubtful.filter(({ rename }) => rename.length > 0).map(renameFlag);
  if (flags.length === 0) return [];
  return [
    `What was renamed can be said: delete the two files, then npm run migrate:drift -- --write <name> ${flags.join(' ')}`,
  ];
}

/** Why a person must go on. */
function leftOpen({ direct, renamed, doubtful }: Ways, proof: Proof | null): string[] {
  const { up, down } = renamed ?? direct;
  return [
    ...doubtful.map(
      ({ gone, came }) =>
        `Renamed, or dropped and made anew? ${gone} went, ${came} came: both readings are in the files`,
    ),
    ...renameHint(doubtful),
    ...new Set(
      [...up.unfinished, ...down.unfinished].map(
        ({ difference, why }) => `${describeDifference(difference)}: ${why}`,
      ),
    ),
    ...(proof?.state === 'failed' ? proof.problems : []),
  ];
}
