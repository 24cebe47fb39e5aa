// Findings as text: what a rule says of itself once, what is about a statement each time, a count by rule at the end.
import { expect } from 'chai';
import type { Finding } from '../../scripts/base/types.ts';
import { formatFindings } from '../../scripts/report/findings.ts';

const same = (text: string) => text;
const style = { bold: same, dim: same, red: same, green: same, yellow: same } as Parameters<
  typeof formatFindings
>[1];

function finding(rule: string, severity: Finding['severity'], line: number, advice: string): Finding {
  return {
    rule,
    severity,
    file: 'a.up.sql',
    line,
    column: 1,
    message: `m${line}`,
    help: `why ${rule}\n\nwords\n\n${advice}`,
  };
}

describe('Findings as text', () => {
  it('say why once per rule, and the advice for each statement', () => {
    const lines = formatFindings(
      [
        finding('one', 'error', 1, 'A;'),
        finding('one', 'error', 2, 'B;'),
        finding('two', 'warning', 3, 'A;'),
      ],
      style,
    ).join('\n');
    expect(lines.match(/why one/g)).to.have.length(1);
    expect(lines.match(/why two/g)).to.have.length(1);
    expect(lines.match(/^ {4}A;$/gm)).to.have.length(2);
    expect(lines.match(/^ {4}B;$/gm)).to.have.length(1);
    expect(lines.trimEnd().split('\n').slice(-2)).to.deep.equal(['  2 error one', '  1 warning two']);
  });

  it('need no count where there is one, and no help where there is none', () => {
    expect(formatFindings([{ ...finding('one', 'info', 1, ''), help: '' }], style)).to.deep.equal([
      'a.up.sql:1:1 info m1 [one]',
    ]);
  });
});
