// verify: on a scratch database, every up, its down, its up again; each down must restore the schema.
import type { Finding, Migration } from '../base/types.ts';
import { schemaOptions } from '../drift/options.ts';
import { loadForReview } from '../history/load-migrations.ts';
import type { Command } from '../report/command.ts';
import { failing, formatFindings, summariseFindings } from '../report/findings.ts';
import { count, type Style } from '../report/human.ts';
import { sayNotes } from '../scratch/notes.ts';
import { type RangeFlags, reviewRange } from '../scratch/review-range.ts';
import { readSeedRows } from '../verify/read-seed-rows.ts';
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
    progress.say(`  ${migration.id} ${verdictOn(found, progress.style)}`);
  };
  sayNotes(progress.say);
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

/** Behind the name of each migration. */
function verdictOn(found: readonly Finding[], style: Style): string {
  const bad = found.filter(({ severity }) => severity !== 'info').length;
  if (bad > 0) return style.red(count(bad, 'finding'));
  return found.length > 0 ? `skipped: ${found[0]?.rule}` : style.green('ok');
}
