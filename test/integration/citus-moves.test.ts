// A Citus cluster whose shards are moved, split or copied while runs go on, in both orders: nothing is lost or done twice,
// who is in the way is named, and where shards are is never drift.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type pg from 'pg';
import { type Cluster, clusterDatabase, needsCluster } from '../support/citus.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, type Project, project } from '../support/cli.ts';
import { pair } from '../support/migrations.ts';
import { until } from '../support/runs.ts';

const impatient = { MIGRATE_LOCK_TIMEOUT: '500ms', MIGRATE_LOCK_RETRIES: '1' };
const tables = pair(
  1,
  'tables',
  `CREATE TABLE t (id int PRIMARY KEY, n int); SELECT create_distributed_table('t', 'id', colocate_with => 'none');
CREATE TABLE u (id int PRIMARY KEY, n int); SELECT create_distributed_table('u', 'id', colocate_with => 't');
INSERT INTO t SELECT i, 0 FROM generate_series(1, 200) i;`,
);

/** Moves the first shard of `t` in place order `nth` to the other worker. */
const moveSql = (nth: number, mode: string) =>
  `SELECT citus_move_shard_placement(s.shardid, s.nodename, s.nodeport, o.nodename, o.nodeport, '${mode}')
     FROM (SELECT * FROM citus_shards WHERE table_name = 't'::regclass ORDER BY shardid OFFSET ${nth} LIMIT 1) s,
       LATERAL (SELECT nodename, nodeport FROM pg_dist_node n WHERE groupid > 0 AND n.nodeport <> s.nodeport LIMIT 1) o`;
const isolateSql =
  "SELECT isolate_tenant_to_new_shard('t', 5, 'CASCADE', shard_transfer_mode => 'block_writes')";

