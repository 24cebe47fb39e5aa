// Settings and command lines: what is wrong is refused before anything connects, each by name with a right example.
import { expect } from 'chai';
import { catalogOf, tablesIn } from '../support/catalog.ts';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { tables, versionOf } from '../support/migrations.ts';

const closed = { DATABASE_URL: 'postgres://u@127.0.0.1:1/d', MIGRATE_CONNECT_TIMEOUT: '1s' };

describe('A wrong variable', () => {
  const wrong: [string, string, string][] = [
    ['MIGRATE_ENV', 'pro duction', 'staging'],
    ['MIGRATE_LOCK_TIMEOUT', 'soon', '2s'],
    ['MIGRATE_LOCK_TIMEOUT', '0', '2s'],
    ['MIGRATE_LOCK_RETRIES', '-1', '10'],
    ['MIGRATE_LOCK_RETRIES', '1.5', '10'],
    ['MIGRATE_STATEMENT_TIMEOUT', '5 parsecs', '10min'],
    ['MIGRATE_WAIT', 'forever', '60s'],
    ['MIGRATE_CONNECT_TIMEOUT', '-3s', '30s'],
    ['DATABASE_URL', 'mysql://u@h/d', 'postgres://user@host:5432/database'],
    ['DATABASE_URL', 'host=h dbname=d', 'postgres://user@host:5432/database'],
    ['DATABASE_URL', 'postgres://u@h:99999/d', 'postgres://user@host:5432/database'],
    ['PGPORT', '54 32', '5432'],
    ['PGSSLMODE', 'on', 'verify-full'],
    ['PGSSLROOTCERT', '/nowhere.pem', 'PEM'],
  ];
  for (const [name, value, example] of wrong) {
    it(`is named with a right example: ${name}=${value}`, async () => {
      const repo = await project(tables('one'));
      const target = name.startsWith('PG') ? { PGHOST: '127.0.0.1' } : closed;
      const result = await repo.run(['up'], { env: { ...target, [name]: value } });
      expectExit(result, 2);
      expect(result.stderr)
        .to.include(name === 'PGSSLMODE' ? 'sslmode' : name)
        .and.include(example);
    });
  }

  it('is listed together with every other', async () => {
    const repo = await project(tables('one'));
    const env = { ...closed, MIGRATE_WAIT: 'x', MIGRATE_LOCK_RETRIES: 'y', MIGRATE_ENV: 'z z' };
    const result = await repo.run(['status', '--json'], { env });
    expectExit(result, 2);
    expect(result.json().error.problems).to.have.length(3);
  });
});

describe('A wrong command line', () => {
  const lines: [string[], RegExp][] = [
    [['up', '--dryrun'], /unknown option '--dryrun'.*--dry-run/],
    [['up', '-n', '1'], /unknown option '-n'/],
    [['up', '--n', '0'], /--n "0" is not a whole number above 0/],
    [['up', '--n', '1.5'], /whole number/],
    [['up', '--n=-1'], /whole number/],
    [['down', '--n', '0'], /whole number/],
    [['down', '--n'], /argument missing/],
    [['up', '--to', '0'], /not a version/],
    [['up', '--to', '2025'], /not a version/],
    [['up', '--to', versionOf(9)], /no migration with version/],
    [['up', '--to', versionOf(1), '--n', '1'], /exclude each other/],
    [['down', '0'], /too many arguments/],
    [['up', 'all'], /too many arguments/],
    [['status', versionOf(1)], /too many arguments/],
    [['redo', '--n', '2'], /unknown option/],
    [['down', '--check'], /unknown option/],
    [['migrate'], /unknown command/],
    [['ups'], /unknown command.*up/],
    [[], /No command/],
    [['--json'], /unknown option|No command|Not a command/],
  ];
  it('is refused with exit code 2, and the database stays as it is', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one', 'two'));
    await repo.run(['up'], { env: database.env() });
    const before = await catalogOf(database);
    for (const [args, message] of lines) {
      const result = await repo.run(args, { env: database.env() });
      expectExit(result, 2);
      expect(result.stderr.replaceAll('\n', ' '), args.join(' ')).to.match(message);
    }
    expect(await catalogOf(database)).to.deep.equal(before);
  });

  it('is refused before anything connects', async () => {
    const repo = await project(tables('one'));
    for (const args of [
      ['up', '--dryrun'],
      ['down', '0'],
      ['down', '--n', '0'],
      ['up', '--to', 'x'],
    ]) {
      expectExit(await repo.run(args, { env: closed }), 2);
    }
  });

  it('is reported in JSON where that was asked for', async () => {
    const repo = await project(tables('one'));
    const result = await repo.run(['up', '--json', '--dryrun'], { env: closed });
    expectExit(result, 2);
    expect(result.json()).to.deep.include({ command: 'up', ok: false, exitCode: 2 });
    expect(result.json().error.code).to.equal('usage');
  });

  it('is answered by --help, which exits 0 and names every command', async () => {
    const repo = await project();
    const result = await repo.run(['--help']);
    expectExit(result, 0);
    for (const command of ['create', 'up', 'down', 'redo', 'status', 'plan'])
      expect(result.stdout).to.include(command);
    expect((await repo.run(['up', '--help'])).stdout)
      .to.include('--dry-run')
      .and.include('--to <version>');
  });
});

