// Takes a migration that runs outside of a transaction; gives one that makes the same schema inside of one, where that is
// sure: indexes built or dropped CONCURRENTLY, and what runs the same in both. Committing each file costs a copy of the database.
import type { Migration, SqlFile, Statement } from '../base/types.ts';
import type { Parser } from '../files/statements.ts';
import { runsOneByOne } from '../scratch/citus-stand-ins.ts';
import type { Scratch } from './scratch.ts';

const concurrently = /^((?:create\s{1,9}(?:unique\s{1,9})?|drop\s{1,9})index\s{1,9})concurrently\b/i;

/**
 * The migration with spaces in the place of CONCURRENTLY, so that positions stay; null where only running it as it is tells.
 * What is refused of it in a transaction may still run as it is.
 */
export async function asTransaction(scratch: Scratch, migration: Migration): Promise<Migration | null> {
  if (runsOneByOne()) return null;
  const [up, down] = [migration.up, migration.down].map((file) => withoutConcurrently(file, scratch.parse));
  if (up == null || down == null) return null;
  const names = [...up.names, ...down.names];
  return (await anyPartitioned(scratch, names)) ? null : { ...migration, up: up.file, down: down.file };
}

const ofIndexes = new Set(['IndexStmt', 'DropStmt']);
/** What is done of these depends on no transaction's end; some of it is refused inside of one, and then run as it is. */
const sameInBoth = new Set(['CommentStmt', 'AlterTableStmt', 'RenameStmt']);

interface Changed {
  readonly file: SqlFile;
  /** Tables and indexes that must not be partitioned: CONCURRENTLY is refused there. */
  readonly names: readonly string[];
}

function withoutConcurrently(file: SqlFile, parse: Parser): Changed | null {
  if (!file.directives.noTransaction) return { file, names: [] };
  const parsed = file.directives.batch === undefined ? parse(file.text) : null;
  if (parsed?.ok !== true) return null;
  const names: string[] = [];
  let text = file.text;
  for (const statement of parsed.statements) {
    const { start, kind, node } = statement;
    if (sameInBoth.has(kind) || (ofIndexes.has(kind) && node.concurrent !== true)) continue;
    const name = indexOrTable(statement);
    const found = concurrently.exec(statement.text);
    if (name === null || found === null) return null;
    names.push(name);
    const at = start + (found[1]?.length ?? 0);
    text = text.slice(0, at) + ' '.repeat('concurrently'.length) + text.slice(at + 'concurrently'.length);
  }
  const { path, checksum } = file;
  return { file: { path, checksum, text, directives: { ...file.directives, noTransaction: false } }, names };
}

/** The table of an index that is built, or the one index that is dropped; null for every other statement. */
function indexOrTable({ kind, node }: Statement): string | null {
  if (kind === 'IndexStmt') return (node.relation as { relname?: string } | undefined)?.relname ?? null;
  if (kind !== 'DropStmt' || node.removeType !== 'OBJECT_INDEX' || node.behavior === 'DROP_CASCADE')
    return null;
  const objects = node.objects as readonly { List?: { items?: readonly { String?: { sval?: string } }[] } }[];
  return objects.length === 1 ? (objects[0]?.List?.items?.at(-1)?.String?.sval ?? null) : null;
}

async function anyPartitioned({ client }: Scratch, names: readonly string[]): Promise<boolean> {
  const { rows } = await client.query<{ any: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relname = ANY ($1::pg_catalog.text[]) AND (c.relkind IN ('p', 'I') OR c.relispartition)) AS "any"`,
    [names],
  );
  return rows[0]?.any !== false;
}
