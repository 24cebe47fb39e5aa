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
export function checkMigrations(config: Config, warn: (text: string) => void): Promise<CheckedMigrations> {
  return check(config, warn, (files) => appliedAsTheyAre(config, files));
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

/** What stands in the files, which is the same whatever the target. */
interface ReadFiles extends Loaded {
  /** Those of pairs that the command can leave to be written. */
  readonly unwritten: ReadonlySet<FileProblem>;
  /** Held against a grammar; the answer for each version is kept. */
  checkedBy(major: number): Promise<CheckedSql>;
}

async function readFiles(config: Config): Promise<ReadFiles> {
  const cache = openFileCache(config.directory, config.postgres);
  // git keeps no empty folder, and what is to be reverted comes from the ledger.
  const mayBeMissing = config.command === 'down';
  const loaded = readMigrations(config.directory, config.root, cache, mayBeMissing);
  const unwritten = unwrittenIn(config, loaded);
  const problems = loaded.problems.filter((problem) => !unwritten.has(problem));
  const checked = await checkUnknown(loaded.unchecked, config.postgres);
  const wrong = wrongPaths([...loaded.problems, ...checked.problems], checked);
  if (problems.every(({ isContent }) => isContent))
    cache.keep(
      wrong.size === 0 ? loaded.read : new Map([...loaded.read].filter(([, { path }]) => !wrong.has(path))),
    );
  const refusedFiles = checked.syntaxErrors.map(({ file }) => file);
  const answers = new Map([[config.postgres, Promise.resolve(checked)]]);
  const checkedBy = (major: number) => {
    const answer = answers.get(major) ?? checkUnknown(refusedFiles, major);
    answers.set(major, answer);
    return answer;
  };
  return { ...loaded, problems, unwritten, checkedBy };
}

/** Of a run over many databases all share what was read; what it means for each is asked of that database. */
function readOnce(config: Config): Promise<ReadFiles> {
  if (config.shared === undefined) return readFiles(config);
  config.shared.files ??= readFiles(config);
  return config.shared.files as Promise<ReadFiles>;
}

/**
 * For runs over many databases: what is wrong with the files of all, before any is asked.
 * @throws MigrateError `usage` for names, bytes and partners
 */
export async function refuseUnreadable(config: Config): Promise<void> {
  const { problems, checkedBy } = await readOnce(config);
  if (problems.every(({ isContent }) => isContent)) return;
  const { problems: inSql, syntaxErrors } = await checkedBy(config.postgres);
  throw refused([...problems, ...inSql], syntaxErrors);
}

async function check(
  config: Config,
  warn: (text: string) => void,
  tolerated: (files: readonly SqlFile[]) => Promise<ReadonlySet<string>>,
): Promise<CheckedMigrations> {
  const read = await readOnce(config);
  const { count, all, unwritten } = read;
  const { problems, syntaxErrors } = await checkAsServer(config, read, warn);
  if (read.problems.some(({ isContent }) => !isContent))
    throw refused([...read.problems, ...problems], syntaxErrors);
  const content = [...read.problems, ...problems];
  const isFaulty = content.length + syntaxErrors.length > 0;
  if (!isFaulty && unwritten.size === 0) return { count, all, faults: new Map() };
  const wrong = wrongPaths([...content, ...unwritten], { syntaxErrors });
  const files = read.unchecked.filter(({ path }) => wrong.has(path));
  const applied = isFaulty ? await tolerated(files) : new Set<string>();
  const left = content.filter(({ file }) => !applied.has(file));
  const leftErrors = syntaxErrors.filter(({ file }) => !applied.has(file.path));
  if (left.length > 0) throw refused(left, leftErrors);
  if (leftErrors.length > 0) throw await syntaxError(leftErrors, config.postgres);
  const warned = described(content, syntaxErrors).filter(({ path }) => applied.has(path));
  for (const { problem } of warned)
    warn(`${problem} (a warning only: nothing of this file is run, it is applied or recorded as it is)`);
  return { count, all, faults: faultsOf(files, [...warned, ...described([...unwritten], [])]) };
}

function wrongPaths(
  problems: readonly FileProblem[],
  { syntaxErrors }: Pick<CheckedSql, 'syntaxErrors'>,
): ReadonlySet<string> {
  return new Set([...problems.map(({ file }) => file), ...syntaxErrors.map(({ file }) => file.path)]);
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

/**
 * The grammar is that of `postgres` in db/config.json; where the server is of another major version, its own counts, and
 * on one newer than the newest known here the server itself: then the parser only warns.
 */
async function checkAsServer(
  config: Config,
  { checkedBy }: Pick<ReadFiles, 'checkedBy'>,
  warn: (text: string) => void,
): Promise<CheckedSql> {
  const checked = await checkedBy(config.postgres);
  const refusedPaths = new Set(checked.syntaxErrors.map(({ file }) => file.path));
  const server = refusedPaths.size === 0 ? null : await serverMajor(config);
  const isNewer = server !== null && server > newestMajor;
  if (server === null || (grammarOf(server) === grammarOf(config.postgres) && !isNewer)) return checked;
  const { problems, syntaxErrors } = await checkedBy(server);
  for (const error of isNewer ? syntaxErrors : [])
    warn(
      `${describeSyntax(error)} (in PostgreSQL ${newestMajor}; this server is newer and has the last word)`,
    );
  return {
    problems: [...checked.problems.filter(({ file }) => !refusedPaths.has(file)), ...problems],
    syntaxErrors: isNewer ? [] : syntaxErrors,
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
