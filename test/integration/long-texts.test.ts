// Of an up above 1 MB the ledger keeps checksum and size; every down it keeps whole, for a revert runs it.
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { pair, versionOf } from '../support/migrations.ts';

const limit = 1024 * 1024;
const id = `${versionOf(1)}_long`;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** A text of exactly so many bytes: the SQL, and a comment with characters of two bytes. */
function textOf(sql: string, bytes: number): string {
  const start = `${sql}\n-- `;
  const rest = bytes - Buffer.byteLength(start) - 1;
  return `${start}${'ä'.repeat(Math.floor(rest / 2))}${rest % 2 === 1 ? 'x' : ''}\n`;
}

const up = textOf('CREATE TABLE long (id int);', limit + 1);
const down = textOf('DROP TABLE long;', 2 * limit);

async function applied(texts: Record<string, string>): Promise<[Project, TestDatabase]> {
  const [tool, database] = [await project(texts), await createDatabase()];
  expectExit(await tool.run(['up'], { env: database.env() }), 0);
  return [tool, database];
}

const keptOf = (database: TestDatabase) =>
  database.query<{ up_sql: string | null; up_checksum: string; down_sql: string; size: number | null }>(
    `SELECT up_sql, up_checksum, down_sql, up_size::int AS size
       FROM migration_ledger.entries LEFT JOIN migration_ledger.long_texts USING (seq) ORDER BY seq`,
  );

describe('A text above 1 MB', () => {
  it('is recorded as checksum and size where it is an up, and whole where it is a down', async () => {
    const [tool, database] = await applied(pair(id, up, down));
    const [entry] = await keptOf(database);
    expect(entry).to.deep.include({ up_sql: null, up_checksum: sha256(up), size: limit + 1 });
    expect(entry?.down_sql === down).to.equal(true);
    expectExit(await tool.run(['up'], { env: database.env() }), 0);
    for (const name of [`${id}.up.sql`, `${id}.down.sql`]) rmSync(join(tool.root, 'db', 'migrations', name));
    expectExit(await tool.run(['down'], { env: database.env() }), 0);
    expect(await database.query("SELECT FROM pg_class WHERE relname = 'long'")).to.deep.equal([]);
  });

  it('is kept up to the last byte of it', async () => {
    const text = textOf('CREATE TABLE long (id int);', limit);
    const [, database] = await applied(pair(id, text, 'DROP TABLE long;\n'));
    const [entry] = await keptOf(database);
    expect(entry?.up_sql === text && entry.size === null).to.equal(true);
  });

  it('is named by status, with its size', async () => {
    const [tool, database] = await applied(pair(id, up, down));
    const result = await tool.run(['status'], { env: database.env() });
    expectExit(result, 0);
    expect(result.stdout).to.include('(up text of 1.0 MB not kept)');
    const { migrations } = (await tool.run(['status', '--json'], { env: database.env() })).json();
    expect((migrations as object[])[0]).to.include({ unkeptUpSize: limit + 1 });
  });

  it('counts as modified after any change, and what is said names checksums and sizes in place of lines', async () => {
    const [tool, database] = await applied(pair(id, up, down));
    tool.write(`${id}.up.sql`, `${up}-- a comment\n`);
    const result = await tool.run(['up'], { env: database.env() });
    expectExit(result, 4);
    expect(result.stderr)
      .to.include(`as it ran: 1.0 MB, sha256 ${sha256(up).slice(0, 16)}…`)
      .and.to.include('the ledger keeps checksum and size');
    const accept = ['repair', '--accept', versionOf(1), '--reason', 'a comment'];
    expectExit(await tool.run(accept, { env: database.env() }), 0);
    expectExit(await tool.run(['up'], { env: database.env() }), 0);
    expect((await keptOf(database)).map(({ size }) => size)).to.deep.equal([limit + 1, limit + 14]);
  });

  it('stays as it ran when another side of the pair is repaired', async () => {
    const [tool, database] = await applied(pair(id, up, down));
    tool.write(`${id}.down.sql`, 'DROP TABLE IF EXISTS long;\n');
    const accept = ['repair', '--accept-down', versionOf(1), '--reason', 'safer'];
    expectExit(await tool.run(accept, { env: database.env() }), 0);
    const rows = await keptOf(database);
    expect(rows.map(({ size, up_checksum }) => [size, up_checksum])).to.deep.equal([
      [limit + 1, sha256(up)],
      [limit + 1, sha256(up)],
    ]);
    expectExit(await tool.run(['up'], { env: database.env() }), 0);
  });

  it('is found again under another name by its checksum', async () => {
    const [tool, database] = await applied(pair(id, up, down));
    for (const name of [`${id}.up.sql`, `${id}.down.sql`]) rmSync(join(tool.root, 'db', 'migrations', name));
    for (const [name, text] of Object.entries(pair(`${versionOf(2)}_long`, up, down))) tool.write(name, text);
    const result = await tool.run(['status'], { env: database.env() });
    expectExit(result, 4);
    expect(result.stderr)
      .to.include('renamed')
      .and.to.include(`${versionOf(2)}_long`);
  });
});
