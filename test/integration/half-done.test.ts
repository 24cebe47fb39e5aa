// Half-done is a state that every command knows and none passes over but repair: nothing runs twice, nothing is skipped.
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { recorded } from '../support/runs.ts';

const outside = (sql: string) => `-- migrate: no-transaction\n${sql}`;
const half = '20250101000002_half';
const account = pair(
  1,
  'account',
  'CREATE TABLE public.account (balance int);\nINSERT INTO public.account VALUES (100);',
  'DROP TABLE public.account;',
);

interface Scene {
  readonly tool: Project;
  readonly database: TestDatabase;
  /** Fails unless the command ends so; gives all that it printed. */
  run(code: number, ...args: string[]): Promise<string>;
  json(...args: string[]): Promise<ReturnType<Awaited<ReturnType<Project['run']>>['json']>>;
  balance(): Promise<number | undefined>;
  rewrite(up: string, down?: string): void;
  remove(): void;
}

/** An account with 100; beside it a second migration that is named `half`. */
async function scene(up: string, down = 'SELECT 1;'): Promise<Scene> {
  const tool = await project({ ...account, ...pair(2, 'half', up, down) });
  const database = await createDatabase();
  const env = database.env();
  return {
    tool,
    database,
    run: async (code, ...args) => {
      const result = await tool.run(args, { env });
      expectExit(result, code);
      return result.all;
    },
    json: async (...args) => (await tool.run([...args, '--json'], { env })).json(),
    balance: async () =>
      (await database.query<{ balance: number }>('SELECT balance FROM account'))[0]?.balance,
    rewrite: (newUp, newDown = down) => {
      for (const [name, text] of Object.entries(pair(2, 'half', newUp, newDown))) tool.write(name, text);
    },
    remove: () => {
      for (const direction of ['up', 'down'])
        rmSync(join(tool.root, 'db', 'migrations', `${half}.${direction}.sql`));
    },
  };
}

const addTen = 'UPDATE public.account SET balance = balance + 10;';
const takeTen = 'UPDATE public.account SET balance = balance - 10;';
const fails = 'SELECT 1/0;';

