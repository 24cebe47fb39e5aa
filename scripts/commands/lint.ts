// lint: what each statement would do to a live database, and the safe way to write it. It never touches the target.

import { MigrateError } from '../base/errors.ts';
import { toolVersion } from '../base/paths.ts';
import { writeProjectFile } from '../base/project-file.ts';
import { redactAll } from '../base/secrets.ts';
import { loadForReview } from '../history/load-migrations.ts';
import { reviewMigrations } from '../lint/review.ts';
import { toSarif } from '../lint/sarif.ts';
import type { Command } from '../report/command.ts';
import { failing, formatFindings, summariseFindings } from '../report/findings.ts';
import { count } from '../report/human.ts';
import { sayNotes } from '../scratch/notes.ts';
import { type RangeFlags, reviewRange } from '../scratch/review-range.ts';
import { withScratchClient } from '../scratch/with-scratch.ts';

export interface LintFlags extends RangeFlags {
  readonly strict?: boolean;
  readonly static?: boolean;
  readonly sarif?: string;
  readonly fix?: boolean;
  readonly dryRun?: boolean;
}

export const lint: Command<LintFlags> = async (input) => {
  const { config, flags, progress } = input;
  const migrations = await loadForReview(config, progress.warn);
  const range = await reviewRange(config, migrations, flags, false);
  if (flags.fix === true) return (await import('./lint-fix.ts')).lintFix(input, range);
  if (flags.dryRun === true)
    throw new MigrateError('usage', '--dry-run shows what --fix would write', { hint: 'Add --fix.' });
  progress.say(`Reviewing ${count(range.underReview.length)} (${range.reason})`);
  sayNotes(progress.say);
  const options = {
    earlier: range.earlier,
    underReview: range.underReview,
    settings: config.project.lint ?? {},
    postgres: config.postgres,
  };
  const findings =
    flags.static || range.underReview.length === 0
      ? await reviewMigrations(options)
      : await withScratchClient(
          config,
          (scratch) => reviewMigrations({ ...options, scratch }),
          config.project.lint?.timeZone,
        );
  if (flags.sarif !== undefined)
    writeProjectFile(
      config.root,
      flags.sarif,
      `${JSON.stringify(redactAll(toSarif(findings, toolVersion())), null, 2)}\n`,
    );
  return {
    document: { findings },
    lines: [
      ...formatFindings(findings, progress.style),
      `Lint of ${count(range.underReview.length)}: ${summariseFindings(findings)}`,
    ],
    verdict: failing(findings, flags.strict ?? false) ? 'findings' : null,
  };
};
