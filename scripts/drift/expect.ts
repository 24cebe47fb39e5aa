// Takes --expect-fingerprint; gives whether the database is, after a run, what git says, and what differs where not.
// It only reads.

import { MigrateError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import type { Difference } from '../schema/change/diff.ts';
import type { SchemaOptions } from '../schema/types.ts';
import { readLiveFingerprint, readLiveObjects } from './check.ts';
import { readSchemaFile, schemaFile } from './expected.ts';
import { portable } from './options.ts';
import { differenceJson, differenceLines } from './report.ts';
import { differencesToText } from './schema-file.ts';

export interface Expectation {
  readonly fingerprint: string;
  /** The text that has this fingerprint; null where db/schema.sql has another one. */
  readonly text: string | null;
}

/** @throws MigrateError `usage` where the value is no fingerprint, or db/schema.sql has none to offer */
export function readExpectation(config: Config, flag: string | true): Expectation {
  const file = readSchemaFile(config);
  if (flag !== true) {
    if (!/^[0-9a-f]{16}$/i.test(flag)) {
      throw new MigrateError('usage', `--expect-fingerprint "${flag}" is no fingerprint: 16 hex digits`, {
        hint: `make migrate-status args=--json shows that of a database, the head of ${schemaFile} that of the files.`,
      });
    }
    const fingerprint = flag.toLowerCase();
    return { fingerprint, text: file?.fingerprint === fingerprint ? file.text : null };
  }
  if (file === null || file.fingerprint === null) {
    throw new MigrateError(
      'usage',
      `--expect-fingerprint needs ${schemaFile}, which ${file === null ? 'is missing' : 'has no fingerprint in its head'}`,
      { hint: 'make schema writes it; commit it with the migrations. Or name the fingerprint.' },
    );
  }
  return { fingerprint: file.fingerprint, text: file.text };
}

export interface Met {
  readonly document: Readonly<Record<string, unknown>>;
  readonly error: MigrateError | null;
}

/**
 * Compares the live fingerprint with the one that was asked for.
 * @returns what `--json` says of it, and the error `drift` where they differ
 * @throws MigrateError `connection`, `locked`, `refused`
 */
export async function meetExpectation(
  session: Session,
  config: Config,
  options: SchemaOptions,
  { fingerprint: expected, text }: Expectation,
): Promise<Met> {
  const fingerprint = await readLiveFingerprint(session, options);
  if (fingerprint === expected) return { document: { fingerprint }, error: null };
  const objects = text === null ? [] : await readLiveObjects(session, portable(options));
  const differences = text === null ? null : await differencesToText(config, text, objects);
  const drift = { state: 'drifted', differences: (differences ?? []).map(differenceJson) };
  return {
    document: { fingerprint, expectedFingerprint: expected, drift },
    error: notMet(config, fingerprint, expected, differences),
  };
}

function notMet(
  config: Config,
  fingerprint: string,
  expected: string,
  differences: readonly Difference[] | null,
): MigrateError {
  const problems =
    differences === null || differences.length === 0
      ? [`expected fingerprint ${expected}`, `the database has ${fingerprint}`]
      : differenceLines(differences, config.verbose);
  return new MigrateError(
    'drift',
    `The schema is not what was expected: its fingerprint is ${fingerprint}, not ${expected}`,
    {
      problems,
      hint: `If a migration is new, make schema and commit ${schemaFile}. If not, this database was changed by hand, or another way than by these files: make migrate-drift.`,
      state: 'The run itself is done; its migrations stay applied.',
    },
  );
}
