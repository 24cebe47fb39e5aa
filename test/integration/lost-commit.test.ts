// Looking up a lost COMMIT ends the old session if it does not end by itself, and never another one of the same number.
import { expect } from 'chai';
import { MigrateError } from '../../scripts/base/errors.ts';
import type { RunContext } from '../../scripts/execute/context.ts';
import { resolveLostCommit } from '../../scripts/execute/lost-commit.ts';
import type { ReadyStep } from '../../scripts/plan/steps.ts';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { tables, versionOf } from '../support/migrations.ts';

describe('Looking up a lost COMMIT', () => {
  it('leaves a session alone that has the number of the old one and began at another time', async () => {
    const database = await createDatabase();
    expectExit(await (await project(tables('one'))).run(['up'], { env: database.env() }), 0);
    const stranger = await database.client();
    const [{ pid } = { pid: 0 }] = (await stranger.query<{ pid: number }>('SELECT pg_backend_pid() AS pid'))
      .rows;
    const context = {
      session: {
        pid,
        backendStart: '1.5',
        aside: async (work: (client: unknown) => unknown) => work(await database.client()),
      },
      config: { trackingTable: { schema: 'public', table: 'pgmigrations' }, connectTimeoutMs: 1000 },
      signal: new AbortController().signal,
    } as unknown as RunContext;
    const step = { id: `${versionOf(1)}_one`, direction: 'up' } as ReadyStep;
    const from = performance.now();
    const { outcome } = await resolveLostCommit(context, step, null, new MigrateError('connection', 'lost'));
    expect(outcome).to.equal('recorded');
    expect(performance.now() - from).to.be.lessThan(4000);
    expect((await stranger.query('SELECT 1 AS alive')).rows).to.deep.equal([{ alive: 1 }]);
  });
});
