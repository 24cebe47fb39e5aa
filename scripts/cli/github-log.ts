// Takes the ordinary output; gives one for a step of GitHub Actions: a group per migration, annotations, the step's
// summary. Unasked, wherever GITHUB_ACTIONS is true. What the text looks like is report/github.ts's matter.
import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Environment } from '../config/environment.ts';
import { annotations, defuse, endGroup, group, type RunReport, summaryMarkdown } from '../report/github.ts';
import type { Output } from '../report/output.ts';

const blockerPatterns = [/^\s*blocked by (.+)$/, /^Waiting for another migration run to finish: (.+)$/];
const mostBlockers = 10;

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
    const plain = stripVTControlCharacters(line);
    for (const pattern of blockerPatterns) {
      const [, who] = pattern.exec(plain) ?? [];
      if (who !== undefined && blockers.size < mostBlockers) blockers.add(who);
    }
    output.say(defuse(line));
  };
  return {
    ...output,
    say,
    live: (line) => output.live(defuse(line)),
    detail: (line) => output.detail(defuse(line)),
    warn: (line) => output.warn(defuse(line)),
    result: (text) => output.result(json ? text : defuse(text)),
    error: (text) => output.error(defuse(text)),
    group: (title) => {
      close();
      output.say(group(stripVTControlCharacters(title)));
      open = true;
    },
    endGroup: close,
    finish: (report) => {
      close();
      finish(output, { ...report, blockedBy: [...blockers] }, json, environment);
    },
  };
}

function finish(output: Output, report: RunReport, json: boolean, environment: Environment): void {
  const { GITHUB_WORKSPACE: workspace, GITHUB_STEP_SUMMARY: summary } = environment;
  const folder = workspace ? relative(workspace, process.cwd()).replaceAll('\\', '/') : '';
  const prefix = folder === '' || folder.startsWith('..') ? '' : `${folder}/`;
  // With --json, stdout is one document; the runner reads commands from stderr just as well.
  for (const line of annotations(report, prefix)) (json ? output.error : output.result)(line);
  if (!summary) return;
  try {
    appendFileSync(summary, output.redact(stripVTControlCharacters(summaryMarkdown(report))));
  } catch (error) {
    output.warn(`The summary could not be written: ${(error as Error).message}`);
  }
}
