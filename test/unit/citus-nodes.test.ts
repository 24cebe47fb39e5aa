// Which node of a Citus cluster takes a run: run locks and the ledger are on the coordinator alone.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { MigrateError } from '../../scripts/base/errors.ts';
import { packageRoot } from '../../scripts/base/paths.ts';
import type { Target } from '../../scripts/config/target.ts';
import { refuseOtherNodes } from '../../scripts/connection/citus.ts';
import { hintWithoutCitus, nodeOf } from '../../scripts/execute/citus-refusals.ts';
import type { ReadyStep } from '../../scripts/plan/steps.ts';

const at = (port: number): Target => ({
  host: 'c.example.com',
  port,
  user: 'u',
  password: undefined,
  database: 'd',
  sslMode: 'disable',
});
const coordinator = { node: 0, host: '10.0.0.1', port: 5432 };

function refusal(target: Target, node: Parameters<typeof refuseOtherNodes>[1]): MigrateError | null {
  try {
    refuseOtherNodes(target, node);
    return null;
  } catch (error) {
    if (error instanceof MigrateError) return error;
    throw error;
  }
}

describe('nodes of a Citus cluster', () => {
  it('the coordinator is taken at any port that is its own, a cluster of one node too', () => {
    for (const [port, node] of [
      [5432, coordinator],
      [6543, coordinator],
      [5432, { node: 0, host: null, port: null }],
      [5432, undefined],
    ] as const)
      expect(refusal(at(port), node), `${port}`).to.equal(null);
  });

  it('ports that are load-balanced are refused, whichever node answers just now', () => {
    for (const port of [7432, 8432])
      for (const node of [coordinator, { ...coordinator, node: 2 }, undefined]) {
        const error = refusal(at(port), node);
        expect(error?.code).to.equal('refused');
        expect(error?.message).to.include('load-balanced');
        expect(error?.options.hint).to.include('5432');
      }
  });

  it('a worker is refused and the coordinator named, where it is known', () => {
    const named = refusal(at(5432), { ...coordinator, node: 3 });
    expect(named?.code).to.equal('refused');
    expect(named?.options.hint).to.include('10.0.0.1 port 5432');
    expect(refusal(at(5432), { node: 3, host: null, port: null })?.options.hint).to.include('port 5432');
  });
});

describe('a function of Citus that the server does not know', () => {
  const step = { direction: 'up', source: 'disk', migration: null } as unknown as ReadyStep;
  const hint = (sql: string, session = { citus: null, embedded: true }, code = '42883') =>
    hintWithoutCitus(session as Parameters<typeof hintWithoutCitus>[0], step, { code }, sql);

  it('is told with a way to go on, for the embedded server and any other', () => {
    for (const [sql, name] of [
      ["SELECT create_distributed_table('t', 'id')", 'create_distributed_table'],
      ["DO $$ BEGIN PERFORM public.CREATE_REFERENCE_TABLE ('t'); END $$", 'CREATE_REFERENCE_TABLE'],
      ["SELECT citus_add_local_table_to_metadata('t')", 'citus_add_local_table_to_metadata'],
      ["SELECT undistribute_table('t')", 'undistribute_table'],
    ] as const) {
      expect(hint(sql), sql).to.include(`${name} is a function of Citus`).and.include('embedded');
      expect(hint(sql, { citus: null, embedded: false })).to.include('CREATE EXTENSION citus');
    }
  });

  it('is said of nothing else: not where Citus is, not of another error, not of another function', () => {
    const call = "SELECT create_distributed_table('t', 'id')";
    expect(hint(call, { citus: { version: '13' }, embedded: false } as never)).to.equal(null);
    expect(hint(call, undefined, '42P01')).to.equal(null);
    for (const sql of ['SELECT create_table()', 'SELECT citus_x', 'SELECT my_citus_call()', ''])
      expect(hint(sql), sql).to.equal(null);
  });
});

describe('a worker that does not answer', () => {
  const cluster = {
    citus: { version: '13', mayHoldPrepared: false, owed: false, hasShards: false, sequential: false },
  };
  it('is told from a statement that is refused, and named where the coordinator names it', () => {
    const remote =
      'connection to the remote node u@ser@10.0.0.5:5432 failed with the following error: no route';
    const where = 'while executing command on 10.0.0.6:5433';
    expect(nodeOf(cluster, { code: '08006', message: remote })).to.equal('10.0.0.5:5432');
    expect(nodeOf(cluster, { code: '57P01', where })).to.equal('10.0.0.6:5433');
    for (const message of [
      '',
      'server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally',
      'could not receive data from server: Connection timed out',
      'SSL SYSCALL error: EOF detected',
      'no connection to the server',
    ])
      expect(nodeOf(cluster, { code: 'XX000', where, message }), message).to.equal('10.0.0.6:5433');
    const essential = 'failure on connection marked as essential: 10.0.0.7:9701';
    expect(nodeOf(cluster, { code: 'XX000', message: essential })).to.equal('10.0.0.7:9701');
    expect(nodeOf(cluster, { code: '08006', message: 'gone' })).to.equal('');
    for (const error of [
      { code: 'XX000', message: 'triggers are not supported' },
      { code: 'XX000', where, message: 'cannot execute a distributed query from a query on a shard' },
      { code: '23505', where },
      { code: '57014', where },
      {},
    ])
      expect(nodeOf(cluster, error), JSON.stringify(error)).to.equal(null);
    expect(nodeOf({ citus: null }, { code: '08006', where })).to.equal(null);
  });
});

describe('what is asked of tables of users', () => {
  it('has a column, for Citus takes no subquery without one', () => {
    const scripts = join(packageRoot, 'scripts');
    const sources = readdirSync(scripts, { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('.ts'),
    );
    const found = sources.filter((path) =>
      /SELECT FROM \$\{/.test(readFileSync(join(scripts, path), 'utf8')),
    );
    // These ask our own tables.
    expect(found.sort()).to.deep.equal([
      'execute/lost-commit.ts',
      'gate/gate-queries.ts',
      'ledger/tracking.ts',
    ]);
  });
});
