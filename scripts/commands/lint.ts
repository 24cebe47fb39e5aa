// lint: what each statement would do to a live database, and the safe way to write it. It never touches the target.
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from '../command.ts';
import { reviewMigrations } from '../lint/review.ts';
import { toSarif } from '../lint/sarif.ts';
import { loadForReview } from '../load.ts';
import { toolVersion } from '../paths.ts';
import { failing, formatFindings, summariseFindings } from '../report/findings.ts';
import { count } from '../report/human.ts';
import { type RangeFlags, reviewRange } from '../review-range.ts';
import type { Finding } from '../types.ts';
import { connectTo } from '../verify/bench.ts';

export interface LintFlags extends RangeFlags {
  readonly strict?: boolean;
  readonly static?: boolean;
  readonly sarif?: string;
}

export const lint: Command<LintFlags> = async ({ config, flags, progress }) => {
  const migrations = await loadForReview(config);
  const range = await reviewRange(config, migrations, flags, false);
  progress.say(`Reviewing ${count(range.underReview.length)} (${range.reason})`);
  const options = {
    earlier: range.earlier,
    underReview: range.underReview,
    settings: settingsOf(config.project.lint?.rules),
  };
  const findings =
    flags.static || range.underReview.length === 0
      ? await reviewMigrations(options)
      : await reviewOnScratch(config, options);
  if (flags.sarif !== undefined)
    writeFileSync(
      resolve(config.root, flags.sarif),
      `${JSON.stringify(toSarif(findings, toolVersion()), null, 2)}\n`,
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

type Options = Parameters<typeof reviewMigrations>[0];

function settingsOf(rules: NonNullable<Options['settings']>['rules']): NonNullable<Options['settings']> {
  return rules === undefined ? {} : { rules };
}

async function reviewOnScratch(
  { shadowUrl, root }: { shadowUrl: string | undefined; root: string },
  options: Options,
): Promise<readonly Finding[]> {
  const { withShadow } = await import('../shadow.ts');
  return withShadow({ shadowUrl, root }, async (shadow) => {
    const client = await connectTo(await shadow.create());
    try {
      return await reviewMigrations({ ...options, scratch: client });
    } finally {
      await client.end();
    }
  });
}
