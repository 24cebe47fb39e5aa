// Takes the pairs that replace some migrations, and the migrations behind them; gives files with names. Pure.
// A series needs versions between its first file and the next migration: where there is no room, what follows moves on.
import type { Migration } from '../base/types.ts';
import { secondAfter } from '../files/version.ts';
import type { Fix } from './fix.ts';

/** One pair as it will be; `from` is the migration whose files it takes the place of. */
export interface NewPair {
  readonly id: string;
  readonly from?: Migration;
  /** Absent where the files only get another name. */
  readonly texts?: { readonly up: string; readonly down: string };
}

/** @param migrations all from the first one that is fixed on, oldest first */
export function namePairs(migrations: readonly Migration[], fixes: readonly Fix[]): readonly NewPair[] {
  const pairs: NewPair[] = [];
  let last = '';
  const next = (wanted: string) => {
    last = wanted > last ? wanted : secondAfter(last);
    return last;
  };
  for (const migration of migrations) {
    const fix = fixes.find((one) => one.migration === migration);
    const first = next(migration.version);
    if (fix === undefined) {
      pairs.push({ id: `${first}_${migration.name}`, from: migration });
      continue;
    }
    fix.pairs.forEach((texts, i) => {
      if (i === 0) pairs.push({ id: `${first}_${migration.name}`, from: migration, texts });
      else pairs.push({ id: `${next(secondAfter(last))}_${migration.name}-${i + 1}`, texts });
    });
  }
  return pairs.filter(({ id, from, texts }) => from === undefined || texts !== undefined || id !== from.id);
}
