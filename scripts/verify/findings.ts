// Takes what differed after a down or a second up; gives findings that name the objects. Pure.

import type { Finding, Migration, SqlFile } from '../base/types.ts';
import type { Difference } from '../schema/change/diff.ts';
import { describeDifference } from '../schema/change/diff.ts';

/** Rules of `verify`; a down that is knowingly inexact says so with `-- migrate: allow inexact-down <reason>`. */
export type VerifyRule =
  | 'inexact-down'
  | 'down-fails'
  | 'up-fails'
  | 'up-again-fails'
  | 'up-again-differs'
  | 'column-order'
  | 'irreversible'
  | 'probe-rows'
  | 'probe-fails';

interface Position {
  readonly line?: number;
  readonly column?: number;
}

function finding(
  rule: VerifyRule,
  severity: Finding['severity'],
  file: SqlFile,
  message: string,
  help: string,
  { line = 1, column = 1 }: Position = {},
): Finding {
  return { rule, severity, file: file.path, line, column, message, help };
}

/** The order of columns aside, which can rarely be brought back. */
export function isExact(differences: readonly Difference[]): boolean {
  return differences.every(({ severity }) => severity !== 'drift');
}

/**
 * What a down left different, one line per object: "`down` leaves table public.x behind".
 * @param roles that the up makes and the down does not drop; they are not made on the scratch server
 */
export function inexactDown(
  { id, down, up }: Migration,
  differences: readonly Difference[],
  roles: readonly string[],
): Finding[] {
  const drift = differences.filter(({ severity }) => severity === 'drift');
  const order = differences.filter(({ severity }) => severity === 'warning');
  const allowed = [...down.directives.allow, ...up.directives.allow].find(
    ({ rule }) => rule === 'inexact-down',
  );
  const help =
    'Write the down so that it brings back exactly what was there before the up; what it may knowingly leave is said with "-- migrate: allow inexact-down <reason>".';
  const said = [...drift.map(afterDown), ...roles.map((role) => `\`down\` leaves role ${role} behind`)];
  const left = said.map((text) =>
    finding(
      'inexact-down',
      allowed === undefined ? 'error' : 'info',
      down,
      `${text}${allowed === undefined ? '' : ` (allowed: ${allowed.reason})`}`,
      help,
    ),
  );
  return [
    ...left,
    ...(order.length === 0 ? [] : [otherOrder(down, order)]),
    ...(allowed === undefined || said.length > 0 ? [] : [allowedForNothing(id, down, allowed.line)]),
  ];
}

function otherOrder(down: SqlFile, differences: readonly Difference[]): Finding {
  return finding(
    'column-order',
    'warning',
    down,
    `after \`down\` the order of columns differs: ${differences.map(({ identity }) => identity).join(', ')}`,
    'PostgreSQL adds columns at the end, so this can rarely be helped. SELECT * and INSERT without a column list notice it.',
  );
}

function allowedForNothing(id: string, down: SqlFile, line: number): Finding {
  const message = `${id} allows inexact-down, yet its down is exact`;
  return {
    ...finding('inexact-down', 'warning', down, message, 'Remove the directive.', { line }),
    rule: 'unused-allow',
  };
}

function afterDown(difference: Difference): string {
  const { change, identity } = difference;
  const text = describeDifference(difference).replace(/^[+~-] /, '');
  const object = text.slice(0, text.indexOf(identity) + identity.length);
  if (change === 'added') return `\`down\` leaves ${object} behind`;
  if (change === 'removed') return `${object} is lost after \`down\``;
  return `after \`down\`: ${text}`;
}

/** Materialized views that the down made anew without their rows. */
export function leftUnfilled({ down }: Migration, views: readonly string[]): Finding[] {
  const allowed = down.directives.allow.some(({ rule }) => rule === 'inexact-down');
  return views.map((view) =>
    finding(
      'inexact-down',
      allowed ? 'info' : 'error',
      down,
      `after \`down\` materialized view ${view} holds no data: every query of it fails`,
      'Make it WITH DATA, or REFRESH it in the down.',
    ),
  );
}

/** One finding for each object that is another when the up has run again. */
export function upAgainDiffers({ up }: Migration, differences: readonly Difference[]): Finding[] {
  return differences
    .filter(({ severity }) => severity === 'drift')
    .map((difference) =>
      finding(
        'up-again-differs',
        'error',
        up,
        `applied again after its down, it gives another schema: ${describeDifference(difference)}`,
        'The up depends on something that its down does not take away.',
      ),
    );
}

/** The finding that a migration has no way back. */
export function irreversible({ down, id }: Migration): Finding {
  return finding(
    'irreversible',
    'info',
    down,
    `${id} is irreversible (${down.directives.irreversible}): only its up was run`,
    '',
  );
}

/** The finding that a text does not run; `message` is what PostgreSQL said. */
export function fails(
  rule: 'down-fails' | 'up-again-fails' | 'up-fails' | 'probe-fails',
  file: SqlFile,
  message: string,
  place: Position,
): Finding {
  const help = {
    'down-fails': 'In an emergency this down would fail just like that. Mend it.',
    'up-again-fails': 'The down leaves something behind that the up trips over.',
    'up-fails': 'The migration does not run on the schema that the earlier ones add up to.',
    'probe-fails': 'The rows in db/probe must fit the schema before the up.',
  }[rule];
  return finding(rule, 'error', file, message, help, place);
}

/** Silenced to an info by `-- migrate: allow probe-rows <reason>` in either file. */
export function seedRowsDiffer({ up, down }: Migration, table: string, when: string): Finding {
  const allowed = [...down.directives.allow, ...up.directives.allow].find(
    ({ rule }) => rule === 'probe-rows',
  );
  return finding(
    'probe-rows',
    allowed === undefined ? 'error' : 'info',
    down,
    `rows of ${table} are not the same ${when}${allowed === undefined ? '' : ` (allowed: ${allowed.reason})`}`,
    'A revert in an emergency would lose or change rows. Keep what the up replaces until a later release, or say why it may go: -- migrate: allow probe-rows <reason>',
  );
}
