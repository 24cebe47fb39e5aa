// No secret is ever printed: not on stdout, not on stderr, not in JSON, by no command, however it ends.
import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, project, type Result } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair, tables, versionOf } from '../support/migrations.ts';

const secret = 'Tr0ub4dor&3/x';

function expectNoSecret(result: Result): void {
  for (const form of [secret, encodeURIComponent(secret), encodeURI(secret), 'Tr0ub4dor']) {
    expect(result.all).not.to.include(form);
  }
}

describe('The password', () => {
  const ways: [string, (at: string) => Record<string, string>][] = [
    ['PGPASSWORD', (at) => ({ DATABASE_URL: `postgres://app@${at}/d`, PGPASSWORD: secret })],
    [
      'the URL, URL-encoded',
      (at) => ({ DATABASE_URL: `postgres://app:${encodeURIComponent(secret)}@${at}/d` }),
    ],
    [
      'the URL, half-encoded',
      (at) => ({ DATABASE_URL: `postgres://app:${secret.replace('/', '%2F')}@${at}/d` }),
    ],
    [
      'the query of the URL',
      (at) => ({ DATABASE_URL: `postgres://app@${at}/d?password=${encodeURIComponent(secret)}` }),
    ],
    ['a URL that cannot be read', (at) => ({ DATABASE_URL: `postgres://app:${secret}@${at}/d` })],
    ['a URL of another kind', (at) => ({ DATABASE_URL: `mysql://app:${secret}@${at}/d` })],
    [
      'a URL with a port that is none',
      () => ({ DATABASE_URL: `postgres://app:${encodeURIComponent(secret)}@h:x/d` }),
    ],
    [
      'a URL with an unknown sslmode',
      (at) => ({ DATABASE_URL: `postgres://app:${encodeURIComponent(secret)}@${at}/d?sslmode=nonsense` }),
    ],
  ];
  for (const [where, env] of ways) {
    it(`in ${where} is not printed by any command that cannot connect`, async () => {
      const repo = await project(tables('one'));
      for (const command of ['up', 'down', 'redo', 'status', 'plan']) {
        for (const more of [[], ['--json'], ['--verbose']]) {
          const result = await repo.run([command, ...more], {
            env: { ...env('127.0.0.1:1'), MIGRATE_CONNECT_TIMEOUT: '1ms' },
          });
          expect(result.exitCode).to.be.oneOf([2, 8]);
          expectNoSecret(result);
        }
      }
    });
  }

  it('in .env is not printed either', async () => {
    const repo = await project(tables('one'));
    repo.write(
      './.env',
      `DATABASE_URL=postgres://app@127.0.0.1:1/d\nPGPASSWORD=${secret}\nMIGRATE_CONNECT_TIMEOUT=1s\n`,
    );
    const result = await repo.run(['up']);
    expectExit(result, 8);
    expectNoSecret(result);
  });

  it('that is wrong is not printed, and the failure is told at once', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one'));
    const env = { ...database.env(), PGPASSWORD: secret };
    for (const args of [['up'], ['status', '--json']]) {
      const result = await repo.run(args, { env });
      expectExit(result, 8);
      expectNoSecret(result);
    }
  });

  it('that is right is not printed when a migration repeats it', async () => {
    const database = await createDatabase();
    const { password } = database;
    const repo = await project(
      pair(`${versionOf(1)}_leak`, `DO $$ BEGIN RAISE EXCEPTION '${password}'; END $$;`, 'SELECT 1;'),
    );
    for (const more of [[], ['--json'], ['--verbose']]) {
      const result = await repo.run(['up', ...more], { env: database.env() });
      expectExit(result, 3);
      expect(result.all).not.to.include(password);
    }
  });

  describe('from a password file', () => {
    /** Everything that a project's folder holds, but for the password file and what the person wrote. */
    function written(root: string): string {
      return readdirSync(root, { recursive: true, encoding: 'utf8' })
        .filter((path) => !/passfile$|\.sql$|node_modules/.test(path) && statSync(join(root, path)).isFile())
        .map((path) => readFileSync(join(root, path), 'latin1'))
        .join('\n');
    }

    it('is in no output, no file and no record, of the target and of the scratch server, whatever repeats it', async () => {
      const database = await createDatabase();
      const { password, host, port, user, name } = database;
      const repo = await project({
        ...pair(
          `${versionOf(1)}_told`,
          `CREATE TABLE told (text text UNIQUE); INSERT INTO told VALUES ('${password}'); DO $$ BEGIN RAISE WARNING 'it is ${password}'; END $$;`,
          'DROP TABLE told;',
        ),
        ...pair(
          `${versionOf(2)}_twice`,
          `/* ${password} */ INSERT INTO told VALUES ('${password}');`,
          'SELECT 1;',
        ),
      });
      repo.write('./passfile', `*:*:*:*:${password}\n`);
      chmodSync(join(repo.root, 'passfile'), 0o600);
      const at = `postgres://${user}@${host}:${port}`;
      const env = {
        DATABASE_URL: `${at}/${name}`,
        SHADOW_DATABASE_URL: `${at}/postgres`,
        PGPASSFILE: join(repo.root, 'passfile'),
        MIGRATE_ENV: 'test',
      };
      let exits = '';
      for (const args of [
        ['plan', '--out', 'plan.json'],
        ['up', '--verbose'],
        ['up', '--json'],
        ['status', '--json'],
        ['drift'],
        ['lint', '--all', '--sarif', 'lint.sarif'],
        ['verify', '--all'],
        ['down', '--json'],
        ['repair', '--forget', versionOf(1), '--reason', `because of ${password}`],
      ]) {
        const result = await repo.run(args, { env });
        exits += `${result.exitCode} `;
        expect(result.all.includes(password), `${args.join(' ')}: ${result.exitCode}`).to.equal(false);
      }
      expect(exits).to.match(/^\d+ 3 3 /);
      expect(written(repo.root)).not.to.include(password);
      // The text of a migration is kept as it is, but for what is a secret by its place in it.
      const [kept] = await database.query<{ text: string }>(
        "SELECT string_agg(a::text, ' ') AS text FROM migration_ledger.audit a",
      );
      expect(kept?.text).to.include('twice').and.not.to.include(password);
    });

    it('that others may read is named as the reason, by the command itself', async () => {
      const database = await createDatabase();
      const repo = await project(tables('one'));
      repo.write('./passfile', `*:*:*:*:${database.password}\n`);
      const path = join(repo.root, 'passfile');
      chmodSync(path, 0o644);
      const { PGPASSWORD: _, ...login } = database.env();
      const result = await repo.run(['status', '--json'], { env: { ...login, PGPASSFILE: path } });
      expectExit(result, 8);
      expect(result.json().error).to.include({ hint: `chmod 600 ${path}` });
      expect(result.json().error.message).to.include('others may read it');
      expect(result.all).not.to.include(database.password);
    });
  });
});

