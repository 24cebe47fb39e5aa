// rebase: gives pending files that are older than the newest applied a fresh version, keeping their order.
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { shownPath } from '../base/paths.ts';
import { refuseLinkOut } from '../base/project-file.ts';
import type { Config } from '../config/config.ts';
import { branchRenames, readBranchOrder } from '../files/version-order.ts';
import { readClassified } from '../history/history-check.ts';
import { loadMigrations } from '../history/load-migrations.ts';
import { overtaken, planRenames, type Rename } from '../history/rebase.ts';
import { withTarget } from '../history/with-target.ts';
import { readState } from '../ledger/ledger.ts';
import type { Command, CommandInput, CommandResult } from '../report/command.ts';
import { count } from '../report/human.ts';

export interface RebaseFlags {
  readonly dryRun?: boolean;
  readonly since?: string;
}

export const rebase: Command<RebaseFlags> = async (input) => {
  const { config, flags, args, progress } = input;
  if (flags.since !== undefined) return rebaseBranch(input, flags.since);
  const migrations = await loadMigrations(config, progress.warn);
  return withTarget(input, async (session) => {
    const { statuses } = await readClassified(session, config, await readState(session, config), migrations);
    const renames = planRenames(statuses, args, readdirSync(config.directory), new Date());
    for (const { migration, id } of renames) progress.say(`  ${migration.id} → ${id}`);
    const document = {
      renames: renames.map(({ migration, id }) => ({ from: migration.id, to: id })),
      files: renames.flatMap((rename) => paths(config, rename).map(({ to }) => shownPath(config.root, to))),
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

/** What another branch has overtaken gets versions behind it, before any database knows either. */
async function rebaseBranch(
  { config, flags, args, progress }: CommandInput<RebaseFlags>,
  since: string,
): Promise<CommandResult> {
  if (args.length > 0)
    throw new MigrateError('usage', '--since finds what to rename: name no versions beside it');
  const renames = branchRenames(await readBranchOrder(config, since), new Date());
  const moves = renames.flatMap(({ from, to }) =>
    (['up', 'down'] as const)
      .map((side) => ({
        from: join(config.directory, `${from}.${side}.sql`),
        to: join(config.directory, `${to}.${side}.sql`),
      }))
      .filter((move) => existsSync(move.from)),
  );
  for (const { from, to } of renames) progress.say(`  ${from} → ${to}`);
  const document = { renames, files: moves.map(({ to }) => shownPath(config.root, to)) };
  if (renames.length === 0) return { document, lines: [`Nothing here is older than the newest of ${since}`] };
  if (flags.dryRun)
    return { document, lines: [`Would rename ${count(renames.length)}. Nothing was changed.`] };
  refuseLinkOut(config.root, config.directory);
  renameAll(moves);
  const line = `Renamed ${count(renames.length)}; commit the new names, and make schema anew. Where one is applied already under its old name: make db-reset.`;
  return { document, lines: [line] };
}

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
