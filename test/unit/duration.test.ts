// Durations in PostgreSQL's notation, and as people read them.
import { expect } from 'chai';
import { formatDuration, parseDuration } from '../../scripts/base/duration.ts';

describe('A duration', () => {
  const right: [string, number][] = [
    ['0', 0],
    ['0s', 0],
    ['250ms', 250],
    ['2s', 2000],
    ['1.5s', 1500],
    ['10min', 600_000],
    ['10 min', 600_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
  ];
  for (const [text, ms] of right) {
    it(`"${text}" is ${ms} ms, as PostgreSQL reads it`, () => expect(parseDuration(text)).to.equal(ms));
  }

  for (const text of [
    '',
    '2',
    '250',
    '1.5',
    'soon',
    '-1s',
    '5m',
    '5S',
    '1e3',
    '2s 3s',
    '25d',
    'NaN',
    "5s'; DROP TABLE users; --",
  ]) {
    it(`"${text}" is none that a time-out can hold`, () => expect(parseDuration(text)).to.equal(null));
  }

  const shown: [number, string][] = [
    [0, '0 ms'],
    [34.4, '34 ms'],
    [1234, '1.2 s'],
    [125_000, '2 min 5 s'],
    [3_780_000, '1 h 3 min'],
  ];
  for (const [ms, text] of shown) {
    it(`of ${ms} ms is shown as "${text}"`, () => expect(formatDuration(ms)).to.equal(text));
  }

  it('never shows sixty of the smaller unit', () => {
    for (const ms of [999.6, 59_960, 59_999, 3_599_600, 3_599_999]) {
      expect(formatDuration(ms), `${ms} ms`).not.to.match(/^1000 ms|60\.0 s| 60 s|^60 min/);
    }
  });
});
