// A Citus cluster where something breaks off: what is recorded on the coordinator is on the workers, and nothing else is.
import { expect } from 'chai';
import type pg from 'pg';
import { type Cluster, clusterDatabase, needsCluster } from '../support/citus.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, project } from '../support/cli.ts';
import { pair } from '../support/migrations.ts';
import { until } from '../support/runs.ts';

/** Has the commits of a worker wait for a standby that does not come; gives what ends that. */
async function commitsWait(cluster: Cluster, node: number): Promise<() => Promise<void>> {
  const worker = await cluster.client(node);
  const set = async (standbys: string) => {
    await worker.query(`ALTER SYSTEM SET synchronous_standby_names = '${standbys}'`);
    await worker.query('SELECT pg_reload_conf()');
    await until('the setting to count', async () => {
      const { rows } = await worker.query('SHOW synchronous_standby_names');
      return rows[0]?.synchronous_standby_names === standbys;
    });
  };
  cleanUpAfterTest(() => set(''));
  await set('nobody');
  return () => set('');
}

async function untilCommitting(worker: pg.Client, database: string): Promise<void> {
  await until('a commit to wait on the worker', async () => {
    const { rows } = await worker.query(
      "SELECT FROM pg_stat_activity WHERE datname = $1 AND wait_event = 'SyncRep' AND application_name LIKE 'citus_internal%'",
      [database],
    );
    return rows.length > 0;
  });
}

describe('Citus, cut off', function suite() {
  this.timeout(120_000);
  needsCluster();

  const single = pair(
    1,
    'single',
    `CREATE TABLE single (id int, n int);
SELECT create_distributed_table('single', NULL);
INSERT INTO single VALUES (1, 0), (2, 0);`,
  );
  const writes = [
    ['a file', 'INSERT INTO single VALUES (3, 0);'],
    ['a no-transaction file', '-- migrate: no-transaction\nSELECT 1;\nINSERT INTO single VALUES (3, 0);'],
  ] as const;
  for (const [kind, text] of writes)
    it(`${kind} that writes to one shard counts once where its worker dies at the commit`, async () => {
      const cluster = await clusterDatabase();
      const env = cluster.env();
      const tool = await project({ ...single, ...pair(2, 'row', text, 'SELECT 1;') });
      expectExit(await tool.run(['up', '--n', '1'], { env }), 0);
      const [shard] = await cluster.query<{ node: number }>(
        "SELECT groupid AS node FROM citus_shards s JOIN pg_dist_node n USING (nodename, nodeport) WHERE table_name = 'single'::regclass",
      );
      const node = Number(shard?.node);
      const worker = await cluster.client(node);
      const goOn = await commitsWait(cluster, node);
      const run = tool.start(['up'], { env });
      await untilCommitting(worker, cluster.name);
      await worker.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND wait_event = 'SyncRep'",
        [cluster.name],
      );
      const cut = await run.result;
      expectExit(cut, 8);
      expect(cut.stderr)
        .to.include(`worker of the Citus cluster does not answer, ${cluster.nodes[node]}`)
        .and.include('nothing is wrong with the file');
      await goOn();
      // Citus does so by itself once a minute.
      await cluster.query('SELECT recover_prepared_transactions()');
      expect(await cluster.query('SELECT id FROM single WHERE id = 3')).to.deep.equal([]);
      expectExit(await tool.run(['up'], { env }), 0);
      expect(await cluster.query('SELECT id FROM single ORDER BY 1')).to.deep.equal([
        { id: 1 },
        { id: 2 },
        { id: 3 },
      ]);
    });
});
