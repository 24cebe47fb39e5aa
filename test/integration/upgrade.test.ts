// A database goes to a server of another major version: what the commands, the expected fingerprint and the application's
// gate say until db/schema.sql is written anew.
import { join } from 'node:path';
import { expect } from 'chai';
import type { Suite } from 'mocha';
import { newestMajor } from '../../scripts/base/postgres-major.ts';
import { checkSchema } from '../../scripts/gate/gate.ts';
import { expectExit, project, transcript } from '../support/cli.ts';
import type { OwnServer } from '../support/server.ts';
import { filesFor, serverOf } from '../support/versions.ts';

describe('an upgrade of the server', function (this: Suite) {
  this.timeout(120_000);

  /** What the last run stored there is stored here: as dump and restore would leave it. */
  async function carrySnapshot(from: OwnServer, to: OwnServer): Promise<void> {
    for (const table of ['snapshot', 'snapshot_classes']) {
      const name = `migration_ledger.${table}`;
      const [row] = await from.query<{ rows: string }>(`SELECT json_agg(t)::text AS rows FROM ${name} t`);
      const rows = `$rows$${row?.rows}$rows$`;
      await to.query(
        `DELETE FROM ${name}; INSERT INTO ${name} SELECT * FROM json_populate_recordset(NULL::${name}, ${rows})`,
      );
    }
  }

  it('leaves the state unknown with the reason, settles it with the next run, and calls nothing changed by hand', async function () {
    const [old, now] = [
      await serverOf(15, () => this.skip()),
      await serverOf(newestMajor, () => this.skip()),
    ];
    const repo = await project({
      ...filesFor(15),
      '20250101000002_more.up.sql':
        'CREATE VIEW totals AS SELECT max(a.id) AS m FROM account a JOIN account b USING (id);\n',
      '20250101000002_more.down.sql': 'DROP VIEW totals;\n',
    });
    const run = async (server: OwnServer, code: number, ...args: string[]) => {
      const scratch = { SHADOW_DATABASE_URL: server.env().DATABASE_URL ?? '' };
      const result = await repo.run(args, { env: { ...server.env(), ...scratch } });
      expectExit(result, code);
      return result;
    };
    await run(old, 0, 'up');
    await run(old, 0, 'schema');
    await run(old, 0, 'manifest');
    const manifest = join(repo.root, 'migrations.json');
    await run(now, 0, 'up');
    await carrySnapshot(old, now);

    const { drift, driftReason } = (await run(now, 0, 'status', '--json')).json();
    expect(drift.state).to.equal('unknown');
    expect(driftReason).to.contain('taken on PostgreSQL 15');
    const met = await run(now, 0, 'up', '--expect-fingerprint');
    expect(met.all, transcript(met)).to.contain('is of PostgreSQL 15').and.not.to.contain('by hand');
    expect((await run(now, 0, 'status', '--json')).json().drift.state).to.equal('none');

    const connection = { ...now.env(), MIGRATE_ENV: 'development' };
    const gate = await checkSchema({ connection, manifest, fingerprint: true, environment: 'development' });
    expect(gate.state).to.equal('other-schema');
    expect(gate.message).to.contain(`PostgreSQL 15’s, and the server is ${newestMajor}`);
    await run(now, 0, 'redo');

    await carrySnapshot(old, now);
    const settled = await run(now, 0, 'up');
    expect(settled.all, transcript(settled)).to.contain('what is there is what the migrations build');
    await carrySnapshot(old, now);
    await now.query('ALTER TABLE account ADD COLUMN by_hand integer');
    const told = await run(now, 0, 'up');
    expect(told.all, transcript(told))
      .to.contain(
        '1 object differs from what the migrations build:\n  + column public.account.by_hand: integer',
      )
      .and.contain('recorded as right as it is');
    await run(now, 0, 'drift');
  });
});