describe('Citus, shards that move', function suite() {
  this.timeout(120_000);
  needsCluster();

  const expectRight = async (cluster: Cluster, tool: Project) => {
    const drift = await tool.run(['drift', '--json'], { env: cluster.env() });
    expect(drift.json().drift.state, drift.all).to.equal('none');
  };

  const blocked = {
    column: 'ALTER TABLE t ADD COLUMN late int;',
    update: 'UPDATE t SET n = n + 1;',
    colocated:
      "CREATE TABLE v (id int PRIMARY KEY); SELECT create_distributed_table('v', 'id', colocate_with => 't');",
    index: '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY t_n ON t (n);',
    concurrent:
      "-- migrate: no-transaction\nCREATE TABLE w (id int PRIMARY KEY); SELECT create_distributed_table_concurrently('w', 'id', colocate_with => 't');",
    batch:
      '-- migrate: batch public.t by id rows=100\nUPDATE public.t SET n = n + 1 WHERE id BETWEEN $1 AND $2;',
    undistributed: "SELECT undistribute_table('u');",
  };
  it('names who moves shards when all attempts are over, and goes on when they have moved', async () => {
    const cluster = await clusterDatabase();
    const tool = await project(tables);
    expectExit(await tool.run(['up'], { env: cluster.env() }), 0);
    const mover = await cluster.client(0, 'the mover');
    for (const [i, [name, text]] of Object.entries(blocked).entries()) {
      for (const [file, content] of Object.entries(pair(i + 2, name, text))) tool.write(file, content);
      await mover.query('BEGIN');
      await mover.query(i % 3 === 2 ? isolateSql.replace('5', String(i)) : moveSql(i % 4, 'block_writes'));
      expectExit(await tool.run(['plan'], { env: cluster.env() }), 0);
      await expectRight(cluster, tool);
      const held = await tool.run(['up'], { env: { ...cluster.env(), ...impatient } });
      expectExit(held, 6);
      expect(held.stderr, name).to.match(/blocked by pid \d+.*the mover/);
      await mover.query('COMMIT');
      expectExit(await tool.run(['up'], { env: cluster.env() }), 0);
      await expectRight(cluster, tool);
    }
    expect(await cluster.query('SELECT n, count(*)::int FROM t GROUP BY n')).to.deep.equal([
      { n: 2, count: 200 },
    ]);
  });

  it('takes nothing for drift that Citus makes on the coordinator while a shard leaves it', async () => {
    const cluster = await clusterDatabase();
    const tool = await project(tables);
    expectExit(await tool.run(['up'], { env: cluster.env() }), 0);
    const [host, port] = (cluster.nodes[0] ?? '').split(':');
    await cluster.query(`SELECT citus_set_node_property('${host}', ${port}, 'shouldhaveshards', true)`);
    await cluster.query("SELECT rebalance_table_shards(shard_transfer_mode => 'block_writes')");
    const [mover, writer] = [await cluster.client(0), await cluster.client(0)];
    await writer.query('BEGIN');
    await writer.query('UPDATE t SET n = n');
    const moving = mover.query(
      `SELECT citus_move_shard_placement(shardid, nodename, nodeport, o.host, o.port, 'force_logical') FROM citus_shards,
         LATERAL (SELECT nodename AS host, nodeport AS port FROM pg_dist_node WHERE groupid = 1) o
        WHERE table_name = 't'::regclass AND nodeport = ${port} LIMIT 1`,
    );
    await until(
      'a publication',
      async () => (await cluster.query('SELECT FROM pg_publication')).length === 1,
    );
    await expectRight(cluster, tool);
    expectExit(await tool.run(['up'], { env: cluster.env() }), 0);
    await writer.query('ROLLBACK');
    await moving;
    await expectRight(cluster, tool);
  });

  it('runs again where a shard comes to the coordinator while a statement waits for it', async () => {
    const cluster = await clusterDatabase();
    const [host, port] = (cluster.nodes[0] ?? '').split(':');
    const kinds = [
      'UPDATE t SET n = n + 1;',
      '-- migrate: no-transaction\nUPDATE t SET n = n + 1;',
      blocked.batch,
    ];
    const tool = await project(tables);
    expectExit(await tool.run(['up'], { env: cluster.env() }), 0);
    await cluster.query(`SELECT citus_set_node_property('${host}', ${port}, 'shouldhaveshards', true)`);
    const mover = await cluster.client(0, 'the mover');
    for (const [i, text] of kinds.entries()) {
      for (const [file, content] of Object.entries(pair(i + 2, 'kind', text))) tool.write(file, content);
      await mover.query('BEGIN');
      await mover.query(
        `SELECT citus_move_shard_placement(shardid, nodename, nodeport, '${host}', ${port}, 'block_writes') FROM citus_shards
          WHERE table_name = 't'::regclass AND nodeport <> ${port} ORDER BY shardid LIMIT 1`,
      );
      const run = tool.start(['up'], { env: { ...cluster.env(), MIGRATE_LOCK_TIMEOUT: '20s' } });
      await until('the run to wait for the mover', async () => {
        const waits =
          "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'migrate up%' AND state = 'active' AND query ~ 'UPDATE'";
        return (await cluster.query(waits)).length > 0;
      });
      await mover.query('COMMIT');
      expectExit(await run.result, 0);
      expect(await cluster.query('SELECT n, count(*)::int FROM t GROUP BY n'), text).to.deep.equal([
        { n: i + 1, count: 200 },
      ]);
    }
  });

  /** Moves shards until it is told to stop, online and not; what fails of it is not ours. Gives how often it succeeded. */
  const moveAllTheTime = (mover: pg.Client) => {
    let [moved, stopped] = [0, false];
    const ended = (async () => {
      for (let i = 0; !stopped; i += 1) {
        const mode = i % 4 === 3 ? 'force_logical' : 'block_writes';
        const done = await mover.query(moveSql(i % 4, mode)).then(
          () => 1,
          () => 0,
        );
        moved += done;
        await sleep(300);
      }
    })();
    const stop = async () => {
      stopped = true;
      await ended;
      return moved;
    };
    cleanUpAfterTest(async () => void (await stop()));
    return { moved: () => moved, stop };
  };
  it('loses nothing and does nothing twice while shards move all the time, up and down', async () => {
    const cluster = await clusterDatabase();
    const count = (sign: string) =>
      `-- migrate: batch public.t by id rows=20 pause=5ms\nUPDATE public.t SET n = n ${sign} 1 WHERE id BETWEEN $1 AND $2;`;
    const tool = await project({
      ...tables,
      ...pair(
        2,
        'column',
        'ALTER TABLE t ADD COLUMN late int; CREATE INDEX ON t (late);',
        'ALTER TABLE t DROP COLUMN late;',
      ),
      ...pair(3, 'count', count('+'), count('-')),
      ...pair(
        4,
        'index',
        '-- migrate: no-transaction\nUPDATE t SET n = n + 1;\nCREATE INDEX CONCURRENTLY t_n ON t (n);',
        '-- migrate: no-transaction\nDROP INDEX CONCURRENTLY t_n;\nUPDATE t SET n = n - 1;',
      ),
    });
    expectExit(await tool.run(['up', '--n', '1'], { env: cluster.env() }), 0);
    const moving = moveAllTheTime(await cluster.client(0, 'the mover'));
    await until('a shard to have moved', async () => moving.moved() > 0);
    const patient = { env: { ...cluster.env(), MIGRATE_LOCK_RETRIES: '50' } };
    for (const [args, n] of [
      [['up'], 2],
      [['down', '--n', '3'], 0],
      [['up'], 2],
    ] as const) {
      expectExit(await tool.run(args, patient), 0);
      await expectRight(cluster, tool);
      expectExit(await tool.run(['plan'], patient), 0);
      expect(await cluster.query('SELECT n, count(*)::int FROM t GROUP BY n')).to.deep.equal([
        { n, count: 200 },
      ]);
    }
    expect(await moving.stop()).to.be.above(3);
  });
});
