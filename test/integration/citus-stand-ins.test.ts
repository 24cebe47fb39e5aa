// Migrations for a Citus cluster, checked on a scratch server that has no Citus.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type pg from 'pg';
import { reviewMigrations } from '../../scripts/lint/review.ts';
import { spreadCases, spreadTables } from '../support/citus-cases.ts';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { administered, migration } from '../support/lint.ts';
import { pair } from '../support/migrations.ts';
import { testMajor } from '../support/postgres.ts';

const files = {
  ...pair(
    1,
    'accounts',
    `CREATE TABLE accounts (id int PRIMARY KEY);
SELECT create_distributed_table('accounts', 'id');
CREATE TABLE kinds (code text PRIMARY KEY);
SELECT create_reference_table('kinds');`,
    'DROP TABLE accounts, kinds;',
  ),
  ...pair(
    2,
    'items',
    `CREATE TABLE items (account int REFERENCES accounts, id int, PRIMARY KEY (account, id));
SELECT create_distributed_table('items', 'account', colocate_with => 'accounts');`,
    'DROP TABLE items;',
  ),
};
const calls = [
  "SELECT create_distributed_table('public.accounts', 'id', colocate_with => 'none');",
  "SELECT create_reference_table('public.kinds');",
  "SELECT create_distributed_table('public.items', 'account', colocate_with => 'public.accounts');",
];

describe('without Citus on the scratch server', () => {
  it('schema writes how tables are distributed, the same every time, and says what stood in', async () => {
    const tool = await project(files);
    const written = await tool.run(['schema']);
    expectExit(written, 0);
    expect(written.all).to.include('functions stand in for Citus');
    const text = readFileSync(join(tool.root, 'db', 'schema.sql'), 'utf8');
    for (const call of calls) expect(text).to.include(call);
    expect(text).not.to.include('FUNCTION');
    expect(text.indexOf(calls[2] ?? '')).to.be.above(text.indexOf(calls[0] ?? ''));
    expect(text.indexOf('FOREIGN KEY')).to.be.above(text.indexOf(calls[2] ?? ''));
    expectExit(await tool.run(['schema', '--check']), 0);
  });

  it('verify and lint run the calls, and see a distribution that a down leaves', async () => {
    const tool = await project({
      ...files,
      ...pair(3, 'kinds', "SELECT undistribute_table('kinds');", 'SELECT 1;'),
    });
    const result = await tool.run(['verify', '--json']);
    expectExit(result, 9);
    const found = result.json().findings as { file: string; message: string }[];
    expect(found.map(({ file }) => file)).to.deep.equal(['db/migrations/20250101000003_kinds.down.sql']);
    expect(found[0]?.message).to.include('distribution');
    const lint = await tool.run(['lint', '--json']);
    expect(JSON.stringify(lint.json().findings)).not.to.match(/does not exist|stand_in/);
  });
});

describe('what else of Citus files may use', () => {
  it('stands in without Citus: columnar storage, moves of shards, commands for other nodes', async () => {
    const tool = await project({
      ...pair(
        1,
        'columnar',
        `CREATE EXTENSION IF NOT EXISTS citus_columnar;
CREATE TABLE facts (id int, note text) USING columnar;
SELECT create_distributed_table('facts', 'id');
CREATE TABLE later (id int);
SELECT alter_table_set_access_method('later', 'columnar');
SELECT rebalance_table_shards(shard_transfer_mode => 'block_writes'), citus_rebalance_start();
SELECT isolate_tenant_to_new_shard('facts', 5), isolate_tenant_to_new_shard('facts', 'x', 'CASCADE');
SELECT nodename, success, result FROM run_command_on_workers('SELECT 1');
SELECT shardid FROM run_command_on_shards('facts', 'SELECT 1');`,
        'DROP TABLE facts, later;',
      ),
    });
    expectExit(await tool.run(['schema']), 0);
    const text = readFileSync(join(tool.root, 'db', 'schema.sql'), 'utf8');
    expect(text).to.match(/CREATE TABLE public\.facts [^;]*USING columnar/);
    expect(text)
      .to.match(/CREATE TABLE public\.later [^;]*USING columnar/)
      .and.not.include('ACCESS METHOD');
  });
});

describe('a server without Citus', () => {
  it('says what a call of Citus lacks, and where to go, in a transaction and without one', async () => {
    const env = (await createDatabase()).env();
    const alone =
      "-- migrate: no-transaction\nSELECT create_distributed_table_concurrently('public.accounts', 'id');";
    for (const each of [files, pair(1, 'alone', alone, 'SELECT 1;')]) {
      const result = await (await project(each)).run(['up'], { env });
      expectExit(result, 3);
      expect(result.stderr).to.include('42883').and.to.include('is a function of Citus');
    }
  });
});

describe('lint of statements on distributed tables', () => {
  const refusing =
    /^(key-without-distribution|foreign-key-not-colocated|trigger-on-dist|change-distribution)/;
  const found = async (sql: string, earlier: string, scratch?: pg.Client) => {
    const findings = await reviewMigrations({
      postgres: testMajor,
      earlier: earlier === '' ? [] : [migration('20250101000000_before', earlier)],
      underReview: [migration('20250102000000_change', sql)],
      ...(scratch === undefined ? {} : { scratch }),
    });
    return findings.map(({ rule }) => rule).filter((rule) => refusing.test(rule));
  };

  it('says what Citus refuses where earlier files have distributed the tables', async () => {
    const client = await administered(await createDatabase());
    await found('SELECT 1', spreadTables, client);
    for (const [sql, rule] of spreadCases) {
      // The last statement has it all rolled back, so that one database serves all cases.
      const rules = await found(`${sql};\nSELECT 1/0`, '', client);
      expect(rules, sql).to.deep.equal(rule === null ? [] : [rule]);
    }
  });
});
