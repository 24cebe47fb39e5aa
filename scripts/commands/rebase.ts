// rebase: gives pending files that are older than the newest applied a fresh version, keeping their order.
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import { readClassified } from '../history/history-check.ts';
import { loadMigrations } from '../history/load-migrations.ts';
import { overtaken, planRenames, type Rename } from '../history/rebase.ts';
import { withTarget } from '../history/with-target.ts';
import { readState } from '../ledger/ledger.ts';
import type { Command } from '../report/command.ts';
import { count } from '../report/human.ts';

export interface RebaseFlags {
  readonly dryRun?: boolean;
}

export const rebase: Command<RebaseFlags> = async (input) => {
  const { config, flags, args, progress } = input;
  const migrations = await loadMigrations(config, progress.warn);
  return withTarget(input, async (session) => {
    const { statuses } = await readClassified(session, config, await readState(session, config), migrations);
    const renames = planRenames(statuses, args, readdirSync(config.directory), new Date());
    for (const { migration, id } of renames) progress.say(`  ${migration.id} → ${id}`);
    const document = {
      renames: renames.map(({ migration, id }) => ({ from: migration.id, to: id })),
      files: renames.flatMap((rename) => paths(config, rename).map(({ to }) => relative(config.root, to))),
    };
    if (renames.length === 0)
      return { document, lines: ['Nothing is out of order: no file needs another version'] };
    for (const id of overtaken(statuses, renames))
      progress.warn(`${id} is pending too, and now runs before what was renamed`);
    if (flags.dryRun)
      return { document, lines: [`Would rename ${count(renames.length)}. Nothing was changed.`] };
    renameAll(renames.flatMap((rename) => paths(config, rename)));
    return { document, lines: [`Renamed ${count(renames.length)}; commit the new names.`] };
  });
};

interface Move {
  readonly from: string;
  readonly to: string;
}

function paths(config: Config, { migration, id }: Rename): Move[] {
  return (['up', 'down'] as const).map((direction) => {
    const from = join(config.root, migration[direction].path);
    return { from, to: join(dirname(from), `${id}.${direction}.sql`) };
  });
}

/** All files or none: what was renamed before a failure gets its name back. */
function renameAll(moves: readonly Move[]): void {
  const done: Move[] = [];
  try {
    for (const move of moves) {
      if (existsSync(move.to)) throw new Error(`${move.to} exists already`);
      renameSync(move.from, move.to);
      done.push(move);
    }
  } catch (cause) {
    for (const { from, to } of done.reverse()) renameSync(to, from);
    throw new MigrateError('usage', `The files could not be renamed: ${(cause as Error).message}`, {
      state: 'No file has another name now.',
      cause,
    });
  }
}
