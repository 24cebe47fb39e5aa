// check: lint, verify and schema --check, one after the other: all that a pipeline asks of migrations. Each runs whatever
// the others found, so that one round of mending is enough.
import type { Command, CommandResult } from '../report/command.ts';
import { type LintFlags, lint } from './lint.ts';
import { schema } from './schema.ts';
import { type VerifyFlags, verify } from './verify.ts';

export const check: Command<LintFlags & VerifyFlags> = async (input) => {
  const results: CommandResult[] = [];
  results.push(await lint(input));
  results.push(await verify(input));
  results.push(await schema({ ...input, flags: { check: true } }));
  const [linted, verified, compared] = results;
  const findingsOf = (result: CommandResult | undefined) =>
    Array.isArray(result?.document.findings) ? (result.document.findings as unknown[]) : [];
  return {
    document: {
      findings: [...findingsOf(linted), ...findingsOf(verified)],
      schema: compared?.document ?? null,
    },
    lines: results.flatMap(({ lines }) => lines),
    verdict: results.some(({ verdict }) => verdict === 'findings') ? 'findings' : null,
  };
};
