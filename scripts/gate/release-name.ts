// Takes a manifest; gives the name that sessions of a release carry (application_name), and reads it again. Pure.
// `up --after-deploy` looks for the names of releases that do not know what it is about to take away.
import { createHash } from 'node:crypto';
import type { Manifest } from './manifest.ts';

/** What a session's name says of its release. */
export interface ReleaseName {
  /** The version of the newest migration that the release knows; 14 digits. */
  readonly version: string;
  /** Eight hex digits for a tracking table other than the default, else empty. */
  readonly history: string;
}

/** PostgreSQL cuts longer names off. */
const longest = 63;

/** The part of a name that tells histories in one database apart. */
export function historyTag(trackingTable: string): string {
  if (trackingTable === 'public.pgmigrations') return '';
  return createHash('sha256').update(trackingTable).digest('hex').slice(0, 8);
}

/** "shop release 20250102000000"; with another tracking table " of 1f2e3d4c" behind it. */
export function formatReleaseName({ migrations, trackingTable }: Manifest, application: string): string {
  const newest = migrations.at(-1)?.id.slice(0, 14) ?? '00000000000000';
  const tag = historyTag(trackingTable);
  const release = `release ${newest}${tag === '' ? '' : ` of ${tag}`}`;
  const plain = application.replaceAll(/[^\x20-\x7e]/g, '?');
  return `${plain.slice(0, longest - release.length - 1)} ${release}`.trim();
}

/** Null for a name that the gate has not made. */
export function parseReleaseName(name: string): ReleaseName | null {
  const [, version, history = ''] = /(?:^| )release (\d{14})(?: of ([0-9a-f]{8}))?$/.exec(name) ?? [];
  return version === undefined ? null : { version, history };
}