describe('a half-done migration', () => {
  it('goes on where it stopped when its directive was taken away, and is then applied like any other', async () => {
    const { run, balance, rewrite, database } = await scene(outside(`${addTen}\n${fails}`));
    await run(3, 'up');
    rewrite(`${addTen}\nCREATE TABLE done (id int);`);
    const refused = await run(2, 'up', '--single-transaction');
    expect(refused).to.include('half applied outside a transaction: 1 of 2 statements ran');
    await run(0, 'up');
    expect(await balance()).to.equal(110);
    expect(await run(0, 'status', '--check')).not.to.include('partial');
    expect(await database.query('SELECT FROM migration_ledger.journal')).to.have.length(0);
    await run(0, 'up');
    expect(await balance()).to.equal(110);
  });

  it('is not run as a whole where what is left of it needs a transaction', async () => {
    const { run, rewrite, balance } = await scene(outside(`${addTen}\n${fails}`));
    await run(3, 'up');
    rewrite(`${addTen}\nSET LOCAL search_path = pg_catalog;\n${addTen}`);
    const refused = await run(4, 'up');
    expect(refused).to.include('statement 2 has no effect').and.to.include('--resolve 20250101000002');
    expect(await balance()).to.equal(110);
  });

  it('is reverted once, whatever the file says now about transactions', async () => {
    const { run, balance, rewrite } = await scene(addTen, outside(`${takeTen}\n${fails}`));
    await run(0, 'up');
    await run(3, 'down');
    expect(await balance()).to.equal(100);
    rewrite(addTen, takeTen);
    await run(0, 'down', '--from-disk');
    expect(await balance()).to.equal(100);
    expect(await run(0, 'status')).to.include('1 migration applied, 1 pending');
  });

  it('says what ran and what to type where the file cannot be matched with it', async () => {
    const { run, rewrite, balance } = await scene(outside(`${addTen}\n${fails}`));
    await run(3, 'up');
    rewrite(outside(`${takeTen}\nSELECT 1;`));
    for (const command of ['up', 'plan']) {
      const refused = await run(4, command);
      expect(refused)
        .to.include('statement 1 ran: UPDATE public.account SET balance = balance + 10')
        .and.to.include('--resolve 20250101000002');
    }
    expect(await balance()).to.equal(110);
  });

  it('is named by every command and settled without its files, which the ledger then has', async () => {
    const { run, remove, database, balance, json } = await scene(
      outside(`${addTen}\nCREATE TABLE public.kept (id int);\n${fails}`),
      `DROP TABLE public.kept;\n${takeTen}`,
    );
    await run(3, 'up');
    remove();
    for (const args of [['up'], ['down'], ['redo'], ['plan'], ['down', '--dry-run'], ['status']])
      expect(await run(4, ...args))
        .to.include(`${half} is half applied: 2 of 3 statements of its up ran`)
        .and.to.include('not on disk')
        .and.to.include('--resolve 20250101000002');
    expect(await run(4, 'baseline', '--to', '20250101000001')).to.include('half applied');
    expect(await run(0, 'environment')).to.include('half applied');
    expect(await run(0, 'drift')).to.include('half applied');
    const { migrations } = await json('status');
    expect(migrations[1]).to.deep.include({ state: 'partial', name: 'half', version: '20250101000002' });
    await run(0, 'repair', '--resolve', '20250101000002', 'applied', '--reason', 'the rest is not needed');
    expect((await recorded(database)).tracked).to.include(half);
    expect(await run(0, 'drift')).to.include('No drift');
    await run(0, 'down');
    expect(await balance()).to.equal(100);
  });

  it('is forgotten on demand where its files are gone, and only there', async () => {
    const { run, remove, balance } = await scene(outside(`${addTen}\n${fails}`));
    await run(3, 'up');
    await run(2, 'repair', '--forget', half, '--reason', 'try');
    remove();
    await run(0, 'repair', '--forget', half, '--reason', 'undone by hand');
    expect(await run(0, 'status'))
      .to.include('1 migration applied, 0 pending')
      .and.not.to.include('partial');
    await run(0, 'up');
    expect(await balance()).to.equal(110);
  });

  it('is recognised under its new name, and not begun again', async () => {
    const { run, tool, balance, rewrite } = await scene(outside(`${addTen}\n${fails}`));
    await run(3, 'up');
    const at = (id: string, direction: string) =>
      join(tool.root, 'db', 'migrations', `${id}.${direction}.sql`);
    const renamed = '20250101000003_renamed';
    for (const direction of ['up', 'down']) renameSync(at(half, direction), at(renamed, direction));
    for (const command of ['up', 'plan', 'status'])
      expect(await run(4, command)).to.include(`the same statements are on disk as ${renamed}`);
    for (const direction of ['up', 'down']) renameSync(at(renamed, direction), at(half, direction));
    rewrite(outside(`${addTen}\nSELECT 1;`));
    await run(0, 'up');
    expect(await balance()).to.equal(110);
  });

  it('is recorded by no baseline, renamed by no rebase and written over by no drift --write', async () => {
    const { run, tool, database } = await scene(outside(`${addTen}\n${fails}`));
    await run(3, 'up');
    expect(await run(4, 'baseline', '--to', '20250101000002')).to.include('a baseline does not finish it');
    expect(await run(10, 'status', '--check')).to.include('1 half applied');
    expect(await run(2, 'rebase', half)).to.include('finish it under its name first');
    await database.query('CREATE TABLE by_hand (id int)');
    expect(await run(4, 'drift', '--write', 'by-hand')).to.include('half applied');
    await database.query('DROP TABLE by_hand');
    for (const [name, text] of Object.entries(pair(1, 'a', 'SELECT 1;'))) tool.write(name, text);
  });

  it('is finished before an older pending migration begins', async () => {
    const { run, tool, rewrite, database } = await scene(outside(`${addTen}\n${fails}`));
    await run(3, 'up');
    const older = pair(0, 'older', 'CREATE TABLE public.older AS SELECT balance FROM public.account;');
    for (const [name, text] of Object.entries(older)) tool.write(name, text);
    rewrite(outside(`${addTen}\n${addTen}`));
    const { migrations } = await (async () => {
      const planned = await tool.run(['plan', '--allow-out-of-order', '--json'], { env: database.env() });
      expectExit(planned, 0);
      return planned.json();
    })();
    expect(migrations.map(({ name }: { name: string }) => name)).to.deep.equal(['half', 'older']);
    expect(migrations[0].statements).to.have.length(1);
    expect(await run(4, 'up', '--allow-out-of-order', '--to', '20250101000000')).to.include('half applied');
    await run(0, 'up', '--allow-out-of-order');
    expect(await database.query('SELECT balance FROM older')).to.deep.equal([{ balance: 120 }]);
  });

  it('that is half reverted is neither applied nor pending, and reverted to its end before another', async () => {
    const { run, tool, rewrite, database, balance } = await scene(addTen, outside(`${takeTen}\n${fails}`));
    await run(0, 'up');
    await run(3, 'down');
    const status = await run(4, 'status');
    expect(status).to.include('1 migration applied, 0 pending, 1 half reverted');
    await run(4, 'status', '--check');
    for (const args of [['up'], ['plan'], ['redo'], ['baseline', '--to', '20250101000002']])
      expect(await run(4, ...args)).to.include('half reverted: 1 of 2 statements of its down ran');
    const newer = pair(3, 'newer', 'CREATE TABLE newer (id int);', 'DROP TABLE newer;');
    for (const [name, text] of Object.entries(newer)) tool.write(name, text);
    await database.query('CREATE TABLE newer (id int)');
    await run(0, 'repair', '--record', '20250101000003', 'applied', '--reason', 'made by hand');
    rewrite(addTen, outside(`${takeTen}\nSELECT 1;`));
    const planned = await tool.run(['down', '--dry-run', '--from-disk', '--json'], { env: database.env() });
    expectExit(planned, 0);
    const [first] = planned.json().migrations;
    expect([first.name, first.statements.length]).to.deep.equal(['half', 1]);
    await run(0, 'down', '--from-disk');
    expect(await balance()).to.equal(100);
    expect((await recorded(database)).tracked).to.deep.equal([
      '20250101000001_account',
      '20250101000003_newer',
    ]);
  });

  it('that was shortened to what ran is recorded, with nothing left to resume', async () => {
    const { run, rewrite, balance } = await scene(outside(`${addTen}\n${fails}`));
    await run(3, 'up');
    rewrite(outside(addTen));
    expect(await run(0, 'up'))
      .to.include('every statement')
      .and.not.to.include('resuming');
    expect(await balance()).to.equal(110);
  });

  it('leaves no drift behind when it is settled by hand', async () => {
    const { run, database } = await scene(outside(`CREATE TABLE public.part (id int);\n${fails}`));
    await run(3, 'up');
    await database.query('CREATE TABLE public.rest (id int)');
    const said = await run(0, 'repair', '--resolve', '20250101000002', 'applied', '--reason', 'by hand');
    expect(said).to.include('public.rest');
    expect(await run(0, 'status')).to.include('No drift');
    await run(0, 'up');
  });
});

