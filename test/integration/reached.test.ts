// An environment is bound to a place, however it is reached: the address of the connection against the hosts of others.
import { expect } from 'chai';
import type { Config } from '../../scripts/config/config.ts';
import type { ProjectSettings } from '../../scripts/config/settings.ts';
import { refuseOtherAddress } from '../../scripts/history/reached.ts';
import { createDatabase } from '../support/database.ts';

type Environments = NonNullable<ProjectSettings['environments']>;

const config = (
  environments: Environments,
  name = 'development',
  target = { host: 'alias', database: 'shop' },
) => ({ environmentName: name, target, project: { environments } }) as unknown as Config;

describe('A database without a stamp that is reached under another name', () => {
  it('is refused where its address is that of another environment, and asked for only there', async () => {
    const session = { client: await (await createDatabase()).client() };
    const asked: string[] = [];
    const outcome = async (of: Config, stamp: string | null = null) => {
      const resolve = async (host: string) => {
        asked.push(host);
        if (host === 'gone') throw new Error('ENOTFOUND');
        return host === 'db.prod' ? ['10.0.0.1', '::ffff:127.0.0.1'] : ['10.9.9.9'];
      };
      return refuseOtherAddress(session, of, stamp, resolve).then(
        () => 'taken',
        (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
      );
    };
    const production = { production: { host: 'db.prod' } };
    expect(await outcome(config(production))).to.match(
      /^refused: MIGRATE_ENV is development, but shop on alias has the address \S+, which is that of production/,
    );
    expect(await outcome(config({ production: { host: '127.0.0.?' } }))).to.match(/^refused/);
    expect(await outcome(config({ production: { host: 'db.prod', database: 'shop*' } }))).to.match(
      /^refused/,
    );

    for (const taken of [
      config({ production: { host: 'db.prod', database: 'other' } }),
      config({ production: { host: 'elsewhere' } }),
      config({ production: { host: 'gone' } }),
      config({ production: { host: '10.0.0.*' } }),
      config({ ...production, development: { host: 'alias' } }),
      config(production, 'production'),
    ])
      expect(await outcome(taken)).to.equal('taken');

    asked.length = 0;
    expect(await outcome(config(production), 'development')).to.equal('taken');
    expect(await outcome(config({ production: { host: '*.prod' } }))).to.equal('taken');
    expect(await outcome(config({}))).to.equal('taken');
    expect(asked, 'a stamp, a pattern and no binding need no name server').to.deep.equal([]);
  });
});
