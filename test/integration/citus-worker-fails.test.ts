// A Citus cluster one of whose workers fails at each message that a run sends there, one after the other: whatever is cut
// off, nothing is put down to the file, and a plain run when the worker is back finishes: nothing twice, nothing half.
import { expect } from 'chai';
import { type Cluster, clusterBehindProxy, needsCluster, readableBetweenNodes } from '../support/citus.ts';
import { expectExit, project, type Result } from '../support/cli.ts';
import { pair, versionOf } from '../support/migrations.ts';

const tables = pair(
  1,
  'tables',
  `CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL); SELECT create_distributed_table('t', 'id');
CREATE TABLE kinds (id int PRIMARY KEY); SELECT create_reference_table('kinds');
INSERT INTO t SELECT i, 0 FROM generate_series(1, 8) i;
CREATE FUNCTION count_one(key int) RETURNS void LANGUAGE sql AS 'UPDATE t SET n = n + 1 WHERE id = key';
SELECT create_distributed_function('count_one(int)', '$1', colocate_with => 't', force_delegation => true);`,
);
const count = (sign: string) => `UPDATE t SET n = n ${sign} 1;`;
const batch = (sign: string) =>
  `-- migrate: batch public.t by id rows=4\nUPDATE public.t SET n = n ${sign} 1 WHERE id BETWEEN $1 AND $2;`;
const alone = '-- migrate: no-transaction\n';
/** What adds 1 to each `n`, and its down. */
const files = {
  'a file': [
    `ALTER TABLE t ADD COLUMN late int;\n${count('+')}\nINSERT INTO kinds VALUES (1);\nCREATE INDEX t_late ON t (late);`,
    `DROP INDEX t_late;\nDELETE FROM kinds;\n${count('-')}\nALTER TABLE t DROP COLUMN late;`,
  ],
  'a file with a delegated function': [
    Array.from({ length: 8 }, (_, i) => `SELECT count_one(${i + 1});`).join('\n'),
    count('-'),
  ],
  'a no-transaction file': [
    `${alone}${count('+')}\nCREATE INDEX CONCURRENTLY t_n ON t (n);\nINSERT INTO kinds VALUES (1);`,
    `${alone}DELETE FROM kinds;\nDROP INDEX CONCURRENTLY t_n;\n${count('-')}`,
  ],
  'a batch': [batch('+'), batch('-')],
} as const;

describe('Citus, a worker that fails', function suite() {
  this.timeout(900_000);
  needsCluster();
  readableBetweenNodes();

  const state = async (cluster: Cluster) => {
    const [rows] = await cluster.query<{ min: number; max: number }>(
      'SELECT min(n), max(n), count(*)::int FROM t',
    );
    const [kinds] = await cluster.query('SELECT count(*)::int AS kinds FROM kinds');
    const indexes = await cluster.query(
      "SELECT indisvalid AS valid, count(*)::int FROM pg_index WHERE indrelid = 't'::regclass GROUP BY 1",
    );
    const shards = await cluster.query(
      "SELECT DISTINCT result FROM run_command_on_shards('t', $$SELECT count(*) FROM pg_index WHERE indrelid = '%s'::regclass AND indisvalid$$)",
    );
    const prepared = await cluster.query(
      "SELECT result FROM run_command_on_workers('SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()') WHERE result <> '0'",
    );
    return { ...(rows ?? { min: -1, max: -1 }), ...kinds, indexes, shards, prepared };
  };
  const expectNoFault = (result: Result, what: string) => {
    expect(result.exitCode, `${what}\n${result.all}`).to.be.oneOf([0, 8]);
    if (result.exitCode === 8)
      expect(result.stderr, what)
        .to.match(/does not answer|was lost/)
        .and.not.to.include('Mend');
  };

  for (const how of ['stopped', 'restarted'] as const)
    for (const [kind, [up, down]] of Object.entries(files))
      it(`counts ${kind} once, there and back, at whichever message the worker is ${how}`, async () => {
        const { cluster, proxy } = await clusterBehindProxy();
        const env = cluster.env();
        const tool = await project({ ...tables, ...pair(2, 'counted', up, down) });
        expectExit(await tool.run(['up', '--n', '1'], { env }), 0);
        const before = await state(cluster);
        expectExit(await tool.run(['up'], { env }), 0);
        const after = await state(cluster);
        expect([before.max, after.min, after.max]).to.deep.equal([0, 1, 1]);
        expectExit(await tool.run(['down'], { env }), 0);
        for (let [n, reached] = [1, true]; reached; n += 1) {
          reached = false;
          for (const [args, wanted] of [
            [['up'], after],
            [['down', '--to', versionOf(1)], before],
          ] as const) {
            const failing = proxy.failAt(n, how);
            const what = `${args[0]}, ${how} at message ${n}`;
            const cut = await tool.run(args, { env });
            reached ||= failing.reached();
            failing.mend();
            expectNoFault(cut, what);
            if (cut.exitCode !== 0) expectExit(await tool.run(args, { env }), 0);
            expect(await state(cluster), what).to.deep.equal(wanted);
          }
        }
      });
});
