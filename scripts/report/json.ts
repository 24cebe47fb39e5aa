// Takes what a command found and how it ended; gives the one JSON document of --json. Pure.
import { type ErrorCode, exitCodes, exitStatus, MigrateError } from '../base/errors.ts';
import type { Outcome } from '../base/types.ts';

export interface JsonInput {
  readonly command: string;
  readonly environment: string | null;
  readonly error: unknown;
  /** How a command that did its work still asks for attention: findings, pending. */
  readonly verdict: ErrorCode | null;
  readonly document: Readonly<Record<string, unknown>>;
}

/** Fields common to every command first, the command's own after. */
export function toJson({
  command,
  environment,
  error,
  verdict,
  document,
}: JsonInput): Record<string, unknown> {
  const exitCode = error !== null ? exitStatus(error) : verdict === null ? 0 : exitCodes[verdict];
  return {
    command,
    ok: exitCode === 0,
    exitCode,
    environment,
    error: error === null ? null : errorJson(error),
    ...document,
  };
}

function errorJson(error: unknown): Record<string, unknown> {
  const known = error instanceof MigrateError ? error : null;
  const { location, database, hint, problems, state } = known?.options ?? {};
  return {
    code: known?.code ?? 'bug',
    message: error instanceof Error ? error.message : String(error),
    hint: hint ?? null,
    file: location?.file ?? null,
    line: location?.line ?? null,
    column: location?.column ?? null,
    sqlState: database?.sqlState ?? null,
    detail: database?.detail ?? null,
    state: state ?? null,
    problems: problems ?? [],
  };
}

/** An outcome with the fields that the contract names. */
export function outcomeJson({
  version,
  name,
  direction,
  outcome,
  durationMs,
}: Outcome): Record<string, unknown> {
  return { version, name, direction, outcome, durationMs };
}
