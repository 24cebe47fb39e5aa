// Takes findings; gives them as text for people, worst first within each file. Pure.
import type { Finding } from '../base/types.ts';
import { count, type Style } from './human.ts';

const rank = { error: 0, warning: 1, info: 2 } as const;

/**
 * Findings in the order of files, then places. What a rule says of itself stands under its first finding only; what is
 * about the very statement stands under each. More than one finding end in a count by rule.
 */
export function formatFindings(findings: readonly Finding[], style: Style): string[] {
  const sorted = [...findings].sort(
    (a, b) => a.file.localeCompare(b.file) || a.line - b.line || rank[a.severity] - rank[b.severity],
  );
  const said = new Set<string>();
  const lines = sorted.flatMap((finding) => [
    `${style.bold(`${finding.file}:${finding.line}:${finding.column}`)} ${paint(finding, style)} ${finding.message} ${style.dim(`[${finding.rule}]`)}`,
    ...newParagraphs(finding, said)
      .join('\n\n')
      .split('\n')
      .flatMap((line, _at, all) =>
        all.length === 1 && line === '' ? [] : [line === '' ? '' : `    ${line}`],
      ),
  ]);
  return [...lines, ...countByRule(sorted, style)];
}

/** The paragraphs of the help that this rule has not said yet. */
function newParagraphs({ rule, help }: Finding, said: Set<string>): readonly string[] {
  return help.split('\n\n').filter((paragraph) => {
    const key = `${rule} ${paragraph}`;
    const isNew = paragraph !== '' && !said.has(key);
    said.add(key);
    return isNew;
  });
}

/** "  3 error create-index-blocking", most frequent first; nothing for a single finding. */
function countByRule(findings: readonly Finding[], style: Style): readonly string[] {
  if (findings.length < 2) return [];
  const counts = new Map<string, { finding: Finding; n: number }>();
  for (const finding of findings) {
    const key = `${finding.severity} ${finding.rule}`;
    counts.set(key, { finding, n: (counts.get(key)?.n ?? 0) + 1 });
  }
  const rows = [...counts.values()].sort(
    (a, b) => b.n - a.n || rank[a.finding.severity] - rank[b.finding.severity],
  );
  const width = String(rows[0]?.n ?? 0).length;
  return [
    '',
    ...rows.map(
      ({ finding, n }) => `${String(n).padStart(width + 2)} ${paint(finding, style)} ${finding.rule}`,
    ),
    '',
  ];
}

function paint({ severity }: Finding, style: Style): string {
  return severity === 'error'
    ? style.red('error')
    : severity === 'warning'
      ? style.yellow('warning')
      : style.dim('info');
}

/** "2 errors, 1 warning" or "no findings" */
export function summariseFindings(findings: readonly Finding[]): string {
  const of = (severity: Finding['severity']) =>
    findings.filter((finding) => finding.severity === severity).length;
  const parts = [
    of('error') > 0 ? count(of('error'), 'error') : '',
    of('warning') > 0 ? count(of('warning'), 'warning') : '',
    of('info') > 0 ? `${of('info')} info` : '',
  ];
  return parts.filter(Boolean).join(', ') || 'no findings';
}

/** True when these findings are to fail the command. */
export function failing(findings: readonly Finding[], strict: boolean): boolean {
  return findings.some(({ severity }) => severity === 'error' || (strict && severity === 'warning'));
}
