// What is to run, from what is on disk and what is applied.
import { expect } from 'chai';
import type { AppliedMigration, Migration, SqlFile } from '../../scripts/base/types.ts';
import { type PlanTarget, planDown, planUp } from '../../scripts/plan/plan.ts';
import { readPlanTarget } from '../../scripts/plan/target-flags.ts';

const versions = ['20250101000001', '20250101000002', '20250101000003', '20250101000004'] as const;
const file = (path: string): SqlFile => ({
  path,
  text: 'SELECT 1;',
  checksum: path,
  directives: { noTransaction: false, allow: [] },
});
const migrations: Migration[] = versions.map((version) => ({
  id: `${version}_m`,
  version,
  name: 'm',
  up: file(`${version}_m.up.sql`),
  down: file(`${version}_m.down.sql`),
}));
const applied = (n: number): AppliedMigration[] =>
  versions.slice(0, n).map((version) => ({
    id: `${version}_m`,
    version,
    name: 'm',
    tracked: true,
    entry: null,
    appliedAt: null,
  }));
const latest: PlanTarget = { kind: 'latest' };
const to = (version: string): PlanTarget => ({ kind: 'version', version });
const up = (n: number, target: PlanTarget) =>
  planUp(migrations, applied(n), target).steps.map(({ version }) => version);
const down = (n: number, target: PlanTarget) =>
  planDown(migrations, applied(n), target).steps.map(({ version }) => version);
const [first, second, third, fourth] = versions;

describe('Up', () => {
  it('is everything pending, oldest first', () =>
    expect(up(1, latest)).to.deep.equal([second, third, fourth]));
  it('is nothing when everything is applied', () => expect(up(4, latest)).to.deep.equal([]));
  it('to a version includes it', () => expect(up(1, to(third))).to.deep.equal([second, third]));
  it('to a version that is applied is nothing', () => expect(up(3, to(second))).to.deep.equal([]));
  it('by a number is so many', () =>
    expect(up(1, { kind: 'steps', steps: 2 })).to.deep.equal([second, third]));
  it('by more than there are is all', () =>
    expect(up(3, { kind: 'steps', steps: 9 })).to.deep.equal([fourth]));
  it('to a version that is nowhere is refused', () => {
    expect(() => up(1, to('20990101000000')))
      .to.throw('no migration with version')
      .with.property('code', 'usage');
  });
});

describe('Down', () => {
  it('is the newest one', () => expect(down(3, latest)).to.deep.equal([third]));
  it('is nothing when nothing is applied', () => expect(down(0, latest)).to.deep.equal([]));
  it('to a version keeps it, and reverts all that is newer, newest first', () =>
    expect(down(4, to(second))).to.deep.equal([fourth, third]));
  it('to the newest is nothing', () => expect(down(4, to(fourth))).to.deep.equal([]));
  it('to 0 is everything', () => expect(down(3, to('0'))).to.deep.equal([third, second, first]));
  it('by a number is so many', () =>
    expect(down(3, { kind: 'steps', steps: 2 })).to.deep.equal([third, second]));
  it('to a version that is not applied is refused', () => {
    expect(() => down(2, to(fourth)))
      .to.throw('not applied')
      .with.property('code', 'usage');
    expect(() => down(2, to('20990101000000')))
      .to.throw('no migration')
      .with.property('code', 'usage');
  });
  it('reverts also what is not on disk', () => {
    expect(planDown([], applied(2), latest).steps.map(({ id }) => id)).to.deep.equal([`${second}_m`]);
  });
});

describe('--to and --n', () => {
  it('exclude each other', () => {
    expect(() => readPlanTarget({ to: first, n: '1' }, true)).to.throw('exclude each other');
  });
  for (const n of ['0', '-1', '1.5', '', ' 1', '1e3', 'all', '99999999999']) {
    it(`--n "${n}" is refused`, () => {
      expect(() => readPlanTarget({ n }, true))
        .to.throw('whole number')
        .with.property('code', 'usage');
    });
  }
  for (const version of ['', '1', '2025', '202501010000011', 'latest', "20250101000001'; DROP TABLE x"]) {
    it(`--to "${version}" is refused`, () => {
      expect(() => readPlanTarget({ to: version }, true)).to.throw('is not a version');
    });
  }
  it('--to 0 makes sense for down alone', () => {
    expect(readPlanTarget({ to: '0' }, true)).to.deep.equal(to('0'));
    expect(() => readPlanTarget({ to: '0' }, false)).to.throw('is not a version');
  });
  it('--to takes the name of a file up to its direction', () => {
    expect(readPlanTarget({ to: `${first}_initial-schema` }, false)).to.deep.equal(to(first));
  });
});
