// Takes the ordinary output; gives one for a step of GitHub Actions: a group per migration, annotations, the step's
// summary. Unasked, wherever GITHUB_ACTIONS is true. What the text looks like is report/github.ts's matter.
import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import { redact, redactAll, redactError } from '../base/secrets.ts';
import type { Environment } from '../config/environment.ts';
import { annotations, defuse, endGroup, group, type RunReport, summaryMarkdown } from '../report/github.ts';
import { plain } from '../report/human.ts';
import type { Output } from '../report/output.ts';

const blockerPatterns = [/^\s*blocked by (.+)$/, /^Waiting for another migration run to finish: (.+)$/];
const mostBlockers = 10;

/** Without secrets before anything is changed in it, which would hide them from whoever looks for them. */
const safe = (text: string) => defuse(redact(text));

/** The output itself where this is no step of GitHub Actions. */
export function onGithub(output: Output, json: boolean, environment: Environment = process.env): Output {
  if (environment.GITHUB_ACTIONS !== 'true') return output;
  const blockers = new Set<string>();
  let open = false;
  const close = () => {
    if (open) output.say(endGroup);
    open = false;
  };
  const say = (line: string) => {
    const bare = plain(line);
    for (const pattern of blockerPatterns) {
      const [, who] = pattern.exec(bare) ?? [];
      if (who !== undefined && blockers.size < mostBlockers) blockers.add(who);
    }
    output.say(safe(line));
  };
  return {
    ...output,
    say,
    live: (line) => output.live(safe(line)),
    detail: (line) => output.detail(safe(line)),
    warn: (line) => output.warn(safe(line)),
    result: (text) => output.result(safe(text)),
    error: (text) => output.error(safe(text)),
    group: (title) => {
      close();
      output.say(group(plain(title)));
      open = true;
    },
    endGroup: close,
    finish: (report) => {
      close();
      finish(output, withoutSecrets({ ...report, blockedBy: [...blockers] }), json, environment);
    },
  };
}

/** Before anything is escaped for Markdown or a workflow command, which would change how a secret is written. */
function withoutSecrets(report: RunReport): RunReport {
  const { error, document, lines, blockedBy } = report;
  return { ...report, ...redactAll({ document, lines, blockedBy }), error: redactError(error) };
}

function finish(output: Output, report: RunReport, json: boolean, environment: Environment): void {
  const { GITHUB_WORKSPACE: workspace, GITHUB_STEP_SUMMARY: summary } = environment;
  const folder = workspace ? relative(workspace, process.cwd()).replaceAll('\\', '/') : '';
  const prefix = folder === '' || folder.startsWith('..') ? '' : `${folder}/`;
  // With --json, stdout is one document; the runner reads commands from stderr just as well.
  for (const line of annotations(report, prefix)) (json ? output.error : output.result)(line);
  if (!summary) return;
  try {
    appendFileSync(summary, plain(summaryMarkdown(report)));
  } catch (error) {
    output.warn(`The summary could not be written: ${(error as Error).message}`);
  }
}
