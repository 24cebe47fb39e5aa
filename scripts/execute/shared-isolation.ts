// Takes steps that share a transaction; gives the isolation level that it is to have, or refuses where they ask for two. Pure.
import { MigrateError } from '../base/errors.ts';
import { isolationOf } from '../files/leading-settings.ts';
import type { ReadyStep } from '../plan/steps.ts';

/**
 * What is put behind BEGIN: the level that one of the steps asks for, for a level cannot be set once a statement ran.
 * @throws MigrateError `refused` naming both files
 */
export function sharedIsolation(steps: readonly ReadyStep[]): string {
  const asking = steps.flatMap((step) => {
    const level = isolationOf(step.text).toUpperCase();
    return level === '' ? [] : [{ level, path: step.path }];
  });
  const [first] = asking;
  const other = asking.find(({ level }) => level !== first?.level);
  if (first === undefined || other === undefined) return first?.level ?? '';
  throw new MigrateError(
    'refused',
    `${first.path} asks for${first.level}, and ${other.path} for${other.level}: a transaction has one level`,
    {
      hint: 'Give each step a transaction of its own (make migrate-up, or make migrate-down and then make migrate-up).',
      state: 'Nothing was changed.',
    },
  );
}
