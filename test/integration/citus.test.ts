// A Citus cluster of a coordinator and two workers: what a run does there as on one server, and what it refuses.
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { readObjects, withCanonicalSession } from '../../scripts/schema/catalog/snapshot.ts';
import { renderSchema } from '../../scripts/schema/render/render.ts';
import { defaultSchemaOptions } from '../../scripts/schema/types.ts';
import { clusterDatabase, needsCluster } from '../support/citus.ts';
import { spreadCases, spreadTables } from '../support/citus-cases.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { until } from '../support/runs.ts';
import { serverOf } from '../support/versions.ts';

const impatient = { MIGRATE_LOCK_TIMEOUT: '2s', MIGRATE_LOCK_RETRIES: '1' };
const orders = pair(
  1,
  'orders',
  `CREATE TABLE orders (tenant int, id int, note text DEFAULT 'ä', PRIMARY KEY (tenant, id));
SELECT create_distributed_table('orders', 'tenant');
CREATE INDEX orders_note ON orders (note);
ALTER TABLE orders ADD COLUMN extra int;
CREATE TABLE countries (code text PRIMARY KEY);
SELECT create_reference_table('countries');`,
  `DROP TABLE orders, countries;`,
);

/** One shard, and the node that has it. */
const shardOfOrders =
  "SELECT table_name || '_' || shardid AS shard, nodeport AS port, (SELECT groupid FROM pg_dist_node n WHERE n.nodeport = s.nodeport AND n.nodename = s.nodename) AS node FROM citus_shards s WHERE table_name = 'orders'::regclass LIMIT 1";

