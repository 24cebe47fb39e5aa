// Takes findings; gives them as text for people, worst first within each file. Pure.
import type { Finding } from '../base/types.ts';
import { count, type Style } from './human.ts';

const rank = { error: 0, warning: 1, info: 2 } as const;

/** Findings in the order of files, then places. */
export function formatFindings(findings: readonly Finding[], style: Style): string[] {
  const sorted = [...findings].sort(
    (a, b) => a.file.localeCompare(b.file) || a.line - b.line || rank[a.severity] - rank[b.severity],
  );
  return sorted.flatMap((finding) => [
    `${style.bold(`${finding.file}:${finding.line}:${finding.column}`)} ${paint(finding, style)} ${finding.message} ${style.dim(`[${finding.rule}]`)}`,
    ...(finding.help === ''
      ? []
      : finding.help.split('\n').map((line) => (line === '' ? '' : `    ${line}`))),
  ]);
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
