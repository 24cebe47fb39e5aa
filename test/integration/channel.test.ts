// What several parts of the tool ask of one session at the same time.
import { expect } from 'chai';
import type pg from 'pg';
import type { Target } from '../../scripts/config/target.ts';
import { openChannel } from '../../scripts/connection/channel.ts';
import { createDatabase } from '../support/database.ts';

describe('One session', () => {
  it('gives the client to one question at a time, however many are asked', async () => {
    const client = await (await createDatabase()).client();
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    let under = 0;
    let most = 0;
    const counted = async (...args: unknown[]) => {
      under += 1;
      most = Math.max(most, under);
      return Promise.resolve(query(...args)).finally(() => {
        under -= 1;
      });
    };
    const channel = openChannel(
      {} as Target,
      Object.assign(client, { query: counted }) as unknown as pg.Client,
      undefined,
    );
    const numbers = [1, 2, 3, 4];
    const failing = channel.query('SELECT 1/0').catch((error: { code: string }) => error.code);
    const answers = await Promise.all(numbers.map((n) => channel.query('SELECT $1::int AS n', [n])));
    expect(answers.flat()).to.deep.equal(numbers.map((n) => ({ n })));
    expect(await failing).to.equal('22012');
    expect(most).to.equal(1);
    expect(channel.roundTrips()).to.equal(5);
  });
});
