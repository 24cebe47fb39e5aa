// Verifying is linear in the length of the history: the same number of round trips for each pair, whatever came before.
import { expect } from 'chai';
import type { Migration } from '../../scripts/base/types.ts';
import { openScratchServer } from '../../scripts/scratch/scratch-server.ts';
import { verifyMigrations } from '../../scripts/verify/verify.ts';
import { createDatabase } from '../support/database.ts';
import { migration } from '../support/lint.ts';

/** A new table, then a column of it, and so on. */
function history(pairs: number): Migration[] {
  return Array.from({ length: pairs }, (_, i) => {
    const id = `2025${String(10_000_000 + i).padStart(10, '0')}`;
    const table = `t${Math.floor(i / 2)}`;
    return i % 2 === 0
      ? migration(`${id}_table`, `CREATE TABLE ${table} (id int);`, `DROP TABLE ${table};`)
      : migration(`${id}_column`, `ALTER TABLE ${table} ADD n int;`, `ALTER TABLE ${table} DROP n;`);
  });
}

describe('verify: a long history', () => {
  it('takes as many round trips for the last of 200 pairs as for the first', async () => {
    const database = await createDatabase();
    const server = await openScratchServer({ scratchUrl: database.url, root: '/nonexistent' });
    const tripsAt: number[] = [];
    let trips = 0;
    try {
      const { default: pg } = await import('pg');
      const send = pg.Connection.prototype.query;
      const sync = pg.Connection.prototype.sync;
      pg.Connection.prototype.query = function (text: string) {
        trips += 1;
        return send.call(this, text);
      };
      pg.Connection.prototype.sync = function () {
        trips += 1;
        return sync.call(this);
      };
      try {
        const findings = await verifyMigrations(server, {
          postgres: 16,
          earlier: [],
          underReview: history(200),
          seedRows: new Map(),
          onMigration: () => tripsAt.push(trips),
        });
        expect(findings).to.deep.equal([]);
      } finally {
        pg.Connection.prototype.query = send;
        pg.Connection.prototype.sync = sync;
      }
    } finally {
      await server.close();
    }
    const cost = (i: number) => (tripsAt[i] ?? 0) - (tripsAt[i - 2] ?? 0);
    expect(cost(199)).to.equal(cost(11)).and.to.be.lessThan(60);
  });
});
