// lint --fix: replaces pending files by the series that lint advises, then lints and verifies what it wrote.
// What it replaces must be committed: git is where the original stays.
import { existsSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { shownPath } from '../base/paths.ts';
import { refuseLinkOut, writeProjectFile } from '../base/project-file.ts';
import type { Direction, Finding, Migration } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import { schemaOptions } from '../drift/options.ts';
import { notCommitted } from '../files/changed-since.ts';
import { readDirectives } from '../files/directives.ts';
import { loadForReview } from '../history/load-migrations.ts';
import { type Fix, fixMigration } from '../lint/fix.ts';
import { type NewPair, namePairs } from '../lint/fix-files.ts';
import { reviewMigrations } from '../lint/review.ts';
import type { CommandInput, CommandResult } from '../report/command.ts';
import { failing, formatFindings, summariseFindings } from '../report/findings.ts';
import { count } from '../report/human.ts';
import type { ReviewRange } from '../scratch/review-range.ts';
import { withScratchClient } from '../scratch/with-scratch.ts';
import { readSeedRows } from '../verify/read-seed-rows.ts';
import { trySeriesWithRows } from '../verify/series.ts';
import { verifyMigrations } from '../verify/verify.ts';

interface FixFlags {
  readonly strict?: boolean;
  readonly dryRun?: boolean;
}

/** @throws MigrateError `refused` where a file to be replaced or renamed is not as git has it */
export async function lintFix(input: CommandInput<FixFlags>, range: ReviewRange): Promise<CommandResult> {
  const { config, flags, progress } = input;
  progress.say(`Reviewing ${count(range.underReview.length)} (${range.reason})`);
  const all = await collect(config, range);
  const refused = all.filter((fix) => fix.refused !== undefined);
  for (const { migration, refused: why } of refused)
    progress.warn(`${migration.up.path} is left as it is: ${why}`);
  const fixes = all.filter((fix) => fix.refused === undefined);
  if (fixes.length === 0)
    return {
      document: { fixed: [], findings: [] },
      lines: ['Nothing was replaced: no file has a series that is advised'],
      verdict: null,
    };
  const fixed = new Set(fixes.map(({ migration }) => migration));
  const first = range.underReview.findIndex((migration) => fixed.has(migration));
  const pairs = namePairs(range.underReview.slice(first), fixes);
  const shown = pairs.flatMap((pair) => describe(config, pair));
  const document = { fixed: fixes.map(({ migration }) => migration.id), files: pairs.map(({ id }) => id) };
  if (flags.dryRun === true)
    return {
      document: { ...document, findings: [] },
      lines: [...shown, `Would replace ${count(fixes.length)}. Nothing was changed.`],
      verdict: null,
    };
  await demandCommitted(config, pairs);
  write(config, pairs);
  return check(input, document, fixes, pairs);
}

/** The series of every migration under review that has one. */
async function collect(config: Config, range: ReviewRange): Promise<readonly Fix[]> {
  const fixes: Fix[] = [];
  const settings = config.project.lint ?? {};
  await withScratchClient(
    config,
    (scratch) =>
      reviewMigrations({
        ...range,
        settings,
        postgres: config.postgres,
        scratch,
        onReviewed: (migration, steps, complaints) => {
          const fix = fixMigration(migration, steps, complaints, settings.rules);
          if (fix !== null) fixes.push(understood(fix));
        },
      }),
    settings.timeZone,
  );
  return fixes;
}

/** A file that this version would not read is not written. */
function understood(fix: Fix): Fix {
  const [problem] = fix.pairs.flatMap(({ up, down }) => [
    ...readDirectives(up, 'up').problems,
    ...readDirectives(down, 'down').problems,
  ]);
  return problem === undefined ? fix : { ...fix, pairs: [], refused: problem.message };
}

const directions: readonly Direction[] = ['up', 'down'];

function pathOf(config: Config, id: string, direction: Direction): string {
  return join(config.directory, `${id}.${direction}.sql`);
}

/** The files as they will be, with their texts. */
function describe(config: Config, { id, from, texts }: NewPair): readonly string[] {
  return directions.flatMap((direction) => {
    const path = shownPath(config.root, pathOf(config, id, direction));
    if (texts === undefined) return [`${from?.[direction].path} → ${path}`];
    return [
      `${from === undefined ? 'new' : 'replaced'} ${path}`,
      ...texts[direction]
        .trimEnd()
        .split('\n')
        .map((line) => `    ${line}`),
    ];
  });
}

async function demandCommitted(config: Config, pairs: readonly NewPair[]): Promise<void> {
  const paths = pairs.flatMap(({ from }) =>
    from === undefined ? [] : directions.map((direction) => from[direction].path),
  );
  const dirty = await notCommitted(config, paths);
  if (dirty !== null && dirty.length === 0) return;
  throw new MigrateError(
    'refused',
    dirty === null
      ? 'There is no git checkout that would keep the files that --fix replaces'
      : `--fix would replace what git does not have: ${dirty.join(', ')}`,
    { hint: 'Commit the files first; --dry-run shows what would be written.', state: 'No file was changed.' },
  );
}

/** Later files move first and from the end, so that no name is in use when it is needed. */
function write(config: Config, pairs: readonly NewPair[]): void {
  refuseLinkOut(config.root, config.directory);
  for (const { id, from } of [...pairs].reverse()) {
    if (from === undefined || from.id === id) continue;
    for (const direction of directions) {
      const old = join(config.root, from[direction].path);
      const path = join(dirname(old), `${id}.${direction}.sql`);
      if (existsSync(path)) throw new MigrateError('usage', `${shownPath(config.root, path)} exists already`);
      renameSync(old, path);
    }
    moveSeedRows(config, from.version, id.slice(0, from.version.length));
  }
  for (const { id, texts } of pairs)
    if (texts !== undefined)
      for (const direction of directions)
        writeProjectFile(config.root, pathOf(config, id, direction), texts[direction]);
}

/** Rows of `db/probe` are found by the version of their migration. */
function moveSeedRows(config: Config, from: string, to: string): void {
  const seedRows = (version: string) => join(dirname(config.directory), 'probe', `${version}.sql`);
  if (from !== to && existsSync(seedRows(from))) renameSync(seedRows(from), seedRows(to));
}

/** What is written is read anew, linted and verified like any other file. */
async function check(
  { config, flags, progress, signal }: CommandInput<FixFlags>,
  document: object,
  fixes: readonly Fix[],
  pairs: readonly NewPair[],
): Promise<CommandResult> {
  const migrations = await loadForReview(config, () => undefined);
  const ids = new Set(pairs.map(({ id }) => id));
  const start = migrations.findIndex(({ id }) => ids.has(id));
  const range = { earlier: migrations.slice(0, start), underReview: migrations.slice(start) };
  const settings = config.project.lint ?? {};
  const left = await withScratchClient(
    config,
    (scratch) => reviewMigrations({ ...range, settings, postgres: config.postgres, scratch }),
    settings.timeZone,
  );
  progress.say(`Verifying ${count(range.underReview.length)}: up, down, up`);
  const verified = await verify(config, range, pairs, signal);
  const findings = [...left, ...verified];
  return {
    document: { ...document, findings },
    lines: [
      ...formatFindings(findings, progress.style),
      `Replaced ${count(fixes.length)} by ${fixes.reduce((sum, fix) => sum + fix.pairs.length, 0)}; what git has is the original. Lint and verify: ${summariseFindings(findings)}`,
    ],
    verdict: failing(findings, flags.strict ?? false) ? 'findings' : null,
  };
}

/** Each file by itself, and each series that replaces a file with rows in db/probe from end to end over those rows. */
async function verify(
  config: Config,
  range: { earlier: readonly Migration[]; underReview: readonly Migration[] },
  pairs: readonly NewPair[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const all = [...range.earlier, ...range.underReview];
  const seedRows = readSeedRows(config, all);
  const { postgres } = config;
  const { withScratchServer } = await import('../scratch/scratch-server.ts');
  return withScratchServer(config, async (server) => {
    const findings = await verifyMigrations(server, {
      ...range,
      seedRows,
      postgres,
      signal,
      options: schemaOptions(config),
    });
    for (const series of seriesOf(all, pairs)) {
      const rows = seedRows.get(series[0]?.version ?? '');
      const [first] = series;
      if (rows === undefined || first === undefined) continue;
      const earlier = all.slice(0, all.indexOf(first));
      findings.push(...(await trySeriesWithRows(server, { earlier, series, seedRows: rows, postgres })));
    }
    return findings;
  });
}

/** The migrations that took the place of one, for each that several took the place of. */
function seriesOf(all: readonly Migration[], pairs: readonly NewPair[]): readonly (readonly Migration[])[] {
  const series: Migration[][] = [];
  for (const { id, from } of pairs) {
    const migration = all.find((one) => one.id === id);
    if (migration === undefined) continue;
    if (from !== undefined) series.push([migration]);
    else series.at(-1)?.push(migration);
  }
  return series.filter(({ length }) => length > 1);
}
