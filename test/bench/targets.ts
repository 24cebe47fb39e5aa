// Takes the tables; gives every target with what was measured. A target that could not be measured says so. Pure.
import { applicationNames, inApplication } from './applications.ts';
import { backfillNames, backfillScenario, stallScenario } from './backfill.ts';
import { manyNames, manyNothing, manyPending } from './many.ts';
import { bareByNpm, largeSchema, noopByNpm } from './own.ts';
import { type Cell, cellOf, type Tables } from './report.ts';
import { hardNames, hardScenario, reviewNames, reviewScenario } from './reviewing.ts';

export interface Verdict {
  readonly target: string;
  readonly measured: string;
  readonly met: boolean | null;
}

const us = 'this tool';

/** @param floor the name of what stands for the least possible */
export function verdicts(tables: Tables, floor: string): Verdict[] {
  const cell = (scenario: string, contender: string) => cellOf(tables, scenario, contender);
  const ratio = (target: string, scenario: string, to: string, limit: number, from = us): Verdict =>
    atMost(target, cell(scenario, from)?.median, cell(scenario, to)?.median, limit);
  const noop = (count: string) => `nothing to do, ${count} applied`;
  const bare = 'bare node + pg';
  const far = '1,000 pending, 20 ms round trip';
  return [
    ratio('nothing to do, 100 applied: at most 1.6 × bare node + pg', noop('100'), bare, 1.6),
    ratio('nothing to do, 10,000 applied: at most 2.5 × bare node + pg', noop('10,000'), bare, 2.5),
    ...['0', '100', '1,000', '10,000'].map((count) =>
      ratio(
        `nothing to do, ${count} applied: faster than node-pg-migrate`,
        noop(count),
        'node-pg-migrate',
        1,
      ),
    ),
    ratio(
      'nothing to do through npm run: at most 2.0 × bare node + pg through npm run',
      'start-up',
      bareByNpm,
      2,
      noopByNpm,
    ),
    ratio(
      'verify 300 pairs: at most 3 × up, down and up',
      reviewScenario,
      reviewNames.cycle,
      3,
      reviewNames.verify,
    ),
    ratio(
      'lint of one after 300: at most 2 × up of all',
      reviewScenario,
      reviewNames.up,
      2,
      reviewNames.lint,
    ),
    atMostMs('verify of 493 pairs, 68 inexact: at most 10 s', cell(hardScenario, hardNames.verify), 10_000),
    atMostMs('lint of 5,000 INSERTs: at most 1 s', cell(hardScenario, hardNames.lint), 1000),
    atMostMs('change token on 1,000 tables: at most 60 ms', cell(largeSchema, 'change token (query)'), 60),
    atMostMs(
      'canonical snapshot of 1,000 tables: at most 400 ms',
      cell(largeSchema, 'canonical snapshot (query)'),
      400,
    ),
    atMostMs('testDatabase(): at most 100 ms', cell(inApplication, applicationNames.copy), 100),
    atMostMs('assertSchema(): at most 100 ms', cell(inApplication, applicationNames.gate), 100),
    ratio('1,000 pending: at most 1.15 × the floor', '1,000 pending', floor, 1.15),
    ratio('1,000 pending: no slower than dbmate', '1,000 pending', 'dbmate', 1),
    ratio('1,000 pending: no slower than postgres-migrations', '1,000 pending', 'postgres-migrations', 1),
    perMigration('20 ms away: at most 46 ms per migration', cell(far, us), 1000, 46),
    ratio('20 ms away: node-pg-migrate takes at least 1.7 × as long', far, 'node-pg-migrate', 1 / 1.7),
    ratio('revert 1,000: at most 1.15 × the floor', 'revert 1,000', floor, 1.15),
    memory('nothing to do, 10,000 applied: at most 120 MB', cell(noop('10,000'), us), 120),
    memory('10,000 pending: at most 120 MB', cell('10,000 pending', us), 120),
    memory('revert 10,000: at most 120 MB', cell('revert 10,000', us), 120),
    memory('one file of 50 MB: at most 250 MB', cell('one file of 50 MB', us), 250),
    ratio('one file of 50 MB: at most 1.2 × the floor', 'one file of 50 MB', floor, 1.2),
    ratio('100 pending: at most 1.25 × the floor', '100 pending', floor, 1.25),
    atMostMs(
      'batches: nobody stands still longer than 1 s',
      cell(stallScenario, backfillNames.batches),
      1000,
    ),
    ratio(
      'batches: at most 1.5 × one UPDATE of all rows',
      backfillScenario,
      backfillNames.plain,
      1.5,
      backfillNames.batches,
    ),
    memory('batches: at most 120 MB', cell(backfillScenario, backfillNames.batches), 120),
    ratio(
      '300 databases, 5 pending each: at least 3 × as fast as a process each',
      manyPending,
      manyNames.loop,
      1 / 3,
      manyNames.list,
    ),
    perMigration(
      '300 databases, nothing to do: at most 15 ms each',
      cell(manyNothing, manyNames.list),
      300,
      15,
    ),
    memory('300 databases, nothing to do: at most 120 MB', cell(manyNothing, manyNames.list), 120),
    atMost(
      'nothing to do, 1,000 to 10,000 applied: grows less than 6 ×',
      cell(noop('10,000'), us)?.median,
      cell(noop('1,000'), us)?.median,
      6,
    ),
  ].filter(({ met }) => met !== null);
}

function atMost(target: string, value: number | undefined, to: number | undefined, limit: number): Verdict {
  if (value === undefined || to === undefined) return { target, measured: 'not measured', met: null };
  const ratio = value / to;
  return { target, measured: `${ratio.toFixed(2)} ×`, met: ratio <= limit };
}

function atMostMs(target: string, cell: Cell | undefined, limit: number): Verdict {
  if (cell === undefined) return { target, measured: 'not measured', met: null };
  return { target, measured: `${cell.median.toFixed(0)} ms`, met: cell.median <= limit };
}

function perMigration(target: string, cell: Cell | undefined, count: number, limit: number): Verdict {
  if (cell === undefined) return { target, measured: 'not measured', met: null };
  const each = cell.median / count;
  return { target, measured: `${each.toFixed(1)} ms`, met: each <= limit };
}

function memory(target: string, cell: Cell | undefined, limit: number): Verdict {
  if (cell?.peak == null) return { target, measured: 'not measured', met: null };
  return { target, measured: `${Math.round(cell.peak)} MB`, met: cell.peak <= limit };
}
