// Servers and sessions that cannot be written to.
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { ownServer, standbyOf } from '../support/server.ts';

const files = pair(1, 'one', 'CREATE TABLE one (id int);', 'DROP TABLE one;');

describe('what cannot be written to', () => {
  it('is refused where it is a standby, which status can still read', async () => {
    const tool = await project(files);
    const primary = await ownServer();
    expectExit(await tool.run(['up'], { env: primary.env() }), 0);
    await primary.stop();
    const standby = await standbyOf(primary);
    for (const command of ['up', 'down', 'redo']) {
      const result = await tool.run([command], { env: standby.env() });
      expectExit(result, 7);
      expect(result.stderr).to.include('is a standby').and.to.include('Connect to the primary');
      expect(result.stderr).to.include('Nothing was changed');
    }
    const status = await tool.run(['status'], { env: standby.env() });
    expectExit(status, 0);
    expect(status.stdout).to.match(/20250101000001.*applied|applied.*20250101000001/);
  });

  it('is refused where default_transaction_read_only is on, and up works when that is gone', async () => {
    const tool = await project(files);
    const database = await createDatabase();
    await database.query(`ALTER DATABASE ${database.name} SET default_transaction_read_only = on`);
    const result = await tool.run(['up'], { env: database.env() });
    expectExit(result, 7);
    expect(result.stderr).to.include('default_transaction_read_only').and.to.include('Nothing was changed');
    const client = await database.client();
    await client.query('SET default_transaction_read_only = off');
    await client.query(`ALTER DATABASE ${database.name} RESET ALL`);
    expectExit(await tool.run(['up'], { env: database.env() }), 0);
  });
});
