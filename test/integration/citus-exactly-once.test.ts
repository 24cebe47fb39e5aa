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
SELECT create_distributed_table('single', 'id', shard_count => 1, colocate_with => 'none');
INSERT INTO single VALUES (1, 0), (2, 0);
CREATE FUNCTION add(id int) RETURNS void LANGUAGE sql AS 'INSERT INTO single VALUES ($1, 0)';
SELECT create_distributed_function('add(int)', '$1', colocate_with => 'single', force_delegation => true);`,
  );
  const writes = [
    ['a file', 'INSERT INTO single VALUES (3, 0);'],
    ['a no-transaction file', '-- migrate: no-transaction\nSELECT 1;\nINSERT INTO single VALUES (3, 0);'],
    ['a function that is delegated whole', 'SELECT add(3);'],
    ['a delegated function without transaction', '-- migrate: no-transaction\nSELECT 1;\nSELECT add(3);'],
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

  const cuts = ['SIGKILL', 'the session on the coordinator', 'a session on a worker', 'SIGINT'] as const;
  it('counts each key of a batch once, wherever tool, coordinator or worker are cut off', async () => {
    const cluster = await clusterDatabase();
    const env = { ...cluster.env(), MIGRATE_BATCH_TIME: '1ms' };
    const names = ['by_key', 'by_other', 'single', 'everywhere'];
    const batch = (table: string, sql: string) =>
      `-- migrate: batch public.${table} by id rows=10 pause=15ms\n${sql}`;
    const update = (table: string) =>
      batch(table, `UPDATE public.${table} SET n = n + 1 WHERE id BETWEEN $1 AND $2;`);
    const copy = 'INSERT INTO public.copies SELECT id, id FROM public.by_key WHERE id BETWEEN $1 AND $2;';
    const tool = await project({
      ...pair(
        1,
        'tables',
        `${names.map((name) => `CREATE TABLE ${name} (id int PRIMARY KEY, o int, n int NOT NULL DEFAULT 0);`).join('\n')}
CREATE TABLE copies (id int, n int);
ALTER TABLE by_other DROP CONSTRAINT by_other_pkey; ALTER TABLE by_other ADD PRIMARY KEY (id, o);
SELECT create_distributed_table('by_key', 'id');
SELECT create_distributed_table('by_other', 'o');
SELECT create_distributed_table('single', NULL);
SELECT create_reference_table('everywhere');
SELECT create_distributed_table('copies', 'id');
${names.map((name) => `INSERT INTO ${name} SELECT i, i % 17 FROM generate_series(1, 100) i;`).join('\n')}`,
      ),
      ...Object.assign({}, ...names.map((name, i) => pair(i + 2, name, update(name)))),
      ...pair(6, 'copies', batch('by_key', copy)),
    });
    expectExit(await tool.run(['up', '--n', '1'], { env }), 0);
    const watcher = await cluster.client(0);
    const workers = [await cluster.client(1), await cluster.client(2)];
    const reached = async () => {
      const { rows } = await watcher.query(
        "SELECT string_agg(j::text, ' ' ORDER BY j::text) AS all FROM migration_ledger.journal j",
      );
      return String(rows[0]?.all);
    };
    let done = false;
    for (let i = 0; !done; i += 1) {
      const before = await reached();
      const run = tool.start(['up'], { env });
      const ended = run.result.then(
        (result) => result,
        () => null,
      );
      await Promise.race([ended, until('another range', async () => (await reached()) !== before)]);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
      const cut = cuts[i % cuts.length];
      if (cut === 'SIGKILL' || cut === 'SIGINT') run.kill(cut);
      else {
        const own = cut === 'a session on a worker' ? 'citus_internal%' : 'migrate up%';
        const client = cut === 'a session on a worker' ? workers[i % 2] : watcher;
        await client?.query(
          'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name LIKE $2',
          [cluster.name, own],
        );
      }
      const end = await ended;
      // Cut off or done; and never put down to the file.
      expect(end?.exitCode, end?.all).to.be.oneOf([0, 8, 130, 137]);
      done = end?.exitCode === 0;
      // Its own connections to the workers may have been cut too.
      await cluster.query('SELECT recover_prepared_transactions()').catch(() => undefined);
    }
    expectExit(await tool.run(['up'], { env }), 0);
    for (const name of names)
      expect(await cluster.query(`SELECT n, count(*)::int FROM ${name} GROUP BY n`), name).to.deep.equal([
        { n: 1, count: 100 },
      ]);
    expect(
      await cluster.query('SELECT count(*)::int, count(DISTINCT id)::int AS different FROM copies'),
    ).to.deep.equal([{ count: 100, different: 100 }]);
  });
});
