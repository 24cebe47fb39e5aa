// SQL folders of Prisma and Drizzle become pairs that run; what is applied is taken over, and nothing is written twice.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';

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

  it('takes out plain transactions, for each file gets one here, and no others', async () => {
    const wrapped: Record<string, readonly [there: string, here: string]> = {
      plain: ['-- why\nBEGIN;\nSELECT 1;\n\nSELECT 2;\nCOMMIT;\n', '-- why\nSELECT 1;\n\nSELECT 2;\n'],
      long: ['start transaction ;SELECT 1; END WORK', 'SELECT 1; '],
      commented: ['/* a */ BEGIN; SELECT 1; COMMIT; -- b', '/* a */ SELECT 1; -- b'],
      twice: ['BEGIN;\nSELECT 1;\nCOMMIT;\nBEGIN;\nSELECT 2;\nCOMMIT;\n', 'SELECT 1;\nSELECT 2;\n'],
      open: ['BEGIN;\nSELECT 1;\n', ''],
      // As Prisma writes a changed enum.
      within: [
        'SELECT 1;\n\n-- AlterEnum\nBEGIN;\nSELECT 2;\nCOMMIT;\n\nSELECT 3;\n',
        'SELECT 1;\n\n-- AlterEnum\nSELECT 2;\n\nSELECT 3;\n',
      ],
      ended: [
        'SELECT 1;\nCOMMIT;--> statement-breakpoint\nCREATE INDEX CONCURRENTLY i ON t (a);\n',
        '-- migrate: no-transaction\nSELECT 1;\n--> statement-breakpoint\nCREATE INDEX CONCURRENTLY i ON t (a);\n',
      ],
      undone: ['BEGIN;\nSELECT 1;\nROLLBACK;\n', ''],
      turned: ['COMMIT;\nSELECT 1;\nBEGIN;\n', ''],
      chained: ['BEGIN;\nSELECT 1;\nCOMMIT AND CHAIN;\n', ''],
      isolated: ['BEGIN ISOLATION LEVEL SERIALIZABLE;\nSELECT 1;\nCOMMIT;\n', ''],
    };
    const names = Object.keys(wrapped);
    const { root } = await project(
      Object.fromEntries(
        names.map((name, i) => [
          `prisma/migrations/${20240101120000 + i}_${name}/migration.sql`,
          wrapped[name]![0],
        ]),
      ),
    );
    const { exitCode, said } = await runInProcess(root, {}, ['import', '--from', 'prisma']);
    expect(exitCode, said).to.equal(0);
    for (const [i, name] of names.entries()) {
      const [there, here] = wrapped[name]!;
      const text = readFileSync(
        join(root, 'db', 'migrations', `${20240101120000 + i}_${name}.up.sql`),
        'utf8',
      );
      expect(text.trimEnd(), name).to.equal((here === '' ? there : here).trimEnd());
    }
  });

  it('tells Drizzle’s migrations of one second apart, and finds each again in its table', async () => {
    const second = Date.UTC(2024, 0, 1, 12);
    const whens = [second + 201, second + 202, second + 1000];
    const entries = whens.map((when, idx) => ({ idx, when, tag: `000${idx}_step` }));
    const { root } = await project({
      'drizzle/meta/_journal.json': JSON.stringify({ entries }),
      ...Object.fromEntries(entries.map(({ tag }) => [`drizzle/${tag}.sql`, 'SELECT 1;\n'])),
    });
    const database = await createDatabase();
    await database.query(`CREATE SCHEMA drizzle;
      CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
      INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('a', ${whens[0]}), ('a', ${whens[0]})`);
    const run = (...args: string[]) => runInProcess(root, database.env(), args);
    expect((await run('import', '--from', 'drizzle')).exitCode).to.equal(0);
    expect(readdirSync(join(root, 'db', 'migrations')).filter((name) => name.includes('.up.'))).to.deep.equal(
      ['20240101120000', '20240101120001', '20240101120002'].map((version) => `${version}_step.up.sql`),
    );
    const twice = await run('baseline', '--from', 'drizzle');
    expect(twice.said).to.include('is 20240101120000_step a second time');
    await database.query(`DELETE FROM drizzle.__drizzle_migrations WHERE id = 2;
      INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('b', ${whens[1]}), ('c', ${whens[2]})`);
    const taken = await run('baseline', '--from', 'drizzle');
    expect(taken.exitCode, taken.said).to.equal(0);
    expect((await run('status')).said).to.include('3 migrations applied, 0 pending');
  });

  it('takes odd folders: quotes, blanks, CRLF, byte order marks, baselines, empty ones and those with a way back', async () => {
    const folder = 'my "odd" folder’s';
    const { root } = await project({
      [`${folder}/0_init/migration.sql`]: 'CREATE TABLE a (id int);',
      [`${folder}/20240101120000_add "user’s" Name/migration.sql`]:
        '\ufeffALTER TABLE a\r\n  ADD COLUMN b text;\r\n',
      [`${folder}/20240101120000_add "user’s" Name/down.sql`]: 'ALTER TABLE a DROP COLUMN b;\r\n',
      [`${folder}/20240102120000_/migration.sql`]: '-- This is an empty migration.',
      [`${folder}/20240103120000_Прибавить/migration.sql`]: '',
      [`${folder}/20240104120000_addÜbung/migration.sql`]: 'ALTER TABLE a ADD COLUMN c int;\n',
      [`${folder}/20240104120000_another/migration.sql`]: 'ALTER TABLE a ADD COLUMN e int;\n',
      [`${folder}/20240104120001_next/migration.sql`]: 'ALTER TABLE a ADD COLUMN f int;\n',
      [`${folder}/20240104_by_hand/migration.sql`]: 'ALTER TABLE a ADD COLUMN d int;\n',
    });
    const database = await createDatabase();
    const env = database.env();
    const run = (...args: string[]) => runInProcess(root, env, args);
    const told = await run('import', '--from', 'prisma', folder);
    expect(told.exitCode, told.said).to.equal(0);
    expect(told.said).to.include('1 of their downs are the down.sql');
    const ups = readdirSync(join(root, 'db', 'migrations')).filter((name) => name.endsWith('.up.sql'));
    expect(ups).to.deep.equal([
      '00000000000000_init.up.sql',
      '20240101120000_add-user-s-name.up.sql',
      '20240102120000_migration.up.sql',
      '20240103120000_migration.up.sql',
      '20240104120000_add-ubung.up.sql',
      '20240104120001_another.up.sql',
      '20240104120002_next.up.sql',
      '20240104999999_by-hand.up.sql',
    ]);
    // What Prisma has recorded in a database is found again by those names.
    await database.query(`CREATE TABLE _prisma_migrations (id text, checksum text, finished_at timestamptz, migration_name text, logs text, rolled_back_at timestamptz, started_at timestamptz DEFAULT clock_timestamp());
      INSERT INTO _prisma_migrations (checksum, finished_at, migration_name, rolled_back_at) VALUES ('', now(), '0_init', NULL), ('', NULL, '20240101120000_add "user’s" Name', now()),
        ('', now(), '20240101120000_add "user’s" Name', NULL), ('', now(), '20240102120000_', NULL), ('', now(), '20240103120000_Прибавить', NULL), ('', now(), '20240104120000_addÜbung', NULL),
        ('', now(), '20240104120000_another', NULL), ('', now(), '20240104120001_next', NULL), ('', now(), '20240104_by_hand', NULL);
      CREATE TABLE a (id int, b text, c int, d int, e int, f int)`);
    const taken = await run('baseline', '--from', 'prisma');
    expect(taken.exitCode, taken.said).to.equal(0);
    const other = await createDatabase();
    const up = await runInProcess(root, other.env(), ['up', '--to', '20240101120000']);
    expect(up.exitCode, up.said).to.equal(0);
    const down = await runInProcess(root, other.env(), ['down']);
    expect(down.exitCode, down.said).to.equal(0);
  });

  it('reads the folders of Drizzle 1.0, which has no journal', async () => {
    const { root } = await project({ 'drizzle/20240101120000_first/migration.sql': 'SELECT 1;\n' });
    const { exitCode, said } = await runInProcess(root, {}, ['import', '--from', 'drizzle']);
    expect(exitCode, said).to.equal(0);
    expect(existsSync(join(root, 'db', 'migrations', '20240101120000_first.up.sql'))).to.equal(true);
  });

  it('refuses, and writes nothing, where folder, journal or file is none', async () => {
    const journal = (entries: unknown) => ({ 'drizzle/meta/_journal.json': JSON.stringify({ entries }) });
    const entry = { idx: 0, when: times[0], tag: '0000_a' };
    const cases: readonly (readonly [tool: string, files: Record<string, string>, says: string])[] = [
      ['prisma', { 'prisma/migrations/first/migration.sql': 'SELECT 1;\n' }, 'no version can be made'],
      ['prisma', { 'prisma/migrations/migration_lock.toml': '' }, 'no migration of prisma'],
      ['prisma', { 'prisma/migrations': '' }, 'Cannot read prisma/migrations'],
      ['prisma', { 'prisma/migrations/20240101120000_a/migration.sql/x': '' }, 'Cannot read prisma'],
      ['drizzle', { 'drizzle/meta/_journal.json': '{' }, 'Cannot read drizzle/meta/_journal.json'],
      ['drizzle', journal(undefined), 'is no journal'],
      ['drizzle', journal([null]), 'is no journal'],
      ['drizzle', journal([{ ...entry, tag: '../../etc/passwd' }]), 'is no journal'],
      ['drizzle', journal([entry]), 'Cannot read drizzle/0000_a.sql'],
      ['drizzle', journal([]), 'no migration of drizzle'],
      [
        'drizzle',
        { ...journal([entry, { ...entry, idx: 1 }]), 'drizzle/0000_a.sql': 'SELECT 1;\n' },
        'is not newer than',
      ],
      ['drizzle', { ...journal([{ ...entry, when: 7 }]), 'drizzle/0000_a.sql': 'SELECT 1;\n' }, 'no time'],
    ];
    for (const [tool, files, says] of cases) {
      const { root } = await project(files);
      const { exitCode, said } = await runInProcess(root, {}, ['import', '--from', tool]);
      expect(exitCode, said).to.equal(2);
      expect(said).to.include(says);
      expect(readdirSync(join(root, 'db', 'migrations'))).to.deep.equal([]);
    }
  });

  it('refuses what has no order, another tool, and a folder that is not there', async () => {
    const { run, root } = await project({ 'prisma/migrations/first/migration.sql': 'SELECT 1;\n' });
    expectExit(await run(['import', '--from', 'prisma']), 2);
    expectExit(await run(['import', '--from', 'typeorm']), 2);
    expectExit(await run(['import', '--from', 'drizzle']), 2);
    expect(existsSync(join(root, 'db', 'migrations', 'first.up.sql'))).to.equal(false);
  });
});
