// Takes a Config; gives its migrations, checked in every way that needs no database, or refuses them all at once.

import { grammarOf, majorOf, newestMajor } from '../base/postgres-major.ts';
import type { Migration, SqlFile } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import { connectOnce } from '../connection/connect.ts';
import type { CheckedSql } from '../files/check.ts';
import { type FileProblem, type Loaded, type MigrationList, readMigrations } from '../files/directory.ts';
import { openFileCache } from '../files/file-cache.ts';
import {
  type Described,
  described,
  describeProblem,
  describeSyntax,
  refused,
  syntaxError,
} from '../files/problems.ts';
import { appliedAsTheyAre, type FileFaults } from './file-faults.ts';

/**
 * @throws MigrateError `usage` listing every problem with file and line; `migration-failed` for a file whose only fault is
 * its syntax, reported as the server would
 */
export async function loadMigrations(
  config: Config,
  warn: (text: string) => void,
): Promise<readonly Migration[]> {
  return (await checkMigrations(config, warn)).all();
}

/** The migrations, and which files of applied ones hold what could not be run again. */
export interface CheckedMigrations extends MigrationList {
  readonly faults: FileFaults;
}

/** For `Config.shared`: the files of a run over many databases are read, checked and parsed once. */
export function sharedFiles(): NonNullable<Config['shared']> {
  return { files: null };
}

/** Commands that run nothing pending: a pair that is still to be written is none of their business. */
const runsNothingPending: ReadonlySet<string> = new Set(['down', 'rebase', 'redo', 'status']);

/** Problems of pairs that nobody has written yet, where the command can live with them. */
function unwrittenIn({ command }: Config, { all, problems }: Loaded): ReadonlySet<FileProblem> {
  const empty = problems.filter(({ isEmpty }) => isEmpty);
  if (empty.length === 0 || !runsNothingPending.has(command)) return new Set();
  const files = new Set(empty.map(({ file }) => file));
  const pairs = all().filter(({ up, down }) => files.has(up.path) && files.has(down.path));
  const paths = new Set(pairs.flatMap(({ up, down }) => [up.path, down.path]));
  return new Set(empty.filter(({ file }) => paths.has(file)));
}

/**
 * As `loadMigrations`, with the making of the list left to a moment when there is time for it.
 * @throws MigrateError `usage`, `migration-failed` (a syntax error)
 */
export async function checkMigrations(
  config: Config,
  warn: (text: string) => void,
): Promise<CheckedMigrations> {
  const look = () => check(config, warn, (files) => appliedAsTheyAre(config, files));
  if (config.shared === undefined) return look();
  config.shared.files ??= look();
  return config.shared.files as Promise<CheckedMigrations>;
}

/**
 * As `loadMigrations`, for commands that run none of them: what is wrong in a text is only warned of.
 * @throws MigrateError `usage`
 */
export async function loadForRecording(
  config: Config,
  warn: (text: string) => void,
): Promise<readonly Migration[]> {
  return (await check(config, warn, async (files) => new Set(files.map(({ path }) => path)))).all();
}

async function check(
  config: Config,
  warn: (text: string) => void,
  tolerated: (files: readonly SqlFile[]) => Promise<ReadonlySet<string>>,
): Promise<CheckedMigrations> {
  const cache = openFileCache(config.directory, config.postgres);
  // git keeps no empty folder, and what is to be reverted comes from the ledger.
  const mayBeMissing = config.command === 'down';
  const loaded = readMigrations(config.directory, config.root, cache, mayBeMissing);
  const unwritten = unwrittenIn(config, loaded);
  const found = loaded.problems.filter((problem) => !unwritten.has(problem));
  const { problems, syntaxErrors, reread } = await checkAsServer(config, loaded.unchecked, warn);
  // What only the server's grammar takes is not known to be right for that of db/config.json.
  const keep = (except: ReadonlySet<string>) =>
    cache.keep(
      except.size === 0 ? loaded.read : new Map([...loaded.read].filter(([, { path }]) => !except.has(path))),
    );
  const content = [...found.filter(({ isContent }) => isContent), ...problems];
  const wrong = new Set([...content, ...unwritten].map(({ file }) => file));
  for (const { file } of syntaxErrors) wrong.add(file.path);
  if (wrong.size === 0 && found.length === 0) {
    keep(reread);
    return { ...loaded, faults: new Map() };
  }
  if (found.some(({ isContent }) => !isContent)) throw refused([...found, ...problems], syntaxErrors);
  const files = loaded.unchecked.filter(({ path }) => wrong.has(path));
  const faulty = content.length + syntaxErrors.length > 0;
  const applied = faulty ? await tolerated(files) : new Set<string>();
  const left = content.filter(({ file }) => !applied.has(file));
  const leftErrors = syntaxErrors.filter(({ file }) => !applied.has(file.path));
  if (left.length > 0) throw refused(left, leftErrors);
  if (leftErrors.length > 0) throw await syntaxError(leftErrors, config.postgres);
  keep(new Set([...wrong, ...reread]));
  const warned = described(content, syntaxErrors).filter(({ path }) => applied.has(path));
  for (const { problem } of warned)
    warn(`${problem} (a warning only: nothing of this file is run, it is applied or recorded as it is)`);
  return { ...loaded, faults: faultsOf(files, [...warned, ...described([...unwritten], [])]) };
}