describe('Citus', function suite() {
  this.timeout(120_000);
  needsCluster();

  it('runs, reverts and runs again a file of many statements that all go to the shards', async () => {
    const cluster = await clusterDatabase();
    const tool = await project({
      ...orders,
      ...pair(2, 'index', 'CREATE INDEX ON orders (extra);', 'DROP INDEX orders_extra_idx;'),
    });
    expectExit(await tool.run(['up'], { env: cluster.env() }), 0);
    const indexes =
      "SELECT run_command_on_shards('orders', 'SELECT count(*) FROM pg_index WHERE indrelid = ''%s''::regclass')";
    const found = await cluster.query<{ run_command_on_shards: string }>(indexes);
    expect(found.map((row) => row.run_command_on_shards)).to.satisfy(
      (all: string[]) => all.length > 1 && all.every((row) => row.endsWith(',t,3)')),
    );
    expectExit(await tool.run(['down', '--to', '0'], { env: cluster.env() }), 0);
    expectExit(await tool.run(['up'], { env: cluster.env() }), 0);
    const status = await tool.run(['status', '--json'], { env: cluster.env() });
    expect(JSON.parse(status.stdout).drift.state).to.equal('none');
  });

  it('says where a statement failed as on one server, and leaves nothing behind', async () => {
    const cluster = await clusterDatabase();
    const broken = pair(
      1,
      'broken',
      "CREATE TABLE t (id int);\nSELECT create_distributed_table('t', 'id');\n/* ä */ SELECT nowhere FROM t;\nSELECT 1;",
    );
    const result = await (await project(broken)).run(['up'], { env: cluster.env() });
    expectExit(result, 3);
    expect(result.stderr)
      .to.include('broken.up.sql:3:16')
      .and.to.include('statement 3 of 4')
      .and.to.include('42703');
    expect(await cluster.query("SELECT to_regclass('t') AS t")).to.deep.equal([{ t: null }]);
  });

  it('gives up a lock on one shard after all retries and names the blocker with its node', async () => {
    const cluster = await clusterDatabase();
    const tool = await project({
      ...orders,
      ...pair(2, 'column', 'ALTER TABLE orders ADD COLUMN late int;'),
    });
    expectExit(await tool.run(['up', '--n', '1'], { env: cluster.env() }), 0);
    const [shard] = await cluster.query<{ shard: string; node: number }>(shardOfOrders);
    const holder = await cluster.client(Number(shard?.node), 'nightly report');
    await holder.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ${shard?.shard}`);
    const result = await tool.run(['up'], { env: { ...cluster.env(), ...impatient } });
    expectExit(result, 6);
    expect(result.stdout).to.include('trying again');
    expect(result.stderr)
      .to.include(`nightly report`)
      .and.to.include(`on ${cluster.nodes[Number(shard?.node)]}`);
    // A concurrent build has connections of its own to the shards, without our time-outs.
    tool.write(
      '20250101000002_column.up.sql',
      '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY late ON orders (note);',
    );
    const building = await tool.run(['up'], {
      env: { ...cluster.env(), ...impatient, MIGRATE_LOCK_TIMEOUT: '500ms' },
    });
    expectExit(building, 6);
    expect(building.stderr).to.include('nightly report').and.to.include('where lock_timeout does not count');
    await holder.query('ROLLBACK');
    expectExit(await tool.run(['up'], { env: { ...cluster.env(), ...impatient } }), 0);
  });

  it('refuses a worker with exit 7 and names the coordinator', async () => {
    const cluster = await clusterDatabase();
    const result = await (await project(orders)).run(['up'], { env: cluster.env(1) });
    expectExit(result, 7);
    const port = cluster.nodes[0]?.split(':')[1];
    expect(result.stderr).to.include('worker of a Citus cluster').and.to.include(`port ${port}`);
  });

  it('refuses a database whose sessions change definitions on the coordinator alone', async () => {
    const cluster = await clusterDatabase();
    await cluster.query(`ALTER DATABASE ${cluster.name} SET citus.enable_ddl_propagation = off`);
    const result = await (await project(orders)).run(['up'], { env: cluster.env() });
    expectExit(result, 7);
    expect(result.stderr).to.include('citus.enable_ddl_propagation').and.to.include('RESET');
  });

  it('refuses the load-balanced ports with exit 7, also while the coordinator is behind them', async () => {
    const cluster = await clusterDatabase();
    const [host = '', port = ''] = (cluster.nodes[0] ?? '').split(':');
    const balancer = createServer((client) => {
      const node = connect(Number(port), host);
      for (const [from, to] of [
        [client, node],
        [node, client],
      ] as const)
        from.on('error', () => to.destroy()).pipe(to);
    });
    await new Promise<void>((resolve, reject) => balancer.once('error', reject).listen(7432, host, resolve));
    cleanUpAfterTest(async () => void balancer.close());
    const url = new URL(cluster.env().DATABASE_URL ?? '');
    url.port = '7432';
    const result = await (await project(orders)).run(['up'], {
      env: { ...cluster.env(), DATABASE_URL: url.href },
    });
    expectExit(result, 7);
    expect(result.stderr).to.include('load-balanced').and.to.include(`own port, ${port}`);
  });

  it('keeps the ledger on the coordinator, also where schemas are distributed', async () => {
    const cluster = await clusterDatabase();
    await cluster.query(`ALTER DATABASE ${cluster.name} SET citus.enable_schema_based_sharding = on`);
    expectExit(await (await project(orders)).run(['up'], { env: cluster.env() }), 0);
    expect(
      await cluster.query(
        "SELECT schema_name FROM citus_schemas WHERE schema_name::text = 'migration_ledger'",
      ),
    ).to.deep.equal([]);
    const ours =
      "SELECT logicalrelid FROM pg_dist_partition WHERE logicalrelid::text ~ 'migration_ledger|pgmigrations'";
    expect(await cluster.query(ours)).to.deep.equal([]);
  });

  it('goes on with a no-transaction file, and heals an index that failed on one shard', async () => {
    const cluster = await clusterDatabase();
    const twice = `-- migrate: no-transaction
ALTER TABLE orders ADD COLUMN b int;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS orders_tenant_b ON orders (tenant, extra);
UPDATE orders SET note = 'ä';`;
    const tool = await project({
      ...orders,
      ...pair(
        2,
        'index',
        twice,
        '-- migrate: no-transaction\nDROP INDEX CONCURRENTLY orders_tenant_b;\nALTER TABLE orders DROP COLUMN b;',
      ),
    });
    expectExit(await tool.run(['up', '--n', '1'], { env: cluster.env() }), 0);
    await cluster.query(
      'INSERT INTO orders (tenant, id, extra) SELECT i, i, 1 FROM generate_series(1, 50) i; INSERT INTO orders (tenant, id, extra) VALUES (7, 1, 1)',
    );
    const failed = await tool.run(['up'], { env: cluster.env() });
    expectExit(failed, 3);
    expect(failed.stderr)
      .to.include('statement 2 of 3')
      .and.to.include('23505')
      .and.to.include('index.up.sql:3');
    await cluster.query('DELETE FROM orders WHERE tenant = 7 AND id = 1');
    expectExit(await tool.run(['up'], { env: cluster.env() }), 0);
    expect(
      await cluster.query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_tenant_b'::regclass"),
    ).to.deep.equal([{ indisvalid: true }]);
    const shards = await cluster.query<{ result: string }>(
      "SELECT result FROM run_command_on_shards('orders', $$SELECT count(*) FROM pg_index WHERE indrelid = '%s'::regclass AND indisvalid$$)",
    );
    expect(shards.every(({ result }) => result === '3')).to.equal(true);
    expectExit(await tool.run(['down'], { env: cluster.env() }), 0);
  });

  it('goes on behind what works with connections of its own and was cut off, on the shards too', async () => {
    const cluster = await clusterDatabase();
    const tool = await project({
      ...orders,
      ...pair(
        2,
        'reindex',
        '-- migrate: no-transaction\nREINDEX TABLE CONCURRENTLY orders;\nCREATE TABLE v (id int PRIMARY KEY);',
      ),
      ...pair(
        3,
        'spread',
        "-- migrate: no-transaction\nSELECT create_distributed_table_concurrently('v', 'id');",
      ),
    });
    expectExit(await tool.run(['up', '--n', '1'], { env: cluster.env() }), 0);
    const env = { ...cluster.env(), ...impatient, MIGRATE_LOCK_TIMEOUT: '300ms' };
    const leftovers = async () => {
      const rows = await cluster.query<{ n: number }>(
        "SELECT sum(result::int)::int AS n FROM run_command_on_shards('orders', $$SELECT count(*) FROM pg_index WHERE indrelid = '%s'::regclass AND NOT indisvalid$$)",
      );
      return rows[0]?.n;
    };
    const [shard] = await cluster.query<{ shard: string; node: number }>(shardOfOrders);
    const holder = await cluster.client(Number(shard?.node), 'nightly report');
    await holder.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ${shard?.shard}`);
    expectExit(await tool.run(['up', '--n', '1'], { env }), 6);
    expect(await leftovers()).to.be.above(0);
    await holder.query('ROLLBACK');
    expectExit(await tool.run(['up', '--n', '1'], { env }), 0);
    expect(await leftovers()).to.equal(0);
    const other = await cluster.client(0, 'nightly report');
    await other.query('BEGIN; LOCK TABLE v IN SHARE MODE');
    expectExit(await tool.run(['up'], { env }), 6);
    await other.query('ROLLBACK');
    // As the earlier attempt would have, had it got through before the run was killed.
    await cluster.query("SELECT create_distributed_table('v', 'id')");
    expectExit(await tool.run(['drift', '--accept', '--reason', 'as if killed'], { env: cluster.env() }), 0);
    expectExit(await tool.run(['up'], { env }), 0);
  });

  it('leaves an index that is there and valid as it is', async () => {
    const cluster = await clusterDatabase();
    const tool = await project({
      ...orders,
      ...pair(
        2,
        'again',
        '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS orders_note ON orders (note);',
      ),
    });
    expectExit(await tool.run(['up'], { env: cluster.env() }), 0);
    expect(
      await cluster.query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_note'::regclass"),
    ).to.deep.equal([{ indisvalid: true }]);
  });

  it('builds an index again whose run was killed while a shard was still building', async () => {
    const cluster = await clusterDatabase();
    const tool = await project({
      ...orders,
      ...pair(
        2,
        'index',
        '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY orders_extra ON orders (extra);',
      ),
    });
    expectExit(await tool.run(['up', '--n', '1'], { env: cluster.env() }), 0);
    const [shard] = await cluster.query<{ shard: string; node: number }>(shardOfOrders);
    const holder = await cluster.client(Number(shard?.node));
    // The last phase of a concurrent build waits for older snapshots.
    await holder.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ${shard?.shard}`);
    const watcher = await cluster.client(Number(shard?.node));
    const run = tool.start(['up'], { env: cluster.env() });
    await until('a worker to wait for the holder', async () => {
      const { rows } = await watcher.query(
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'CREATE +INDEX +CONCURRENTLY'",
      );
      return rows.length > 0;
    });
    run.kill('SIGKILL');
    await run.result.catch(() => undefined);
    await holder.query('ROLLBACK');
    expectExit(await tool.run(['up'], { env: cluster.env() }), 0);
    expect(
      await cluster.query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_extra'::regclass"),
    ).to.deep.equal([{ indisvalid: true }]);
  });

  it('takes a table undistributed by hand for drift, and a shard that moved for none', async () => {
    const cluster = await clusterDatabase();
    const tool = await project({
      ...orders,
      ...pair(
        2,
        'parts',
        "CREATE TABLE parts (tenant int, id int, PRIMARY KEY (tenant, id)); SELECT create_distributed_table('parts', 'tenant', colocate_with => 'orders');",
      ),
    });
    const drift = async () => (await tool.run(['drift', '--json'], { env: cluster.env() })).json().drift;
    expectExit(await tool.run(['up'], { env: cluster.env() }), 0);
    const [host, port] = (cluster.nodes[0] ?? '').split(':');
    await cluster.query(`SELECT citus_set_node_property('${host}', ${port}, 'shouldhaveshards', true)`);
    await cluster.query("SELECT rebalance_table_shards(shard_transfer_mode => 'block_writes')");
    const onCoordinator = await cluster.query(
      `SELECT FROM citus_shards WHERE nodeport = ${port} AND table_name = 'orders'::regclass`,
    );
    expect(onCoordinator).to.have.length.above(0);
    expect((await drift()).state).to.equal('none');
    await cluster.query("SELECT undistribute_table('parts')");
    const { state, differences } = await drift();
    expect(state).to.equal('drifted');
    expect(
      differences.map(({ kind, identity, change }: Record<string, string>) => [kind, identity, change]),
    ).to.deep.equal([['distribution', 'public.parts', 'removed']]);
  });

  it('writes a schema that distributes the same tables when it is run on another cluster', async () => {
    const [from, to] = [await clusterDatabase(), await clusterDatabase()];
    await from.query(`CREATE TABLE accounts (id int PRIMARY KEY);
CREATE TABLE "Items" (account int REFERENCES accounts, id int, PRIMARY KEY (account, id));
CREATE TABLE kinds (id int PRIMARY KEY); CREATE TABLE own (id int PRIMARY KEY);`);
    for (const call of [
      "create_distributed_table('accounts', 'id')",
      `create_distributed_table('"Items"', 'account')`,
      "create_reference_table('kinds')",
      "citus_add_local_table_to_metadata('own')",
    ])
      await from.query(`SELECT ${call}`);
    await from.query('CREATE SCHEMA tenant; CREATE TABLE tenant.t (id int)');
    await from.query("SELECT citus_schema_distribute('tenant')");
    const { sql } = await renderSchema(from.query, defaultSchemaOptions);
    for (const statement of sql.split(/;$/m)) await to.query(statement);
    const read = (cluster: typeof from) =>
      withCanonicalSession(cluster.query, () => readObjects(cluster.query, defaultSchemaOptions));
    expect(await read(to)).to.deep.equal(await read(from));
    expect(
      (await read(from)).filter((object) => object.class === 'distribution').map(({ identity }) => identity),
    ).to.deep.equal(['public."Items"', 'public.accounts', 'public.kinds', 'public.own', 'schema tenant']);
  });

  for (const told of ['functions stand in for Citus', 'cluster of one node'])
    it(`drift --write writes how tables are distributed, and another cluster follows there and back (${told})`, async function test() {
      const [here, there] = [await clusterDatabase(), await clusterDatabase()];
      const [version] = await here.query<{ major: number }>(
        "SELECT current_setting('server_version_num')::int / 10000 AS major",
      );
      const plain = async () => {
        const { user, password, host, port } = await serverOf(version?.major ?? 0, () => this.skip());
        return `postgres://${user}:${password}@${host}:${port}/postgres`;
      };
      const shadow = told.startsWith('cluster') ? process.env.TEST_CITUS_URL : await plain();
      const scratch = { SHADOW_DATABASE_URL: shadow ?? '' };
      const spread = pair(
        1,
        'spread',
        `${['a1', 'a2', 'a3', 'plain', 'same'].map((name) => `CREATE TABLE ${name} (id int PRIMARY KEY, note text);`).join('\n')}
CREATE TABLE orders (tenant int, id int, PRIMARY KEY (tenant, id));
SELECT create_distributed_table('a1', 'id', colocate_with => 'none');
SELECT create_distributed_table('a2', 'id', colocate_with => 'a1');
SELECT create_distributed_table('a3', 'id', colocate_with => 'a1');
SELECT create_distributed_table('orders', 'tenant', colocate_with => 'none');
SELECT create_reference_table('same');
CREATE SCHEMA tenant; CREATE TABLE tenant.t (id int PRIMARY KEY);`,
        'SELECT 1;',
      );
      const tool = await project(spread);
      expect((await tool.run(['plan'], { env: { ...here.env(), ...scratch } })).stdout).to.include(told);
      for (const cluster of [here, there]) expectExit(await tool.run(['up'], { env: cluster.env() }), 0);
      for (const sql of [
        "SELECT undistribute_table('a1')",
        "SELECT alter_distributed_table('a3', colocate_with => 'none')",
        "SELECT create_reference_table('plain')",
        "SELECT undistribute_table('same')",
        "SELECT alter_distributed_table('orders', distribution_column => 'id', colocate_with => 'none')",
        'CREATE TABLE "A0" (id int PRIMARY KEY, a int REFERENCES a2 (id))',
        'ALTER TABLE "A0" DROP CONSTRAINT "A0_a_fkey"',
        `SELECT create_distributed_table('"A0"', 'id', colocate_with => 'a2')`,
        'ALTER TABLE "A0" ADD FOREIGN KEY (id) REFERENCES a2',
        "SELECT citus_schema_distribute('tenant')",
      ])
        await here.query(sql);
      const wrote = await tool.run(['drift', '--write', 'by-hand'], { env: { ...here.env(), ...scratch } });
      expectExit(wrote, 0);
      expect(wrote.stdout).to.include('Recorded').and.to.include(told);
      const read = (cluster: typeof here) =>
        withCanonicalSession(cluster.query, () => readObjects(cluster.query, defaultSchemaOptions));
      const before = await read(there);
      await there.query(
        'INSERT INTO a1 SELECT i FROM generate_series(1, 9) i; INSERT INTO same SELECT i FROM generate_series(1, 9) i; INSERT INTO orders SELECT i, i FROM generate_series(1, 9) i',
      );
      expectExit(await tool.run(['up'], { env: there.env() }), 0);
      const ordered = (objects: Awaited<ReturnType<typeof read>>) =>
        objects.filter(({ class: name }) => name !== 'column-order');
      expect(ordered(await read(there))).to.deep.equal(ordered(await read(here)));
      expectExit(await tool.run(['down'], { env: there.env() }), 0);
      expect(await read(there)).to.deep.equal(before);
      const counted = await there.query(
        'SELECT (SELECT count(*) FROM a1)::int + (SELECT count(*) FROM same)::int + (SELECT count(*) FROM orders)::int AS n',
      );
      expect(counted).to.deep.equal([{ n: 27 }]);
    });

  it('drift --write leaves a table to a person that foreign keys tie to others', async () => {
    const cluster = await clusterDatabase();
    const tied = pair(
      1,
      'tied',
      `CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY REFERENCES a);
SELECT create_distributed_table('a', 'id'); SELECT create_distributed_table('b', 'id', colocate_with => 'a');`,
      'SELECT 1;',
    );
    const tool = await project(tied);
    expectExit(await tool.run(['up'], { env: cluster.env() }), 0);
    await cluster.query("SELECT undistribute_table('a', cascade_via_foreign_keys => true)");
    const wrote = await tool.run(['drift', '--write', 'by-hand'], { env: cluster.env() });
    expectExit(wrote, 0);
    expect(wrote.stdout).to.include('A person must finish').and.to.include('foreign keys tie the table');
  });

  it('takes what a function does that is delegated whole to a worker, and tells at once what it can never do', async () => {
    const cluster = await clusterDatabase();
    const bodies = {
      reads: 'PERFORM FROM t WHERE id = key;',
      writes: 'INSERT INTO t VALUES (key, 0);',
      executes: "EXECUTE 'UPDATE t SET n = n + 1 WHERE id = ' || key;",
      truncates: 'TRUNCATE t;',
      truncates_other: 'TRUNCATE o;',
      locks: 'LOCK TABLE t;',
      changes: 'ALTER TABLE t ADD COLUMN late int;',
      indexes: 'CREATE INDEX ON t (n);',
      analyzes: 'ANALYZE t;',
      writes_all: 'UPDATE t SET n = 0;',
    };
    const functions = Object.entries(bodies).map(
      ([
        name,
        body,
      ]) => `CREATE FUNCTION ${name}(key int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN ${body} END $$;
SELECT create_distributed_function('${name}(int)', '$1', colocate_with => 't', force_delegation => true);`,
    );
    const tables = ['t', 'o'].map(
      (name) =>
        `CREATE TABLE ${name} (id int PRIMARY KEY, n int); SELECT create_distributed_table('${name}', 'id', colocate_with => 'none');`,
    );
    const tool = await project(pair(1, 'functions', [...tables, ...functions].join('\n')));
    expectExit(await tool.run(['up'], { env: cluster.env() }), 0);
    const rows = () => cluster.query('SELECT id, n FROM t UNION ALL SELECT id, n FROM o ORDER BY id');
    const up = (sql: string, env = {}) => {
      for (const [name, text] of Object.entries(pair(2, 'calls', sql))) tool.write(name, text);
      return tool.run(['up'], { env: { ...cluster.env(), ...env } });
    };
    const never =
      /can never get it|cannot execute a distributed query|not allowed on this node|must filter by/;
    for (const name of Object.keys(bodies).slice(3))
      for (const sql of [`INSERT INTO o VALUES (6, 0); SELECT ${name}(5)`, `SELECT * FROM ${name}(5)`]) {
        const refused = await up(sql, { MIGRATE_LOCK_RETRIES: '99' });
        expectExit(refused, 3);
        expect(refused.stderr, sql).to.match(never).and.to.include('rolled back');
      }
    expect(await rows()).to.deep.equal([]);
    expectExit(
      await up(
        'SELECT writes(1); INSERT INTO o VALUES (6, 0); SELECT reads(1); SELECT executes(1); SELECT writes(5); SELECT writes(9), 1;',
      ),
      0,
    );
    const written = [1, 5, 6, 9].map((id) => ({ id, n: id === 1 ? 1 : 0 }));
    expect(await rows()).to.deep.equal(written);
  });

  it('works on shards in turn where a transaction was refused for work on all of them at once', async () => {
    const cluster = await clusterDatabase();
    const both = 'UPDATE t SET n = n; UPDATE r SET n = n + 1;';
    const call = (name: string) =>
      `CREATE FUNCTION ${name}() RETURNS void LANGUAGE plpgsql AS $$ BEGIN ${both} END $$; SELECT ${name}();`;
    const tool = await project({
      ...pair(
        1,
        'tables',
        `CREATE TABLE r (id int PRIMARY KEY, n int); SELECT create_reference_table('r');
CREATE TABLE t (id int PRIMARY KEY, n int REFERENCES r); SELECT create_distributed_table('t', 'id');
INSERT INTO r SELECT i, 0 FROM generate_series(1, 9) i; INSERT INTO t SELECT i, i FROM generate_series(1, 9) i;`,
      ),
      ...pair(2, 'rows', both),
      ...pair(3, 'call', call('f')),
      ...pair(4, 'statements', `-- migrate: no-transaction\n${call('g')}`),
      ...pair(5, 'more', "UPDATE t SET n = n; CREATE TABLE s (id int); SELECT create_reference_table('s');"),
    });
    for (const n of ['2', '1', '1', '1']) {
      const ran = await tool.run(['up', '--n', n], { env: cluster.env() });
      expectExit(ran, 0);
      if (n === '2') expect(ran.stdout).to.include('parallel DML access').and.to.include('trying again');
    }
    expect(await cluster.query('SELECT DISTINCT n FROM r')).to.deep.equal([{ n: 3 }]);
  });

  it('walks distributed and reference tables in batches, there and back', async () => {
    const cluster = await clusterDatabase();
    const batch = (table: string, key: string, set: string) =>
      `-- migrate: batch public.${table} by ${key} rows=100\nUPDATE public.${table} SET n = ${set} WHERE ${key} BETWEEN $1 AND $2;`;
    const tool = await project({
      ...pair(
        1,
        'tables',
        `CREATE TABLE dist (id int PRIMARY KEY, n int); SELECT create_distributed_table('dist', 'id');
CREATE TABLE same (id int PRIMARY KEY, k int UNIQUE, n int); SELECT create_reference_table('same');
INSERT INTO dist SELECT i FROM generate_series(1, 900) i; INSERT INTO same SELECT i, i FROM generate_series(1, 300) i;`,
        'DROP TABLE dist, same;',
      ),
      ...pair(2, 'dist', batch('dist', 'id', '1'), batch('dist', 'id', 'NULL')),
      ...pair(3, 'same', batch('same', 'k', '1'), batch('same', 'k', 'NULL')),
    });
    const filled = () =>
      cluster.query(
        'SELECT (SELECT count(n) FROM dist)::int AS dist, (SELECT count(n) FROM same)::int AS same',
      );
    expectExit(await tool.run(['up'], { env: cluster.env() }), 0);
    expect(await filled()).to.deep.equal([{ dist: 900, same: 300 }]);
    expectExit(await tool.run(['down', '--n', '2'], { env: cluster.env() }), 0);
    expect(await filled()).to.deep.equal([{ dist: 0, same: 0 }]);
  });

  it('is migrated with plain databases by one list, each in its own way, and ends with them at a signal', async () => {
    const [cluster, plain] = [await clusterDatabase(), await createDatabase()];
    const distribute = (table: string) =>
      `DO $$ BEGIN IF to_regproc('create_distributed_table') IS NOT NULL THEN PERFORM create_distributed_table('${table}', 'id'); END IF; END $$;`;
    const tool = await project({
      ...pair(1, 'one', `CREATE TABLE one (id int, n int); ${distribute('one')} CREATE INDEX ON one (n);`),
      ...pair(2, 'late', '-- migrate: after-deploy\nALTER TABLE one DROP COLUMN n;'),
    });
    const urls = { cluster: cluster.env().DATABASE_URL, plain: plain.env().DATABASE_URL };
    const { DATABASE_URL: _, ...ofPlain } = plain.env();
    const { DATABASE_URL: __, ...ofCluster } = cluster.env();
    const named = { ...ofCluster, ...ofPlain, MIGRATE_ENV: 'test' };
    tool.write(
      'db/targets',
      Object.entries(urls)
        .map(([name, url]) => `${name} ${url}`)
        .join('\n'),
    );
    const run = (...args: string[]) =>
      tool.run([...args, '--targets', 'db/targets', '--canary', '0'], { env: named });
    const both = async (sql: string) => [(await cluster.query(sql))[0], (await plain.query(sql))[0]];
    expectExit(await run('up'), 0);
    expect(
      await both(
        "SELECT count(*)::int AS n FROM pg_attribute WHERE attrelid = 'one'::regclass AND attname = 'n'",
      ),
    ).to.deep.equal([{ n: 1 }, { n: 1 }]);
    expect(await cluster.query("SELECT FROM citus_tables WHERE table_name = 'one'::regclass")).to.have.length(
      1,
    );
    expectExit(await run('up', '--after-deploy'), 0);
    for (const command of ['plan', 'drift', 'status']) expectExit(await run(command), 0);
    tool.write('20250101000003_wait.up.sql', 'ALTER TABLE one ADD COLUMN late int; SELECT pg_sleep(60);');
    tool.write('20250101000003_wait.down.sql', 'SELECT 1;');
    const running = tool.start(['up', '--targets', 'db/targets', '--canary', '0', '--json'], { env: named });
    const sleeps =
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    await until('both to sleep', async () => (await both(sleeps)).every((row) => row?.n === 1));
    running.kill('SIGTERM');
    const ended = await running.result;
    expectExit(ended, 143);
    expect(ended.json().targets.map(({ exitCode }: { exitCode: number }) => exitCode)).to.deep.equal([
      143, 143,
    ]);
    await until('both to be rolled back', async () => (await both(sleeps)).every((row) => row?.n === 0));
    expect(
      await both(
        "SELECT count(*)::int AS n FROM pg_attribute WHERE attrelid = 'one'::regclass AND attname = 'late'",
      ),
    ).to.deep.equal([{ n: 0 }, { n: 0 }]);
  });

  it('plan tells how large a table is over all of its shards', async () => {
    const cluster = await clusterDatabase();
    const tool = await project({
      ...orders,
      ...pair(2, 'column', 'ALTER TABLE orders ADD COLUMN late int;'),
    });
    expectExit(await tool.run(['up', '--n', '1'], { env: cluster.env() }), 0);
    await cluster.query('INSERT INTO orders (tenant, id) SELECT i, i FROM generate_series(1, 3000) i');
    await cluster.query('ANALYZE orders');
    const result = await tool.run(['plan'], { env: cluster.env() });
    expectExit(result, 0);
    expect(result.stdout).to.include('about 3.0 k rows');
  });

  it('verify, lint and schema work with Citus itself where the scratch server has it', async () => {
    const url = process.env.TEST_CITUS_URL ?? '';
    const env = { SHADOW_DATABASE_URL: url, MIGRATE_ENV: 'test' };
    const tool = await project({
      ...pair(
        1,
        'orders',
        `CREATE EXTENSION IF NOT EXISTS citus;
CREATE TABLE orders (tenant int, id int, note text, PRIMARY KEY (tenant, id));
SELECT create_distributed_table('orders', 'tenant');
CREATE INDEX orders_note ON orders (note);`,
        'DROP TABLE orders;',
      ),
      ...pair(
        2,
        'index',
        '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY orders_tenant ON orders (tenant, note);',
        '-- migrate: no-transaction\nDROP INDEX CONCURRENTLY orders_tenant;',
      ),
      ...pair(
        3,
        'column',
        'ALTER TABLE orders ADD COLUMN extra int;',
        'ALTER TABLE orders DROP COLUMN extra;',
      ),
    });
    const verified = await tool.run(['verify'], { env });
    expectExit(verified, 0);
    expect(verified.all.match(/cluster of one node/g)).to.have.length(1);
    expectExit(await tool.run(['schema'], { env }), 0);
    const real = readFileSync(join(tool.root, 'db', 'schema.sql'), 'utf8');
    expect(real)
      .to.include("SELECT create_distributed_table('public.orders', 'tenant'")
      .and.not.match(/_1\d{5}\b/);
    const lint = await tool.run(['lint', '--json'], { env });
    expect(lint.json().findings.map(({ rule }: { rule: string }) => rule)).not.to.include('does-not-run');
    // The same file, whoever answers for Citus; but for the version, which is that of the scratch server.
    expectExit(await tool.run(['schema'], { env: { MIGRATE_ENV: 'test' } }), 0);
    const withoutVersion = (text: string) => text.replace(/^-- postgres: .*$/m, '');
    const stoodIn = readFileSync(join(tool.root, 'db', 'schema.sql'), 'utf8');
    expect(withoutVersion(stoodIn)).to.equal(withoutVersion(real));
    tool.write('db/migrations/20250101000004_refused.up.sql', 'CREATE UNIQUE INDEX ON orders (id);');
    tool.write('db/migrations/20250101000004_refused.down.sql', 'SELECT 1;');
    const refused = await tool.run(['lint', '--json'], { env });
    expect(refused.json().findings.map(({ rule }: { rule: string }) => rule)).to.include(
      'key-without-distribution-column',
    );
  });

  it('refuses what lint says that it refuses, and takes the rest', async () => {
    const cluster = await clusterDatabase();
    for (const statement of spreadTables.split(/;$/m)) await cluster.query(statement);
    for (const [sql, rule] of spreadCases) {
      await cluster.query('BEGIN');
      const refused = await sql
        .split('; ')
        .reduce(async (earlier, statement) => {
          await earlier;
          await cluster.query(statement);
        }, Promise.resolve())
        .then(
          () => false,
          () => true,
        );
      await cluster.query('ROLLBACK');
      expect(refused, sql).to.equal(rule !== null);
    }
  });
});
