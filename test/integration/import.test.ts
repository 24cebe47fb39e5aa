// SQL folders of Prisma and Drizzle become pairs that run; what is applied is taken over, and nothing is written twice.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';

const prisma = {
  'prisma/migrations/migration_lock.toml': 'provider = "postgresql"\n',
  'prisma/migrations/20240101120000_init/migration.sql':
    '-- CreateTable\nCREATE TABLE "User" ("id" SERIAL NOT NULL, CONSTRAINT "User_pkey" PRIMARY KEY ("id"));',
  'prisma/migrations/20240102120000_add_index/migration.sql':
    'CREATE INDEX CONCURRENTLY "User_id" ON "User" ("id");\n',
};
const times = ['2024-01-01T12:00:00Z', '2024-01-02T12:00:00Z'].map((time) => Date.parse(time));
const drizzle = {
  'drizzle/0000_brave_hulk.sql':
    'CREATE TABLE "users" ("id" serial PRIMARY KEY);\n--> statement-breakpoint\nCREATE TABLE "posts" ("id" serial PRIMARY KEY);\n',
  'drizzle/0001_odd_name.sql': 'ALTER TABLE "users" ADD COLUMN "name" text;\n',
  'drizzle/meta/_journal.json': JSON.stringify({
    version: '7',
    dialect: 'postgresql',
    entries: [
      { idx: 1, when: times[1], tag: '0001_odd_name', breakpoints: true },
      { idx: 0, when: times[0], tag: '0000_brave_hulk', breakpoints: true },
    ],
  }),
};

describe('import', () => {
  for (const [tool, files, ids] of [
    ['prisma', prisma, ['20240101120000_init', '20240102120000_add-index']],
    ['drizzle', drizzle, ['20240101120000_brave-hulk', '20240102120000_odd-name']],
  ] as const) {
    it(`makes pairs of what ${tool} has, which run as they are`, async () => {
      const { run, root } = await project({ ...files });
      const shown = await run(['import', '--from', tool, '--dry-run']);
      expectExit(shown, 0);
      expect(readdirSync(join(root, 'db', 'migrations'))).to.deep.equal([]);
      expectExit(await run(['import', '--from', tool]), 0);
      const written = readdirSync(join(root, 'db', 'migrations')).filter((name) => name.endsWith('.up.sql'));
      expect(written).to.deep.equal(ids.map((id) => `${id}.up.sql`));
      const database = await createDatabase();
      expectExit(await run(['up'], { env: database.env() }), 0);
      const down = await run(['down'], { env: database.env() });
      expectExit(down, 7);
      expect(down.stderr).to.include(`imported from ${tool}`);
      const again = await run(['import', '--from', tool]);
      expectExit(again, 2);
      expect(again.stderr).to.include('has its version already');
    });
  }

  it('gives a statement that cannot run in a transaction its directive', async () => {
    const { run, root } = await project(prisma);
    expectExit(await run(['import', '--from', 'prisma']), 0);
    const text = readFileSync(join(root, 'db', 'migrations', '20240102120000_add-index.up.sql'), 'utf8');
    expect(text).to.match(/^-- migrate: no-transaction\n/);
  });

  it('refuses what has no order, another tool, and a folder that is not there', async () => {
    const { run, root } = await project({ 'prisma/migrations/first/migration.sql': 'SELECT 1;\n' });
    expectExit(await run(['import', '--from', 'prisma']), 2);
    expectExit(await run(['import', '--from', 'typeorm']), 2);
    expectExit(await run(['import', '--from', 'drizzle']), 2);
    expect(existsSync(join(root, 'db', 'migrations', 'first.up.sql'))).to.equal(false);
  });
});
