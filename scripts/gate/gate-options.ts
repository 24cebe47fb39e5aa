// What an application says to the gate, as types and as shapes that are asked for when it starts: a setting that is passed
// over would let it start on what it must not.
import { MigrateError } from '../base/errors.ts';
import { logger, objectWith, type Shapes, text, textOr, trueOrFalse, wrongOption } from '../base/options.ts';
import type { Environment } from '../config/environment.ts';
import type { Queryable } from './gate-queries.ts';
import type { Manifest } from './manifest.ts';

/** Where what the gate has to say goes; NestJS's Logger and console fit. */
export interface GateLogger {
  log(message: string): void;
  warn(message: string): void;
}

export interface GateOptions {
  /** The application's own connection: a pg Client or Pool, a TypeORM DataSource, or anything with such a `query`. */
  readonly client?: Queryable;
  /** Without `client`: a URL, or variables that name the database (DATABASE_URL, PG*). Those of the process if left out. */
  readonly connection?: string | Environment;
  /** The manifest, or its path; `migrations.json` in the working directory if left out. */
  readonly manifest?: Manifest | string;
  /** What the database must be stamped as; MIGRATE_ENV if left out. With neither, the stamp is not compared. */
  readonly environment?: string;
  /**
   * Compares the schema too, as the last run stored it, with the fingerprint in the manifest (from db/schema.sql). One more
   * query. Not asked where the database is ahead or after-deploy migrations wait: then the schema is that of another release.
   */
  readonly fingerprint?: boolean;
  readonly logger?: GateLogger;
}

export const manifestShape = textOr('a manifest, or its path');

/** What the gate knows. */
export const gateShapes: Shapes = {
  client: { ...objectWith('query'), words: 'an object with query(), as a Pool of pg' },
  connection: textOr('a URL, or an object of variables'),
  manifest: manifestShape,
  environment: text,
  fingerprint: trueOrFalse,
  logger,
};

/**
 * The message says all: who starts an application often sees nothing else.
 * @throws MigrateError `usage` for an option that the function does not know, and for a value of the wrong kind
 */
export function refuseWrongOptions(caller: string, options: object, shapes: Shapes): void {
  const wrong = wrongOption(caller, options, shapes);
  if (wrong !== null) throw new MigrateError('usage', `${wrong.message}. ${wrong.hint}`.trim());
}
