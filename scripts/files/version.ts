// Takes names and versions that exist; gives the next ones. Pure.
import { MigrateError } from '../base/errors.ts';

/** `Create Users_Table` → `create-users-table`. @throws MigrateError `usage` where nothing usable is left */
export function normaliseName(asked: string): string {
  const name = asked
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replace(/[\s_.]+/g, '-')
    .replace(/-+/g, '-')
    .replace(/^-|-$/g, '');
  if (name === '') {
    throw new MigrateError('usage', 'A migration needs a name', {
      hint: 'make migrate-new name=create-users-table',
    });
  }
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) {
    throw new MigrateError('usage', `"${asked}" makes no file name: use letters, digits and dashes`, {
      hint: 'make migrate-new name=create-users-table',
    });
  }
  if (name.length > 200)
    throw new MigrateError('usage', `The name has ${name.length} characters; keep it under 200`);
  return name;
}

/**
 * The current UTC second as `YYYYMMDDHHMMSS`, or one second after the newest that exists: versions only ever grow.
 * @param fileNames names in the migrations directory
 */
export function nextVersion(fileNames: readonly string[], now: Date): string {
  const current = now.toISOString().replace(/\D/g, '').slice(0, 14);
  const newest =
    fileNames
      .map((name) => /^\d{14}(?=_)/.exec(name)?.[0] ?? '')
      .sort()
      .at(-1) ?? '';
  return current > newest ? current : secondAfter(newest);
}

/** The version one second later. */
export function secondAfter(version: string): string {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(version)?.map(Number) ?? [];
  const time = Date.UTC(y ?? 0, (mo ?? 1) - 1, d ?? 1, h ?? 0, mi ?? 0, (s ?? 0) + 1);
  const next = new Date(time).toISOString().replace(/\D/g, '').slice(0, 14);
  // A version need not be a real time (20250199000000): then count on as a number.
  return next > version ? next : String(BigInt(version) + 1n).padStart(14, '0');
}

/** A version as 14 digits: it is one, or one of node-pg-migrate's two others, UTC and since 1970, both with ms; else null. */
export function stampOf(version: string): string | null {
  if (/^\d{14}(\d{3})?$/.test(version)) return version.slice(0, 14);
  if (!/^1\d{12}$/.test(version)) return null;
  return new Date(Number(version)).toISOString().replace(/\D/g, '').slice(0, 14);
}

/**
 * Version and name of a migration's folder, in the order of names that Prisma applies them in: `0_init` comes first, and
 * `20250625_add` behind every `20250625……_`, for `_` sorts behind the digits. Null where the name begins with no number.
 */
export function fromFolderName(folder: string): { readonly version: string; readonly name: string } | null {
  const [, digits, name = ''] = /^(\d{14}|\d{1,13}(?=_))_?(.*)$/s.exec(folder) ?? [];
  if (digits === undefined) return null;
  return { version: digits.length < 8 ? digits.padStart(14, '0') : digits.padEnd(14, '9'), name };
}
