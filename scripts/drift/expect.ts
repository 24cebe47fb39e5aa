// Takes --expect-fingerprint; gives whether the database is, after a run, what git says, and what differs where not.
// It only reads.

import { MigrateError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import type { Difference } from '../schema/change/diff.ts';
import type { SchemaOptions } from '../schema/types.ts';
import { readSchemaFile, schemaFile } from './expected.ts';
import { readLiveFingerprint, readLiveObjects } from './live.ts';
import { portable } from './options.ts';
import { differenceJson, differenceLines } from './report.ts';
import { differencesToText } from './schema-file.ts';

export interface Expectation {
  readonly fingerprint: string;
  /** The text that has this fingerprint; null where db/schema.sql has another one. */
  readonly text: string | null;
  /** Major version of the server that the text was printed by; null where nobody knows. */
  readonly major: number | null;
}

/** @throws MigrateError `usage` where the value is no fingerprint, or db/schema.sql has none to offer */
export function readExpectation(config: Config, flag: string | true): Expectation {
  const file = readSchemaFile(config);
  if (flag !== true) {
    if (!/^[0-9a-f]{16}$/i.test(flag)) {
      throw new MigrateError('usage', `--expect-fingerprint "${flag}" is no fingerprint: 16 hex digits`, {
        hint: `make migrate-status json=1 shows that of a database, the head of ${schemaFile} that of the files.`,
      });
    }
    const fingerprint = flag.toLowerCase();
    const isOfFile = file?.fingerprint === fingerprint;
    return { fingerprint, text: isOfFile ? file.text : null, major: isOfFile ? file.major : null };
  }
  if (file === null || file.fingerprint === null) {
    throw new MigrateError(
      'usage',
      `--expect-fingerprint needs ${schemaFile}, which ${file === null ? 'is missing' : 'has no fingerprint in its head'}`,
      { hint: 'make schema writes it; commit it with the migrations. Or name the fingerprint.' },
    );
  }
  return { fingerprint: file.fingerprint, text: file.text, major: file.major };
}

export interface Met {
  /** What is worth saying though the schema is the expected one; null where nothing is. */
  readonly note: string | null;
  readonly document: Readonly<Record<string, unknown>>;
  readonly error: MigrateError | null;
}

/**
 * Compares the live fingerprint with the one that was asked for. Another major version may print the same schema with
 * another fingerprint: then what db/schema.sql builds on a server of this version is compared.
 * @returns what `--json` says of it, and the error `drift` where they differ
 * @throws MigrateError `connection`, `locked`, `refused`
 */
export async function meetExpectation(
  session: Session,
  config: Config,
  options: SchemaOptions,
  { fingerprint: expected, text, major }: Expectation,
): Promise<Met> {
  const fingerprint = await readLiveFingerprint(session, options);
  if (fingerprint === expected) return { note: null, document: { fingerprint }, error: null };
  const objects = text === null ? [] : await readLiveObjects(session, portable(options));
  const differences = text === null ? null : await differencesToText(config, text, objects, session.major);
  const printedBy = major === null || major === session.major ? null : major;
  const document = { fingerprint, expectedFingerprint: expected };
  if (printedBy !== null && differences?.length === 0) {
    const note = `${schemaFile} is of PostgreSQL ${printedBy}, whose fingerprint differs; what it builds on PostgreSQL ${session.major} is the schema that is there. make schema writes it anew`;
    return { note, document, error: null };
  }
  const drift = { state: 'drifted', differences: (differences ?? []).map(differenceJson) };
  return {
    note: null,
    document: { ...document, drift },
    error: notMet(config, fingerprint, expected, differences, hintFor(session.major, printedBy)),
  };
}

/** @param printedBy the other major version that db/schema.sql is of; null where it is of the server's, or nobody knows */
function hintFor(server: number, printedBy: number | null): string {
  return printedBy === null
    ? `If a migration is new, make schema and commit ${schemaFile}. If the server was upgraded since the fingerprint was taken, another major version may print the same schema otherwise: likewise. If neither, this database was changed by hand, or another way than by these files: make migrate-drift.`
    : `${schemaFile} is of PostgreSQL ${printedBy}, this server is ${server}: their fingerprints do not compare. Set "postgres": ${server} in db/config.json, make schema and commit it.`;
}

function notMet(
  config: Config,
  fingerprint: string,
  expected: string,
  differences: readonly Difference[] | null,
  hint: string,
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
      hint,
      state: 'The run itself is done; its migrations stay applied.',
    },
  );
}