function faultsOf(files: readonly SqlFile[], described: readonly Described[]): FileFaults {
  const checksums = new Map(files.map(({ path, checksum }) => [path, checksum]));
  return new Map(
    described.map(({ path, problem }) => [path, { checksum: checksums.get(path) ?? '', problem }]),
  );
}

/**
 * For commands whose results are findings: what is wrong with the syntax of a file is one of those, and hides no others.
 * @throws MigrateError `usage` listing every other problem
 */
export async function loadForReview(
  config: Config,
  warn: (text: string) => void,
): Promise<readonly Migration[]> {
  const cache = openFileCache(config.directory, config.postgres);
  const { all, unchecked, problems } = readMigrations(config.directory, config.root, cache);
  const checked = await checkUnknown(unchecked, config.postgres);
  const found = [...problems, ...checked.problems];
  if (found.length === 0) return all();
  const wrong = new Set(found.map(({ file }) => file));
  const applied = problems.some(({ isContent }) => !isContent)
    ? new Set<string>()
    : await appliedAsTheyAre(
        config,
        unchecked.filter(({ path }) => wrong.has(path)),
      );
  const left = found.filter(({ file }) => !applied.has(file));
  if (left.length > 0) throw refused(left, checked.syntaxErrors);
  for (const problem of found) warn(`${describeProblem(problem)} (a warning only: it is applied as it is)`);
  return all();
}

/** Without the parser where no file has to be looked at, which is what most runs find. */
async function checkUnknown(files: readonly SqlFile[], major: number): Promise<CheckedSql> {
  if (files.length === 0) return { problems: [], syntaxErrors: [] };
  const { checkSql } = await import('../files/check.ts');
  return checkSql(files, major);
}

interface CheckedAsServer extends CheckedSql {
  /** Paths of files that the grammar of db/config.json refuses and the server's was asked about. */
  readonly reread: ReadonlySet<string>;
}

/**
 * The grammar is that of `postgres` in db/config.json; where the server is of another major version, its own counts, and
 * on one newer than the newest known here the server itself: then the parser only warns.
 */
async function checkAsServer(
  config: Config,
  files: readonly SqlFile[],
  warn: (text: string) => void,
): Promise<CheckedAsServer> {
  const checked = await checkUnknown(files, config.postgres);
  const refused = checked.syntaxErrors.map(({ file }) => file);
  const server = refused.length === 0 ? null : await serverMajor(config);
  const isNewer = server !== null && server > newestMajor;
  if (server === null || (grammarOf(server) === grammarOf(config.postgres) && !isNewer))
    return { ...checked, reread: new Set() };
  const reread = new Set(refused.map(({ path }) => path));
  const { problems, syntaxErrors } = await checkUnknown(refused, server);
  for (const error of isNewer ? syntaxErrors : [])
    warn(
      `${describeSyntax(error)} (in PostgreSQL ${newestMajor}; this server is newer and has the last word)`,
    );
  return {
    problems: [...checked.problems.filter(({ file }) => !reread.has(file)), ...problems],
    syntaxErrors: isNewer ? [] : syntaxErrors,
    reread,
  };
}

/** Looks once and briefly; null where the server does not answer: then the error stands as it is. */
async function serverMajor({ target }: Config): Promise<number | null> {
  if (target === undefined) return null;
  try {
    const client = await connectOnce(target, { applicationName: 'migrate version', timeoutMs: 2000 });
    const { rows } = await client.query<{ server_version_num: string }>('SHOW server_version_num');
    await client.end();
    return majorOf(Number(rows[0]?.server_version_num));
  } catch {
    return null;
  }
}