describe('A secret in the SQL', () => {
  const statements = [
    `CREATE ROLE pg_not_allowed LOGIN PASSWORD '${secret}'`,
    `CREATE ROLE pg_not_allowed\n  LOGIN\n  PASSWORD\n    '${secret}'`,
    `CREATE ROLE pg_not_allowed PASSWORD /* new */ '${secret}'`,
    `CREATE ROLE pg_not_allowed PASSWORD $x$${secret}$x$`,
    `CREATE ROLE x PASSWORD '${secret}' VALID UNTIL 'no date'`,
    `CREATE ROLE x PASSWORD '${secret}' NONSENSE`,
    `CREATE ROLE x PASSWORD '${secret}`,
    `ALTER ROLE nobody_here PASSWORD '${secret}'`,
    `DO $$ BEGIN EXECUTE 'CREATE ROLE pg_not_allowed PASSWORD ''${secret}'''; END $$`,
    `CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1 user=u password=${secret}' PUBLICATION p WITH (connect = false, bad = 1)`,
  ];
  for (const sql of statements) {
    it(`is not printed when it fails: ${sql.replaceAll('\n', ' ').replaceAll(secret, '…').slice(0, 70)}`, async () => {
      const database = await createDatabase();
      const repo = await project(pair(`${versionOf(1)}_role`, `SELECT 1;\n${sql};\n`, 'SELECT 1;'));
      for (const more of [[], ['--json'], ['--verbose']]) {
        const result = await repo.run(['up', ...more], { env: database.env() });
        expectExit(result, 3);
        expect(result.all).to.include(`${versionOf(1)}_role.up.sql`);
        expectNoSecret(result);
      }
    });
  }

  it('is not printed by a plan or a dry run', async () => {
    const database = await createDatabase();
    const repo = await project(
      pair(`${versionOf(1)}_role`, `CREATE ROLE r PASSWORD '${secret}';`, 'DROP ROLE r;'),
    );
    for (const args of [['plan'], ['plan', '--json'], ['up', '--dry-run'], ['up', '--dry-run', '--json']]) {
      const result = await repo.run(args, { env: database.env() });
      expectExit(result, 0);
      expect(result.stdout).to.include('CREATE ROLE r');
      expectNoSecret(result);
    }
  });
});
