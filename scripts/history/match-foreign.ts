// Takes what another tool says it applied, and our migrations; gives which of its records is which of our pairs, and
// everything that does not match. Pure. It never guesses: what is not certain is a problem.
import type { Migration } from '../base/types.ts';
import { secondAfter, stampOf as stampOfVersion } from '../files/version.ts';

/** One record of another tool that says "applied". */
export interface ForeignRecord {
  /** As a person finds it there: "V3 create users". */
  readonly label: string;
  /** As it stands there, punctuation taken out; null where the tool has none. */
  readonly version: string | null;
  /** Null where the tool keeps no names. */
  readonly name: string | null;
}

export interface ForeignHistory {
  readonly tool: string;
  readonly table: string;
  /** In the order of application. */
  readonly records: readonly ForeignRecord[];
  /** The tool only keeps its newest version: everything up to it is applied. */
  readonly newestOnly?: boolean;
  /** Its versions have no order of their own: which migration the newest is, only --to can say. */
  readonly namedByPerson?: boolean;
  /** What there is wrong with the records themselves. */
  readonly problems: readonly string[];
  /** Records that are left out, and why. */
  readonly notes: readonly string[];
}

export interface Pairing {
  readonly label: string;
  readonly migration: Migration;
  /** The record's own name, where it has to be changed in place. */
  readonly record: ForeignRecord;
}

export interface Mapping {
  readonly pairs: readonly Pairing[];
  readonly problems: readonly string[];
}

/**
 * By version where the tool's versions are ours, else by order, and then names must agree (or, where the tool keeps
 * none, --to must name exactly as many migrations).
 * @param to the newest version to take over; null takes what the other tool has
 */
export function mapHistory(
  foreign: ForeignHistory,
  migrations: readonly Migration[],
  to: string | null,
): Mapping {
  if (foreign.problems.length > 0) return { pairs: [], problems: foreign.problems };
  if (foreign.records.length === 0)
    return { pairs: [], problems: [`${foreign.table} names no applied migration`] };
  const { pairs, problems } = pair(foreign, migrations, to);
  const last =
    to ??
    pairs
      .map(({ migration }) => migration.version)
      .sort()
      .at(-1) ??
    '';
  const paired = new Set(pairs.map(({ migration }) => migration.id));
  const unapplied = migrations
    .filter(({ id, version }) => version <= last && !paired.has(id))
    .map(({ id }) => `${id} is not applied according to ${foreign.table}`);
  const beyond = pairs
    .filter(({ migration }) => migration.version > last)
    .map(({ label, migration }) => `${label} is ${migration.id}: applied there, but newer than --to ${last}`);
  return { pairs, problems: [...problems, ...unapplied, ...beyond] };
}

function pair(foreign: ForeignHistory, migrations: readonly Migration[], to: string | null): Mapping {
  const versions = new Set(migrations.map(({ version }) => version));
  const { records } = foreign;
  const shared = records.some((record) => versions.has(stampOf(record) ?? ''));
  if (foreign.newestOnly) return pairUpTo(foreign, migrations, to, shared);
  if (shared) return pairByVersion(records, migrations);
  if (records.every(({ name }) => name !== null)) return pairByOrder(records, migrations);
  return records.some((record) => stampOf(record) !== null)
    ? pairByVersion(records, migrations)
    : pairByCount(records, migrations, to);
}

/** A record's version as 14 digits, or null where it is none of ours. */
function stampOf({ version }: ForeignRecord): string | null {
  return version === null ? null : stampOfVersion(version);
}

function pairByVersion(records: readonly ForeignRecord[], migrations: readonly Migration[]): Mapping {
  const byVersion = new Map(migrations.map((migration) => [migration.version, migration]));
  const pairs: Pairing[] = [];
  const problems: string[] = [];
  for (const record of records) {
    // A record that is there twice is not the next one.
    const others = pairs.filter((other) => other.record.version !== record.version);
    const migration = ofVersion(record, byVersion, new Set(others.map((other) => other.migration)));
    if (migration === undefined) problems.push(`${record.label} has no migration with its version here`);
    else if (!namesAgree(record, migration))
      problems.push(`${record.label} has the version of ${migration.id}, but another name`);
    else if (pairs.some((other) => other.migration === migration))
      problems.push(`${record.label} is ${migration.id} a second time`);
    else pairs.push({ label: record.label, migration, record });
  }
  return { pairs, problems };
}