describe('Without a named database', () => {
  for (const [what, env] of [
    ['CI=true', { CI: 'true' }],
    ['CI=1', { CI: '1' }],
    ['MIGRATE_ENV=production', { MIGRATE_ENV: 'production' }],
    ['MIGRATE_ENV=staging', { MIGRATE_ENV: 'staging' }],
    ['an empty DATABASE_URL in CI', { CI: 'true', DATABASE_URL: '' }],
    ['MIGRATE_ENV=production in .env', {}],
  ] as [string, Record<string, string>][]) {
    it(`the embedded server is never used with ${what}: exit 2`, async () => {
      const repo = await project(tables('one'));
      if (what.endsWith('.env')) repo.write('./.env', 'MIGRATE_ENV=production\n');
      for (const command of ['up', 'down', 'redo', 'status', 'plan']) {
        const confirmed = /^(down|redo)$/.test(command) && what.includes('production');
        const args = confirmed ? [command, '--confirm', 'production'] : [command];
        const result = await repo.run(args, { env });
        expectExit(result, 2);
        expect(result.stderr)
          .to.include('DATABASE_URL=')
          .and.include('embedded development server is not used');
      }
    });
  }
});

describe('Settings', () => {
  /** The time-out a migration sees tells which setting won. */
  const files = {
    [`${versionOf(1)}_t.up.sql`]: "CREATE TABLE t AS SELECT current_setting('statement_timeout') AS v;",
    [`${versionOf(1)}_t.down.sql`]: 'DROP TABLE t;',
  };
  const json = '{ "statementTimeout": "11min" }';
  const layers: [string, Record<string, string>, Record<string, string>, string][] = [
    ['have defaults', {}, {}, '0'],
    ['in db/config.json win over defaults', { 'db/config.json': json }, {}, '11min'],
    [
      'in .env win over db/config.json',
      { 'db/config.json': json, './.env': 'MIGRATE_STATEMENT_TIMEOUT=12min\n' },
      {},
      '12min',
    ],
    [
      'in .env.<environment> win over .env',
      {
        './.env': 'MIGRATE_STATEMENT_TIMEOUT=12min\n',
        './.env.test': 'MIGRATE_STATEMENT_TIMEOUT=13min\n',
        './.env.development': 'MIGRATE_STATEMENT_TIMEOUT=99min\n',
      },
      { MIGRATE_ENV: 'test' },
      '13min',
    ],
    [
      'in .env.<environment> are found also where .env names the environment',
      { './.env': 'MIGRATE_ENV=test\n', './.env.test': 'MIGRATE_STATEMENT_TIMEOUT=13min\n' },
      { MIGRATE_ENV: '' },
      '13min',
    ],
    [
      'in variables win over .env.<environment>',
      { './.env.development': 'MIGRATE_STATEMENT_TIMEOUT=13min\n' },
      { MIGRATE_STATEMENT_TIMEOUT: '14min' },
      '14min',
    ],
  ];
  for (const [what, more, env, expected] of layers) {
    it(what, async () => {
      const database = await createDatabase();
      const repo = await project({ ...files, ...more });
      expectExit(await repo.run(['up'], { env: { ...database.env(), ...env } }), 0);
      expect(await database.query('SELECT v FROM t')).to.deep.equal([{ v: expected }]);
    });
  }

  it('of the command line win over db/config.json', async () => {
    const database = await createDatabase();
    const repo = await project({ 'db/config.json': '{ "dir": "nowhere" }', ...tables('one') });
    expectExit(await repo.run(['up'], { env: database.env() }), 2);
    expectExit(await repo.run(['up', '--dir', 'db/migrations'], { env: database.env() }), 0);
  });

  it('in db/config.json move the directory and the tracking table', async () => {
    const database = await createDatabase();
    const repo = await project({
      'db/config.json': '{ "dir": "sql", "trackingTable": "tools.history" }',
      ...Object.fromEntries(Object.entries(tables('one')).map(([name, text]) => [`sql/${name}`, text])),
    });
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    expect(await tablesIn(database)).to.deep.equal(['one']);
    expect(await database.query('SELECT name FROM tools.history')).to.deep.equal([
      { name: `${versionOf(1)}_one` },
    ]);
    expectExit(await repo.run(['down'], { env: database.env() }), 0);
  });

  for (const [what, text, message] of [
    ['an unknown key', '{ "directory": "x" }', /unknown key directory/],
    ['an unknown key further inside', '{ "lint": { "rule": {} } }', /unknown key lint\.rule/],
    ['a wrong value', '{ "lockTimeout": "soon" }', /lockTimeout .*2s/],
    ['a wrong type', '{ "lockRetries": "many" }', /lockRetries must be/],
    [
      'a tracking table that is none',
      '{ "trackingTable": "a; DROP TABLE b" }',
      /trackingTable .*public\.pgmigrations/,
    ],
    ['no JSON', '{ dir: x }', /db\/config\.json is no JSON/],
  ] as const) {
    it(`in db/config.json are refused with ${what}`, async () => {
      const repo = await project({ 'db/config.json': text, ...tables('one') });
      const result = await repo.run(['up'], { env: closed });
      expectExit(result, 2);
      expect(result.stderr).to.match(message).and.include('db/config.json');
    });
  }
});

