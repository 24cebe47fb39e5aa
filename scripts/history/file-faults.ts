// Takes what is wrong with the content of files; tells which of them are applied with exactly that text, so that nothing
// of it will run again: a warning there, a refusal elsewhere. It asks the database once, and only where something is wrong.
import { MigrateError } from '../base/errors.ts';
import type { SqlFile } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import { withSession } from '../connection/session.ts';
import { readHistory, readState } from '../ledger/ledger.ts';
import type { ReadyStep } from '../plan/steps.ts';

/** Files of applied migrations that could not be run again, by path. */
export type FileFaults = ReadonlyMap<string, FileFault>;

export interface FileFault {
  /** Of the text that the fault is in. */
  readonly checksum: string;
  /** In words, with the line. */
  readonly problem: string;
}

/** How long (ms) to try for a server that does not answer: the files are wrong in any case. */
const patience = 2000;

/**
 * Which of these files belong to a migration that the target has applied with their text. None where the target cannot be
 * asked. A migration that node-pg-migrate applied counts: what is on disk is what the ledger will take for it.
 * @throws nothing
 */
export async function appliedAsTheyAre(
  config: Config,
  files: readonly SqlFile[],
): Promise<ReadonlySet<string>> {
  const asking = { ...config, connectTimeoutMs: Math.min(patience, config.connectTimeoutMs) };
  try {
    const { applied } = await withSession(asking, {}, async (session) =>
      readHistory(session, config, await readState(session, config)),
    );
    const entries = new Map(applied.map(({ id, entry }) => [id, entry]));
    const isApplied = ({ path, checksum }: SqlFile) => {
      const fileName = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
      const [, id = '', direction] = /^(.+)\.(up|down)\.sql$/s.exec(fileName) ?? [];
      const entry = entries.get(id);
      if (entry === undefined) return false;
      const recorded = direction === 'up' ? entry?.upChecksum : entry?.downChecksum;
      return recorded == null || recorded === checksum;
    };
    return new Set(files.filter(isApplied).map(({ path }) => path));
  } catch {
    return new Set();
  }
}

/** @throws MigrateError `usage` where a step is to run a text that cannot be run */
export function refuseFaulty(steps: readonly ReadyStep[], faults: FileFaults): void {
  if (faults.size === 0) return;
  const faulty = steps.flatMap((step) => {
    const fault = faults.get(step.path);
    return fault !== undefined && fault.checksum === step.checksum ? [{ step, fault }] : [];
  });
  const [first] = faulty;
  if (first === undefined) return;
  const { id, version, direction, path } = first.step;
  const accept = direction === 'up' ? 'accept' : 'accept_down';
  throw new MigrateError(
    'usage',
    `${id} cannot be ${direction === 'up' ? 'applied again' : 'reverted'}: ${first.fault.problem}`,
    {
      ...(faulty.length > 1 ? { problems: faulty.map(({ fault }) => fault.problem) } : {}),
      location: { file: path },
      hint: `Mend ${path}, record its text (make migrate-repair ${accept}=${version} reason="…"), then run the same command again.`,
      state: 'Nothing was changed.',
    },
  );
}
