// Takes a drift check; gives the words for it: lines for people, fields for JSON, the error that stops a run. Pure.
import { MigrateError } from '../base/errors.ts';
import { count } from '../report/human.ts';
import { type Difference, describeDifference } from '../schema/change/diff.ts';
import type { DriftCheck } from './check.ts';

/** Fields of the document: the verdict, why it is unknown where it is, and what is worth a warning only. */
export function driftJson(check: DriftCheck): Record<string, unknown> {
  return {
    drift: { state: check.state, differences: driftsOf(check).map(differenceJson) },
    ...(check.reason === null ? {} : { driftReason: check.reason }),
    ...(warningsOf(check).length === 0 ? {} : { driftWarnings: warningsOf(check).map(differenceJson) }),
  };
}

/** A difference as `--json` has it. */
export function differenceJson({
  kind,
  identity,
  change,
  expected,
  actual,
}: Difference): Record<string, unknown> {
  return { kind, identity, change, expected, actual };
}

/** `+ table public.x`, and with `verbose` what it was and is, one entry per object. */
export function differenceLines(differences: readonly Difference[], verbose: boolean): string[] {
  return differences.map((difference) => {
    const line = describeDifference(difference);
    if (!verbose) return line;
    const { expected, actual } = difference;
    return [line, ...definitionLines('expected', expected), ...definitionLines('actual', actual)].join('\n');
  });
}

function definitionLines(title: string, definition: string | null): string[] {
  if (definition === null) return [];
  return [`    ${title}:`, ...definition.split('\n').map((line) => `      ${line}`)];
}

/** Differences that a person should know of and that are no drift. */
export function warningsOf({ differences }: DriftCheck): Difference[] {
  return differences.filter(({ severity }) => severity === 'warning');
}

/** Differences that count as drift. */
function driftsOf({ differences }: DriftCheck): Difference[] {
  return differences.filter(({ severity }) => severity === 'drift');
}

/** One line on the whole: `status` and `drift` end with it. */
export function driftVerdict(check: DriftCheck): string {
  if (check.state === 'none') return 'No drift: the schema is what the last run left behind';
  if (check.state === 'unknown') return `Drift unknown: ${check.reason}`;
  return `Drift: ${countDiffering(driftsOf(check).length)} from what the last run left behind`;
}

/** "1 object differs", "2 objects differ". */
export function countDiffering(n: number): string {
  return `${count(n, 'object')} ${n === 1 ? 'differs' : 'differ'}`;
}

/** Of an object that came or went, `verbose` also lists what came or went with it. */
function listedDrifts(check: DriftCheck, verbose: boolean): Difference[] {
  return verbose ? check.everything.filter(({ severity }) => severity === 'drift') : driftsOf(check);
}

/** The differences, warnings too, and the verdict. */
export function driftLines(check: DriftCheck, verbose: boolean): string[] {
  const warnings = differenceLines(warningsOf(check), verbose);
  return [
    ...differenceLines(listedDrifts(check, verbose), verbose).map((line) => `  ${line}`),
    ...warnings.map((line) => `  ${line} (a warning only)`),
    driftVerdict(check),
    ...jobHint(check),
  ];
}

/** Partitions that came or went while a tool that makes them keeps its own tables here. */
function jobHint({ everything, job }: DriftCheck): string[] {
  const hasPartitions = everything.some(
    ({ kind, change, actual, expected }) =>
      kind === 'relation' &&
      change !== 'changed' &&
      /^(?:partition_of|inherits)=/m.test(actual ?? expected ?? ''),
  );
  if (job === null || !hasPartitions) return [];
  return [
    `${job} makes partitions here: "drift": { "partitions": "managed" } in db/config.json leaves those that follow their parent to it.`,
  ];
}

/** What stops a run that would build on a schema that nobody knows. */
export function driftError(check: DriftCheck, verbose: boolean): MigrateError {
  const differences = driftsOf(check);
  return new MigrateError(
    'drift',
    `The schema was changed by hand: ${countDiffering(differences.length)} from what the last run left behind`,
    {
      problems: differenceLines(listedDrifts(check, verbose), verbose),
      hint: `${jobHint(check)
        .map((hint) => `${hint} `)
        .join(
          '',
        )}${verbose ? '' : 'make migrate-drift verbose=1 shows the definitions. '}Undo the change; or keep it as a migration: npm run migrate:drift -- --write <name>; or record it as right: npm run migrate:drift -- --accept --reason "…"`,
      state: 'Nothing was changed.',
    },
  );
}
