// The SARIF log as GitHub code scanning takes it.
import { expect } from 'chai';
import type { Finding } from '../../scripts/base/types.ts';
import { toSarif } from '../../scripts/lint/sarif.ts';

const finding: Finding = {
  rule: 'drop-table',
  severity: 'warning',
  file: 'db/my migrations/20250101000000_a.up.sql',
  line: 3,
  column: 5,
  message: 'orders and its rows are gone',
  help: 'why\n\nDROP TABLE orders;',
};

describe('lint: SARIF', () => {
  it('places each finding by a relative URI, line and column', () => {
    const [run] = toSarif([finding, { ...finding, rule: 'does-not-run', severity: 'error' }], '1.2.3').runs;
    expect(run?.results.map(({ ruleId, ruleIndex, level }) => [ruleId, ruleIndex, level])).to.deep.equal([
      ['drop-table', 1, 'warning'],
      ['does-not-run', 0, 'error'],
    ]);
    const place = run?.results[0]?.locations[0]?.physicalLocation;
    expect(place?.artifactLocation.uri).to.equal('db/my%20migrations/20250101000000_a.up.sql');
    expect(place?.region).to.deep.equal({ startLine: 3, startColumn: 5 });
  });

  it('describes each rule that was found once, with its help', () => {
    const { driver } = toSarif([finding, finding], '1.2.3').runs[0]!.tool;
    expect(driver.semanticVersion).to.equal('1.2.3');
    expect(driver.rules.map(({ id }) => id)).to.deep.equal(['drop-table']);
    expect(driver.rules[0]?.help.text).to.include('gone for good');
  });

  it('is an empty run, not an error, when nothing was found', () => {
    expect(toSarif([], '1.2.3').runs[0]?.results).to.deep.equal([]);
  });
});
