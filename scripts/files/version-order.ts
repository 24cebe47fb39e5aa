// Takes the migrations directory, git and a base ref; gives the pairs that are new here but older than the newest at the
// tip of that ref, and the names that put them behind it. It reads names only and changes nothing.
import { readdirSync } from 'node:fs';
import { shownPath } from '../base/paths.ts';

import type { Config } from '../config/config.ts';
import { git, knownRef, placeOf } from './changed-since.ts';
import { nextVersion } from './version.ts';

/** What is new here beside what the base has by now; ids as `<version>_<name>`, oldest first. */
export interface BranchOrder {
  readonly base: string;
  readonly added: readonly string[];
  /** At the tip of the base, not at the common ancestor. */
  readonly tip: readonly string[];
}

/** One new pair that the base's newest pair has overtaken. */
export interface Crossing {
  readonly id: string;
  /** The pair of the base that is newer, or has the same version. */
  readonly other: string;
  readonly sameVersion: boolean;
}

export interface BranchRename {
  readonly from: string;
  readonly to: string;
}

/** @throws MigrateError `usage` when git does not know the ref */
export async function readBranchOrder(config: Config, ref: string): Promise<BranchOrder> {
  await knownRef(config, ref);
  const there = placeOf(config);
  const listed = there.root === config.directory ? '.' : shownPath(config.root, config.directory);
  const idsAt = async (commit: string) =>
    idsOf((await git(there, ['ls-tree', '-z', '--name-only', commit, '--', `${listed}/`])).split('\0'));
  const ancestor = (await git(there, ['merge-base', ref, 'HEAD']).catch(() => ref)).trim();
  const [tip, before] = await Promise.all([idsAt(ref), idsAt(ancestor)]);
  const known = new Set([...tip, ...before]);
  return { base: ref, added: idsOf(namesOnDisk(config)).filter((id) => !known.has(id)), tip };
}

function namesOnDisk({ directory }: Config): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // git keeps no empty folder.
    return [];
  }
}

function idsOf(paths: readonly string[]): string[] {
  const ids = paths.flatMap((path) => /(?:^|\/)(\d{14}_[^/]+)\.(?:up|down)\.sql$/.exec(path)?.[1] ?? []);
  return [...new Set(ids)].sort();
}

const versionOf = (id: string) => id.slice(0, 14);

/** New pairs that are not newer than everything at the tip: merged as they are, they would run out of order. */
export function crossings({ added, tip }: BranchOrder): Crossing[] {
  const newest = tip.at(-1);
  if (newest === undefined) return [];
  return added
    .filter((id) => versionOf(id) <= versionOf(newest))
    .map((id) => {
      const twin = tip.find((other) => versionOf(other) === versionOf(id));
      return { id, other: twin ?? newest, sameVersion: twin !== undefined };
    });
}

/** Fresh versions for the first pair that crosses and all new ones behind it, so that their order stays. */
export function branchRenames(order: BranchOrder, now: Date): BranchRename[] {
  const [first] = crossings(order);
  if (first === undefined) return [];
  const moved = order.added.filter((id) => id >= first.id);
  const taken = [...order.tip, ...order.added];
  return moved.map((from) => {
    const version = nextVersion(taken, now);
    const to = `${version}${from.slice(14)}`;
    taken.push(to);
    return { from, to };
  });
}