/** `import` gives those of one time the seconds after it: there, the name tells which it is, or the order where there is none. */
function ofVersion(
  record: ForeignRecord,
  byVersion: ReadonlyMap<string, Migration>,
  taken: ReadonlySet<Migration>,
): Migration | undefined {
  const first = byVersion.get(stampOf(record) ?? '');
  const isAnother = (migration: Migration) =>
    record.name === null ? taken.has(migration) : !namesAgree(record, migration);
  let next = first;
  while (next !== undefined && isAnother(next)) next = byVersion.get(secondAfter(next.version));
  return next ?? first;
}

function pairByOrder(records: readonly ForeignRecord[], migrations: readonly Migration[]): Mapping {
  const pairs: Pairing[] = [];
  const problems: string[] = [];
  records.forEach((record, i) => {
    const migration = migrations[i];
    if (migration === undefined) problems.push(`${record.label} (number ${i + 1}) has no migration here`);
    else if (!namesAgree(record, migration))
      problems.push(`number ${i + 1} is ${record.label} there, and ${migration.id} here`);
    else pairs.push({ label: record.label, migration, record });
  });
  return { pairs, problems };
}

/** Numbers without names: only the user can say that they mean the same migrations, by naming the last one. */
function pairByCount(
  records: readonly ForeignRecord[],
  migrations: readonly Migration[],
  to: string | null,
): Mapping {
  const upTo = migrations.filter(({ version }) => to !== null && version <= to);
  if (to === null)
    return {
      pairs: [],
      problems: [`its ${records.length} versions are bare numbers: name the last one with --to`],
    };
  if (upTo.length !== records.length) {
    return {
      pairs: [],
      problems: [`it names ${records.length} migrations, and there are ${upTo.length} up to ${to} here`],
    };
  }
  return { pairs: records.map((record, i) => toPairing(record, upTo[i] as Migration)), problems: [] };
}

function pairUpTo(
  { records, namedByPerson = false }: ForeignHistory,
  migrations: readonly Migration[],
  to: string | null,
  shared: boolean,
): Mapping {
  const newest = records.at(-1) as ForeignRecord;
  if (namedByPerson && to !== null) {
    const covered = migrations.filter(({ version }) => version <= to);
    return { pairs: covered.map((migration) => toPairing(newest, migration)), problems: [] };
  }
  if (shared) {
    const covered = migrations.filter(({ version }) => version <= (stampOf(newest) ?? ''));
    return { pairs: covered.map((migration) => toPairing(newest, migration)), problems: [] };
  }
  const count = Number(newest.version);
  const upTo = migrations.filter(({ version }) => to !== null && version <= to);
  if (stampOf(newest) === null && to !== null && upTo.length === count)
    return { pairs: upTo.map((migration) => toPairing(newest, migration)), problems: [] };
  return {
    pairs: [],
    problems: [
      to === null
        ? `${newest.label} is no version here: name the migration that it is with --to`
        : `${newest.label} is no version here, and there are ${upTo.length} migrations up to ${to}`,
    ],
  };
}

const toPairing = (record: ForeignRecord, migration: Migration): Pairing => ({
  label: record.label,
  migration,
  record,
});

function namesAgree({ name }: ForeignRecord, migration: Migration): boolean {
  // A name without a letter or digit of ours (Cyrillic, Chinese) says nothing: import calls such a migration otherwise.
  const theirs = name === null ? '' : normalise(name);
  return theirs === '' || theirs === normalise(migration.name);
}

/** Tools write the same name as `create_users`, `Create users`, `createUsers` or `create-users`. */
function normalise(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\.sql$/, '')
    .replace(/[^a-z0-9]+/g, '');
}