describe('a migration that is resumed', () => {
  it('has the settings, search path and role that its statements had set, however they did', async () => {
    const role = `resume_${process.pid}`;
    const { run, rewrite, database } = await scene(
      outside(
        `CREATE SCHEMA app;\nSELECT set_config('search_path', 'app', false), set_config('shop.tenant', '7', false), set_config('work_mem', '5MB', true);\nSET ROLE ${role};\n${fails}`,
      ),
    );
    await database.query(`CREATE ROLE ${role}; GRANT CREATE ON SCHEMA public TO ${role}`);
    try {
      await run(3, 'up');
      await database.query(`GRANT ALL ON SCHEMA app TO ${role}`);
      rewrite(
        outside(
          `CREATE SCHEMA app;\nSELECT set_config('search_path', 'app', false), set_config('shop.tenant', '7', false), set_config('work_mem', '5MB', true);\nSET ROLE ${role};\nCREATE TABLE here AS SELECT current_setting('shop.tenant') AS tenant, current_user::text AS who, current_setting('work_mem') AS memory;`,
        ),
      );
      await run(0, 'up');
      const [row] = await database.query('SELECT tenant, who, memory FROM app.here');
      expect(row).to.deep.include({ tenant: '7', who: role });
      expect(row?.memory).not.to.equal('5MB');
    } finally {
      await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  it('holds the advisory locks that its statements had taken, of each kind, until its end', async () => {
    const takes = outside(
      'SELECT pg_advisory_lock(-4711);\nSELECT pg_advisory_lock_shared(4711, -1);\nSELECT pg_advisory_lock(1), pg_advisory_unlock(1);',
    );
    const seen = `SELECT coalesce(string_agg(concat_ws(' ', classid::int4, objid::int4, objsubid, mode), ', ' ORDER BY classid), '') AS held FROM pg_locks
      WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND (objid::int8 IN (1, 4294962585) OR classid = 4711)`;
    const { tool, run, rewrite, database } = await scene(`${takes}\n${fails}`);
    for (const [name, text] of Object.entries(pair(3, 'next', `CREATE TABLE after AS ${seen};`)))
      tool.write(name, text);
    await run(3, 'up');
    rewrite(`${takes}\nCREATE TABLE held AS ${seen};`);
    const other = await database.client();
    await other.query('SELECT pg_advisory_lock(-4711)');
    const waits = { ...database.env(), MIGRATE_LOCK_TIMEOUT: '200ms' };
    const locked = await tool.run(['up'], { env: waits });
    expectExit(locked, 6);
    expect(locked.all).to.include('another session holds an advisory lock');
    await other.query('SELECT pg_advisory_unlock(-4711)');
    await run(0, 'up');
    expect(await database.query('SELECT * FROM held')).to.deep.equal([
      { held: '4711 -1 2 ShareLock, -1 -4711 1 ExclusiveLock' },
    ]);
    expect(await database.query('SELECT * FROM after')).to.deep.equal([{ held: '' }]);
  });

  it('names a temporary table that it needs and has lost, and goes on when that is made again', async () => {
    const { run, rewrite, balance } = await scene(
      outside(`CREATE TEMP TABLE sums AS SELECT 10 AS n;\n${fails}\n${addTen}`),
    );
    await run(3, 'up');
    const add = 'UPDATE public.account SET balance = balance + (SELECT n FROM sums);';
    rewrite(outside(`CREATE TEMP TABLE sums AS SELECT 10 AS n;\n${add}`));
    const refused = await run(4, 'up');
    expect(refused)
      .to.include('needs the temporary table sums')
      .and.to.include('below the first 1, which ran')
      .and.to.include('--resolve 20250101000002');
    rewrite(
      outside(`CREATE TEMP TABLE sums AS SELECT 10 AS n;\nCREATE TEMP TABLE sums AS SELECT 20 AS n;\n${add}`),
    );
    await run(0, 'up');
    expect(await balance()).to.equal(120);
  });

  for (const [what, makes, needs] of [
    ['prepared statement add', 'PREPARE add AS UPDATE public.account SET balance = 7;', 'EXECUTE add;'],
    ['cursor rows', 'DECLARE rows CURSOR WITH HOLD FOR SELECT 1;', 'FETCH rows;'],
    [
      'temporary function pg_temp_add',
      "CREATE FUNCTION pg_temp.pg_temp_add() RETURNS int LANGUAGE sql AS 'SELECT 1';",
      'SELECT pg_temp.pg_temp_add();',
    ],
    [
      'temporary function summed',
      'CREATE AGGREGATE pg_temp.summed(int) (sfunc = int4pl, stype = int4);',
      'SELECT pg_temp.summed(1);',
    ],
    [
      'temporary table counted',
      'CREATE TEMP TABLE counted (id serial, n int GENERATED ALWAYS AS IDENTITY);',
      "INSERT INTO counted DEFAULT VALUES; SELECT currval('counted_id_seq'), currval('counted_n_seq');",
    ],
  ] as const) {
    it(`names a lost ${what} before anything of the rest runs`, async () => {
      const { run, rewrite } = await scene(outside(`${makes}\n${fails}`));
      await run(3, 'up');
      rewrite(outside(`${makes}\nCREATE TABLE public.between (id int);\n${needs}`));
      const refused = await run(4, 'up');
      expect(refused).to.include(`needs the ${what}, which ended with the session`);
      rewrite(outside(`${makes}\n${makes}\n${needs}`));
      await run(0, 'up');
    });
  }

  it('goes on with the settings that it began with, not with those that it stores for the next login', async () => {
    const { run, rewrite, database } = await scene('SELECT 1;');
    const stores = outside(
      `ALTER DATABASE ${database.name} SET TIME ZONE 'Asia/Tokyo';\nALTER DATABASE ${database.name} SET work_mem = '5MB';\nSET shop.none = '';`,
    );
    rewrite(`${stores}\n${fails}`);
    await run(3, 'up');
    const seen = ['TimeZone', 'work_mem', 'shop.none'].map((name) => `current_setting('${name}')`).join(', ');
    rewrite(`${stores}\nCREATE TABLE public.seen AS SELECT concat_ws(' ', ${seen}) AS settings;`);
    await run(0, 'up');
    const [row] = await database.query('SELECT settings FROM seen');
    expect(row?.settings)
      .to.match(/ 4MB $/)
      .and.not.to.include('Tokyo');
  });

  it('does not take another table for a temporary one that ended, whoever names it', async () => {
    const { run, rewrite, database } = await scene('SELECT 1;');
    const made = outside(
      `CREATE TABLE public.notes (id int);\nCREATE FUNCTION public.note() RETURNS void LANGUAGE plpgsql AS 'BEGIN INSERT INTO notes VALUES (1); END';\nCREATE TEMP TABLE notes (id int);`,
    );
    rewrite(`${made}\n${fails}`);
    await run(3, 'up');
    for (const rest of ['SELECT note();', 'DROP TABLE IF EXISTS notes;']) {
      rewrite(`${made}\n${rest}`);
      expect(await run(4, 'up'))
        .to.include('temporary table notes')
        .and.include('another notes');
    }
    rewrite(`${made}\nCREATE TEMP TABLE notes (id int);\nSELECT note();`);
    await run(0, 'up');
    expect(await database.query('SELECT count(*)::int AS n FROM public.notes')).to.deep.equal([{ n: 0 }]);
  });

  it('says what ended with its session where only the server sees that something is missing', async () => {
    const { run, rewrite } = await scene('SELECT 1;');
    const made = outside(
      "CREATE SEQUENCE public.numbers;\nSELECT nextval('public.numbers');\nCREATE TEMP TABLE sums (n int);\nCREATE DOMAIN pg_temp.small AS int;",
    );
    rewrite(`${made}\n${fails}`);
    await run(3, 'up');
    rewrite(`${made}\nSELECT currval('public.numbers');`);
    expect(await run(3, 'up')).to.include("SELECT setval('…', last_value) FROM …");
    rewrite(`${made}\nSELECT current_setting('shop.' || 'tenant');`);
    expect(await run(3, 'up')).to.include('a setting whose name they put together');
    rewrite(`${made}\nDO $$ BEGIN EXECUTE 'TABLE su' || 'ms'; END $$;`);
    expect(await run(3, 'up')).to.include('which had the temporary table sums, temporary type small');
    rewrite(`${made}\nSELECT 1::pg_temp.small;`);
    expect(await run(4, 'up')).to.include('needs the temporary type small');
  });

  it('names what it had set and cannot set again, and goes on when that is back', async () => {
    const { run, rewrite, database } = await scene('SELECT 1;');
    const role = `lost_${database.name}`;
    const takes = outside(`SET ROLE ${role};`);
    await database.query(`CREATE ROLE ${role}`);
    rewrite(`${takes}\n${fails}`);
    await run(3, 'up');
    await database.query(`DROP ROLE ${role}`);
    rewrite(`${takes}\nSELECT 1;`);
    expect(await run(4, 'up'))
      .to.include(`cannot be set again: role "${role}" does not exist`)
      .and.include('--resolve 20250101000002');
    await database.query(`CREATE ROLE ${role}`);
    await run(0, 'up');
    await database.query(`DROP ROLE ${role}`);
  });

  it('drops what a build left INVALID, also when its statement was changed, and skips none', async () => {
    const twice = 'INSERT INTO public.account VALUES (100);';
    const build = (column: string) => `CREATE UNIQUE INDEX CONCURRENTLY by_it ON public.account (${column});`;
    const { run, rewrite, database } = await scene(outside(`${twice}\n${build('balance')}`));
    await run(3, 'up');
    rewrite(outside(`${twice}\nCREATE INDEX CONCURRENTLY other ON public.account (balance);`));
    expect(await run(0, 'up')).to.include('index by_it is INVALID');
    const indexes = await database.query(
      "SELECT relname AS name, indisvalid AS valid FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = 'account'::regclass",
    );
    expect(indexes).to.deep.equal([{ name: 'other', valid: true }]);
  });

  it('says how an after-deploy migration is finished', async () => {
    const { run } = await scene(`-- migrate: after-deploy\n${outside(`${addTen}\n${fails}`)}`);
    expect(await run(3, 'up', '--after-deploy')).to.include('make migrate-up after_deploy=1 again');
    expect(await run(4, 'up')).to.include('Finish it with make migrate-up after_deploy=1');
  });
});
