// What an answer to a step means, for every combination of what the server can say; no database.
import { expect } from 'chai';
import fc from 'fast-check';
import { MigrateError } from '../../scripts/base/errors.ts';
import type { BatchResult } from '../../scripts/connection/simple-query.ts';
import type { Answer } from '../../scripts/execute/transport.ts';
import { type Facts, factsOf, type Verdict, verdictOf } from '../../scripts/execute/verdict.ts';

const files = [
  'not sent',
  'done',
  'left its transaction',
  'refused',
  'lock conflict',
  'session lost',
] as const satisfies readonly Facts['file'][];
const recordings = [
  'not heard',
  'done',
  'refused',
  'lock conflict',
  'session lost',
  'guard failed',
] as const satisfies readonly Facts['recording'][];
const both = [false, true];

const every: readonly Facts[] = files.flatMap((file) =>
  recordings.flatMap((recording) =>
    both.flatMap((commitSent) => both.map((interrupted) => ({ file, recording, commitSent, interrupted }))),
  ),
);

/** What is meant without a signal, a column for each of `recordings`. A lost session reads as its COMMIT was sent. */
const lost: Verdict = 'session lost';
const expected: Record<Facts['file'], readonly Verdict[]> = {
  'not sent': Array(6).fill('interrupted'),
  done: ['interrupted', 'recorded', 'refused by the recording', 'lock conflict', lost, 'guard failed'],
  'left its transaction': [
    'guard failed',
    'recorded',
    'refused by the recording',
    'lock conflict',
    lost,
    'guard failed',
  ],
  refused: Array(6).fill('refused by the file'),
  'lock conflict': Array(6).fill('lock conflict'),
  'session lost': Array(6).fill(lost),
};

describe('The verdict on an answer', () => {
  for (const file of files) {
    for (const [column, recording] of recordings.entries()) {
      it(`is named for a file ${file} and a recording ${recording}`, () => {
        const plain = expected[file][column];
        for (const commitSent of both) {
          const verdict = verdictOf({ file, recording, commitSent, interrupted: false });
          expect(verdict).to.equal(plain === lost && commitSent ? 'COMMIT unanswered' : plain);
        }
      });
    }
  }

  const anything = fc.constantFrom(...every);

  it('is "recorded" only where the recording was answered well', () => {
    fc.assert(
      fc.property(anything, (facts) => {
        if (verdictOf(facts) === 'recorded') expect(facts.recording).to.equal('done');
      }),
    );
  });

  it('never says that nothing is left where a COMMIT was sent and the session lost', () => {
    fc.assert(
      fc.property(anything, (facts) => {
        const isLost = facts.file === 'session lost' || (facts.file === 'done' && facts.recording === lost);
        if (facts.commitSent && isLost) expect(verdictOf(facts)).to.equal('COMMIT unanswered');
      }),
    );
  });

  it('is no reason for another attempt once the run is interrupted', () => {
    fc.assert(
      fc.property(anything, (facts) => {
        if (facts.interrupted) expect(verdictOf(facts)).to.not.equal('lock conflict');
      }),
    );
  });

  it('takes a step that counts, or that may count, for no interruption', () => {
    fc.assert(
      fc.property(anything, (facts) => {
        const calm = verdictOf({ ...facts, interrupted: false });
        if (['recorded', 'COMMIT unanswered', 'guard failed'].includes(calm))
          expect(verdictOf({ ...facts, interrupted: true })).to.equal(calm);
      }),
    );
  });
});

describe('The facts of an answer', () => {
  const batch = (error: Error | null, status: BatchResult['transactionStatus'] = 'T'): BatchResult => ({
    completed: 0,
    rows: [],
    transactionStatus: error === null ? status : null,
    error,
  });
  const sqlError = (code: string) => Object.assign(new Error(code), { code });
  const answer = (parts: Partial<Answer>): Answer => ({
    file: batch(null),
    recording: null,
    prefixLength: 0,
    transaction: '1',
    commitSent: false,
    provenBy: 'transaction',
    followed: false,
    blockers: [],
    ...parts,
  });

  it('tell errors apart by what they are: lost, passing, or a refusal', () => {
    for (const [error, fact] of [
      [null, 'done'],
      [new MigrateError('connection', 'lost'), 'session lost'],
      [sqlError('55P03'), 'lock conflict'],
      [sqlError('40P01'), 'lock conflict'],
      [sqlError('40001'), 'lock conflict'],
      [sqlError('42601'), 'refused'],
      [sqlError('57014'), 'refused'],
      [new Error('no code'), 'refused'],
    ] as const) {
      expect(factsOf(answer({ file: batch(error) }), false).file).to.equal(fact);
      const recording = { result: batch(error), guardFailed: false, closingMs: 0 };
      expect(factsOf(answer({ recording }), false).recording).to.equal(fact);
    }
  });

  it('name a file that left its transaction, a guard that failed, and what was not sent', () => {
    for (const status of ['I', 'E'] as const)
      expect(factsOf(answer({ file: batch(null, status) }), false).file).to.equal('left its transaction');
    const recording = { result: batch(sqlError('22012')), guardFailed: true, closingMs: 0 };
    expect(factsOf(answer({ recording }), false).recording).to.equal('guard failed');
    expect(factsOf(answer({ file: null }), true)).to.deep.equal({
      file: 'not sent',
      recording: 'not heard',
      commitSent: false,
      interrupted: true,
    });
  });
});