describe('The target', () => {
  it('may be given by PG variables alone', async () => {
    const database = await createDatabase();
    const env = {
      PGHOST: database.host,
      PGPORT: String(database.port),
      PGUSER: database.user,
      PGPASSWORD: database.password,
      PGDATABASE: database.name,
    };
    expectExit(await (await project(tables('one'))).run(['up'], { env }), 0);
    expect(await tablesIn(database)).to.deep.equal(['one']);
  });

  it('may be given in .env, and DATABASE_URL wins over PG variables', async () => {
    const database = await createDatabase();
    const { DATABASE_URL = '', PGPASSWORD = '' } = database.env();
    const repo = await project(tables('one'));
    repo.write('./.env', `DATABASE_URL=${DATABASE_URL}\nPGPASSWORD='${PGPASSWORD}'\nPGDATABASE=nowhere\n`);
    expectExit(await repo.run(['up']), 0);
    expect(await tablesIn(database)).to.deep.equal(['one']);
  });

  it('of the environment is never mixed with half of another in .env', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one'));
    repo.write('./.env', 'DATABASE_URL=postgres://u:p@127.0.0.1:1/wrong\nPGDATABASE=wrong\n');
    const { url } = database;
    expectExit(await repo.run(['up'], { env: { DATABASE_URL: url } }), 0);
    expect(await tablesIn(database)).to.deep.equal(['one']);
  });

  it('may have a password with every awkward character beside a URL without one', async () => {
    const database = await createDatabase();
    const role = `odd_${database.name}`;
    const password = `p@ss:w/o?r#d% &'"\\é`;
    await database.query(`CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD '${password.replaceAll("'", "''")}'`);
    const repo = await project(tables('one'));
    const url = `postgres://${role}@${database.host}:${database.port}/${database.name}`;
    try {
      expectExit(await repo.run(['status'], { env: { DATABASE_URL: url, PGPASSWORD: password } }), 0);
      const encoded = url.replace('@', `:${encodeURIComponent(password)}@`);
      expectExit(await repo.run(['status'], { env: { DATABASE_URL: encoded } }), 0);
    } finally {
      await database.query(`DROP ROLE ${role}`);
    }
  });
});
