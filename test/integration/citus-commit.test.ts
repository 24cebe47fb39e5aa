// A Citus cluster whose workers do not follow the coordinator's COMMIT at once, or not at all: what is told is what happened,
// and nothing that comes after passes over rows that a worker has yet to commit.
import { expect } from 'chai';
import { type Cluster, clusterBehindProxy, needsCluster, readableBetweenNodes } from '../support/citus.ts';
import { expectExit, type Project, project } from '../support/cli.ts';
import { pair } from '../support/migrations.ts';

const insert = 'INSERT INTO t SELECT i, 0 FROM generate_series(1, 60) i;';
const files = {
  ...pair(1, 't', "CREATE TABLE t (id int PRIMARY KEY, n int); SELECT create_distributed_table('t', 'id');"),
  ...pair(2, 'rows', insert),
  ...pair(3, 'counted', 'UPDATE t SET n = n + 1;'),
};
const kinds = {
  'a file': insert,
  'a no-transaction file': `-- migrate: no-transaction\nSELECT 1;\n${insert}\nSELECT 2;`,
};
const [prepare, commit] = ['PREPARE TRANSACTION', 'COMMIT PREPARED'];

/** Ends a run's session on the coordinator, or what it runs. */
const endBy = (call: string) => async (cluster: Cluster) => {
  const watcher = await cluster.client(0);
  await watcher.query(
    `SELECT ${call}(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'migrate up%'`,
  );
};

describe('Citus, a worker that does not commit', function suite() {
  this.timeout(120_000);
  needsCluster();
  readableBetweenNodes();

  const begin = async (text: string, more: Record<string, string> = {}) => {
    const { cluster, proxy } = await clusterBehindProxy();
    const tool = await project({ ...files, ...pair(2, 'rows', text), ...more });
    expectExit(await tool.run(['up', '--n', '1'], { env: cluster.env() }), 0);
    return { cluster, proxy, tool };
  };
  const expectEachOnce = async (cluster: Cluster, tool: Project) => {
    expectExit(await tool.run(['up'], { env: cluster.env() }), 0);
    expect(await cluster.query('SELECT n, count(*)::int FROM t GROUP BY n')).to.deep.equal([
      { n: 1, count: 60 },
    ]);
    expect(await prepared(cluster)).to.deep.equal([]);
  };
  const prepared = async (cluster: Cluster) => {
    const worker = await cluster.client(1);
    const { rows } = await worker.query(
      'SELECT gid FROM pg_prepared_xacts WHERE database = current_database()',
    );
    return rows;
  };

  const cuts = [
    [prepare, 'SIGINT', 130, 'was rolled back', 'statement 2 of 3 did not finish'],
    [prepare, 'pg_cancel_backend', 3, 'was rolled back', 'statement 2 of 3 did not finish'],
    [prepare, 'pg_terminate_backend', 8, 'was rolled back', 'statement 2 of 3 may have finished'],
    [commit, 'SIGINT', 130, 'its COMMIT got through', 'statement 2 of 3 may have finished'],
    [
      commit,
      'pg_terminate_backend',
      8,
      /its COMMIT got through|stays applied/,
      'statement 2 of 3 may have finished',
    ],
  ] as const;
  for (const [at, cut, exit, ofFile, ofStatement] of cuts)
    for (const [kind, text] of Object.entries(kinds))
      it(`${cut} while ${kind} waits for ${at} is told as it ended, and a plain run goes on`, async () => {
        const { cluster, proxy, tool } = await begin(text);
        const kept = proxy.keepBack(at);
        const run = tool.start(['up'], { env: cluster.env() });
        await kept.reached;
        if (cut === 'SIGINT') run.kill(cut);
        else await endBy(cut)(cluster);
        const releasing = setTimeout(() => kept.release(), cut === 'SIGINT' ? 6000 : 1500);
        const ended = await run.result;
        clearTimeout(releasing);
        kept.release();
        expectExit(ended, exit);
        expect(ended.stderr).to.match(new RegExp(kind === 'a file' ? ofFile : ofStatement));
        await expectEachOnce(cluster, tool);
      });

  const afterwards = {
    'the next file': pair(3, 'counted', 'UPDATE t SET n = n + 1;'),
    'a batch': pair(
      3,
      'counted',
      '-- migrate: batch public.t by id rows=100\nUPDATE public.t SET n = n + 1 WHERE id BETWEEN $1 AND $2;',
    ),
  };
  for (const [next, more] of Object.entries(afterwards))
    it(`${next} meets the rows whose worker never got to know the COMMIT`, async () => {
      const { cluster, proxy, tool } = await begin(insert, more);
      const kept = proxy.keepBack(commit);
      const run = tool.start(['up'], { env: cluster.env() });
      await kept.reached;
      kept.cut();
      expectExit(await run.result, 0);
      await expectEachOnce(cluster, tool);
    });

  it('the next statement of a no-transaction file meets them, and so does the next run', async () => {
    const { cluster, proxy, tool } = await begin(
      `-- migrate: no-transaction\n${insert}\nUPDATE t SET n = n + 1;\nUPDATE t SET n = n - 1;`,
    );
    for (const args of [['up', '--n', '1'], ['up']]) {
      const kept = proxy.keepBack(commit);
      const run = tool.start(args, { env: cluster.env() });
      await kept.reached;
      kept.cut();
      expectExit(await run.result, 0);
      // A run that is told as done is done on every node.
      expect(await prepared(cluster)).to.deep.equal([]);
    }
    await expectEachOnce(cluster, tool);
  });
});
