// check: the order of versions, lint, verify and schema --check, one after the other: all that a pipeline asks of
// migrations. Each runs whatever the others found, so that one round of mending is enough.
import { join } from 'node:path';
import { shownPath } from '../base/paths.ts';
import type { Finding } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import { hasRef } from '../files/changed-since.ts';
import { type Crossing, crossings, readBranchOrder } from '../files/version-order.ts';
import type { Command, CommandInput, CommandResult } from '../report/command.ts';
import { formatFindings } from '../report/findings.ts';
import { defaultBase } from '../scratch/review-range.ts';
import { type LintFlags, lint } from './lint.ts';
import { schema } from './schema.ts';
import { type VerifyFlags, verify } from './verify.ts';

export const check: Command<LintFlags & VerifyFlags> = async (input) => {
  const order = await checkOrder(input);
  // Two pairs of one version cannot be read together: nothing else can be said before one is renamed.
  if (order.isUnreadable) return order.result;
  const linted = await lint(input);
  const verified = await verify(input);
  const compared = await schema({ ...input, flags: { check: true } });
  const results = [order.result, linted, verified, compared];
  return {
    document: {
      findings: [order.result, linted, verified].flatMap(findingsOf),
      schema: compared.document,
    },
    lines: results.flatMap(({ lines }) => lines),
    verdict: results.some(({ verdict }) => verdict === 'findings') ? 'findings' : null,
  };
};

function findingsOf({ document }: CommandResult): readonly unknown[] {
  return Array.isArray(document.findings) ? (document.findings as unknown[]) : [];
}

/** New pairs against the tip of the base, which may have moved on since the branch began. */
async function checkOrder({
  config,
  flags,
  progress,
}: CommandInput<LintFlags>): Promise<{ readonly result: CommandResult; readonly isUnreadable: boolean }> {
  const known = flags.since ?? ((await hasRef(config, defaultBase)) ? defaultBase : undefined);
  if (known === undefined) return { result: { document: { findings: [] }, lines: [] }, isUnreadable: false };
  const order = await readBranchOrder(config, known);
  const found = crossings(order);
  const findings = found.map((crossing) => finding(config, known, crossing));
  const result: CommandResult = {
    document: { findings },
    lines: formatFindings(findings, progress.style),
    verdict: findings.length > 0 ? 'findings' : null,
  };
  return { result, isUnreadable: found.some(({ sameVersion }) => sameVersion) };
}

function finding(config: Config, base: string, { id, other, sameVersion }: Crossing): Finding {
  const message = sameVersion
    ? `${id} has the version of ${other}, which is at ${base} by now`
    : `${id} is older than ${other}, which is at ${base} by now: merged as it is, it would run out of order`;
  return {
    rule: 'version-order',
    severity: 'error',
    file: shownPath(config.root, join(config.directory, `${id}.up.sql`)),
    line: 1,
    column: 1,
    message,
    help: `Give it a version behind that:\nmake migrate-rebase since=${base}`,
  };
}
