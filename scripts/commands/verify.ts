// verify: on a scratch database, every up, its down, its up again; each down must restore the schema.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import type { Finding, Migration, SqlFile } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import { schemaOptions } from '../drift/options.ts';
import { checksum, decode } from '../files/decode.ts';
import { loadForReview } from '../history/load-migrations.ts';
import type { Command } from '../report/command.ts';
import { failing, formatFindings, summariseFindings } from '../report/findings.ts';
import { count } from '../report/human.ts';
import { type RangeFlags, reviewRange } from '../scratch/review-range.ts';
import { verifyMigrations } from '../verify/verify.ts';

export interface VerifyFlags extends RangeFlags {
  readonly strict?: boolean;
}

export const verify: Command<VerifyFlags> = async ({ config, flags, progress, signal }) => {
  const migrations = await loadForReview(config, progress.warn);
  const range = await reviewRange(config, migrations, flags, true);
  const seedRows = readSeedRows(config, migrations);
  progress.say(`Verifying ${count(range.underReview.length)} (${range.reason}): up, down, up`);
  const { withScratchServer } = await import('../scratch/scratch-server.ts');
  let reached = 0;
  const onMigration = (migration: Migration, found: readonly Finding[]) => {
    reached += 1;
    const bad = found.filter(({ severity }) => severity !== 'info').length;
    const verdict =
      bad > 0
        ? progress.style.red(count(bad, 'finding'))
        : found.length > 0
          ? `skipped: ${found[0]?.rule}`
          : progress.style.green('ok');
    progress.say(`  ${migration.id} ${verdict}`);
  };
  const request = {
    earlier: range.earlier,
    underReview: range.underReview,
    seedRows,
    onMigration,
    signal,
    postgres: config.postgres,
    options: schemaOptions(config),
  };
  const findings =
    range.underReview.length === 0
      ? []
      : await withScratchServer(config, (server) => verifyMigrations(server, request));
  const unreached = range.underReview.length - reached;
  return {
    document: { findings },
    lines: [
      ...formatFindings(findings, progress.style),
      ...(unreached > 0 ? [`${count(unreached)} after it could not be verified: they build on it`] : []),
      `Verified ${count(reached)}: ${summariseFindings(findings)}`,
    ],
    verdict: failing(findings, flags.strict ?? false) ? 'findings' : null,
  };
};

/** Optional rows by version, `db/probe/<version>.sql` beside the migrations directory. */
function readSeedRows(config: Config, migrations: readonly Migration[]): Map<string, SqlFile> {
  const directory = join(dirname(config.directory), 'probe');
  const seedRows = new Map<string, SqlFile>();
  for (const name of existsSync(directory)
    ? readdirSync(directory).filter((entry) => entry.endsWith('.sql'))
    : []) {
    const version = name.replace(/\.sql$/, '');
    const path = relative(config.root, join(directory, name));
    if (!migrations.some((migration) => migration.version === version)) {
      throw new MigrateError('usage', `${path} belongs to no migration: name it <version>.sql`);
    }
    const { text, faults } = decode(readFileSync(join(directory, name)));
    const [fault] = faults;
    if (fault !== undefined) throw new MigrateError('usage', `${path}:${fault.line}: ${fault.message}`);
    seedRows.set(version, {
      path,
      text,
      checksum: checksum(text),
      directives: { noTransaction: false, allow: [] },
    });
  }
  return seedRows;
}
