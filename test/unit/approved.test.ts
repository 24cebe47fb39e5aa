// A saved plan's locks and findings against those found anew: every fact of them counts, and what only held then does not.
import { expect } from 'chai';
import { refuseOtherEffects, type ShownEffects } from '../../scripts/preview/approved.ts';

const lock = {
  relation: 'public.orders',
  mode: 'AccessExclusiveLock',
  rewrites: true,
  reads: false,
  table: null,
};
const finding = {
  ...{ rule: 'change-column-type', severity: 'error', file: 'db/migrations/2_a.up.sql', line: 1, column: 1 },
  ...{ message: 'rewrites orders', help: 'expand and contract' },
};
const step = { version: '2', name: 'a', statements: [{ line: 1, text: 'x', locks: [lock] }] };
const plan = { migrations: [step], findings: [finding], untraced: null };
const withLocks = (locks: unknown) => ({
  ...plan,
  migrations: [{ ...step, statements: [{ ...step.statements[0], locks }] }],
});

describe('locks and findings of a saved plan', () => {
  const forged: [string, ShownEffects][] = [
    ['no lock', withLocks([])],
    ['unknown locks', withLocks(null)],
    ['locks that are none', withLocks('AccessExclusiveLock')],
    ['a weaker lock', withLocks([{ ...lock, mode: 'AccessShareLock' }])],
    ['another table', withLocks([{ ...lock, relation: 'public.other' }])],
    ['no rewrite', withLocks([{ ...lock, rewrites: false }])],
    ['a read that is none', withLocks([{ ...lock, reads: true }])],
    ['a lock twice', withLocks([lock, lock])],
    ['no statement', { ...plan, migrations: [{ ...step, statements: [] }] }],
    ['no finding', { ...plan, findings: [] }],
    ['no findings at all', { migrations: plan.migrations, untraced: null }],
    ['findings that are none', { ...plan, findings: 'none' }],
    ['one more finding', { ...plan, findings: [finding, finding] }],
    ...Object.keys(finding).map((key): [string, ShownEffects] => [
      `a finding of another ${key}`,
      { ...plan, findings: [{ ...finding, [key]: 'other' }] },
    ]),
    ['that nothing is known', { ...withLocks(null), untraced: 'no scratch server' }],
  ];
  for (const [what, shown] of forged)
    it(`are refused where the file shows ${what}`, () => {
      expect(() => refuseOtherEffects(shown, plan))
        .to.throw('other locks or findings')
        .with.property('code', 'refused');
    });

  it('are those of the file where only sizes are others, and what is no part of a lock', () => {
    refuseOtherEffects(plan, plan);
    refuseOtherEffects(withLocks([{ ...lock, table: { bytes: 1, rows: 2, indexes: 3 } }]), plan);
  });

  it('are held to the approved digest where there is no scratch server any more', () => {
    const blind = { ...withLocks(null), untraced: 'the embedded server is not installed' };
    expect(() => refuseOtherEffects(plan, blind))
      .to.throw('cannot be found out anew')
      .with.nested.property('options.hint')
      .that.includes('plan_digest=');
    refuseOtherEffects(blind, { ...blind, untraced: 'for another reason' });
  });
});
