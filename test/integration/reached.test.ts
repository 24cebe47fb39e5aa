// An environment is bound to a place, however it is reached: the address of the connection against the hosts of others, and
// a protected database against the place where it was stamped.
import { expect } from 'chai';
import type { Config } from '../../scripts/config/config.ts';
import type { ProjectSettings } from '../../scripts/config/settings.ts';
import { refuseOtherPlace } from '../../scripts/history/reached.ts';
import type { Place } from '../../scripts/ledger/stamp.ts';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { threePairs, tracked, v1 } from '../support/history.ts';

type Environments = NonNullable<ProjectSettings['environments']>;

const config = (
  environments: Environments,
  name = 'development',
  target = { host: 'alias', database: 'shop' },
) => ({ environmentName: name, target, project: { environments } }) as unknown as Config;

describe('A database that is reached under another name', () => {
  for (const environment of [null, 'development'])
    it(`is refused where its address is that of another environment, ${environment ? 'stamped' : 'without a stamp'}`, async () => {
      const session = { client: await (await createDatabase()).client() } as never;
      const asked: string[] = [];
      const outcome = async (of: Config) => {
        const resolve = async (host: string) => {
          asked.push(host);
          if (host === 'gone') throw new Error('ENOTFOUND');
          return host === 'db.prod' ? ['10.0.0.1', '::ffff:127.0.0.1'] : ['10.9.9.9'];
        };
        return refuseOtherPlace(session, of, { environment, place: null }, resolve).then(
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
      expect(await outcome(config({ production: { host: '*.prod' } }))).to.equal('taken');
      expect(await outcome(config({}))).to.equal('taken');
      expect(asked, 'a pattern and no binding need no name server').to.deep.equal([]);
    });
});

describe('A protected database that carries its stamp to another place', () => {
  const stamped: Place = { system: '7', database: 5, host: 'db.prod', address: '10.0.0.1' };

  it('is refused on another server, remarked on where that may be right, and taken where its host is bound', async () => {
    const outcome = async (here: Partial<Place>, of: Config, place: Place | null = stamped) => {
      const { system, database, host, address } = { ...(place ?? stamped), ...here };
      const session = {
        client: { connection: { stream: { remoteAddress: address ?? undefined } } },
        login: { database },
        target: { host },
        query: async () => [{ system }],
      } as never;
      return refuseOtherPlace(session, of, { environment: of.environmentName, place }).catch(
        (error: { code: string }) => error.code,
      );
    };
    const production = config({}, 'production');
    const copy = { system: '8', host: 'other', address: '10.0.0.2' };
    const remark =
      /^production was stamped at database 5 of server 7, at db\.prod \(10\.0\.0\.1\), .*make migrate-environment set=production confirm=production/;
    const rows: [Partial<Place>, Config, RegExp | null][] = [
      [{}, production, null],
      [copy, production, /^refused$/],
      [{ ...copy, database: 6 }, production, /^refused$/],
      [{ system: '8' }, production, remark],
      [{ system: '8', host: 'other' }, production, remark],
      [{ system: '8', host: 'DB.prod.', address: '10.0.0.2' }, production, remark],
      [{ database: 6 }, production, remark],
      [{ ...copy, system: null }, production, remark],
      [{ ...copy, system: '7' }, production, remark],
      [{ system: null }, production, null],
      [{ host: 'DB.prod.', address: '10.0.0.2' }, production, null],
      [{ host: 'replica' }, production, null],
      [copy, config({ production: { host: 'alias' } }, 'production'), null],
      [copy, config({ production: { database: 'shop' } }, 'production'), /^refused$/],
      [copy, config({ production: { host: '*' } }, 'production'), /^refused$/],
      [copy, config({}, 'staging'), null],
    ];
    for (const [here, of, expected] of rows) {
      const said = await outcome(here, of);
      if (expected === null) expect(said, JSON.stringify(here)).to.equal(null);
      else expect(said, JSON.stringify(here)).to.match(expected);
    }
    expect(await outcome(copy, production, null)).to.equal(null);
    const tunnel = { ...stamped, host: '127.0.0.1', address: '127.0.0.1' };
    expect(await outcome({ system: '8' }, production, tunnel), 'nobody sees where a tunnel begins').to.equal(
      'refused',
    );
  });

  it('is refused before anything is written, and taken once it is stamped where it is, as itself or as a copy', async () => {
    const [database, work] = [await createDatabase(), await project(threePairs)];
    const run = (environment: string, ...args: string[]) =>
      work.run(args, { env: { ...database.env(), MIGRATE_ENV: environment } });
    expectExit(await run('production', 'up', '--to', v1), 0);
    const [kept] = await database.query<{ system: string; same: boolean }>(
      `SELECT place ->> 'system' AS system, (place ->> 'database')::oid = d.oid AS same
         FROM migration_ledger.environment, pg_database d WHERE datname = current_database()`,
    );
    expect(kept).to.have.property('same', true);
    expect(kept?.system).to.match(/^\d{18,}$/);
    const moved = () =>
      database.query(
        `UPDATE migration_ledger.environment SET place = (place::jsonb || '{"system":"1"}')::json`,
      );

    await moved();
    for (const args of [
      ['up'],
      ['down', '--confirm', 'production'],
      ['repair', '--accept', v1, '--confirm', 'production', '--reason', 'r'],
    ]) {
      const refused = await run('production', ...args);
      expectExit(refused, 7);
      expect(refused.all)
        .to.contain('its server is not the one where it was stamped')
        .and.to.contain('set=production confirm=production')
        .and.to.contain('set=staging confirm=production');
    }
    expectExit(await run('production', 'status'), 0);
    expect(await tracked(database)).to.have.length(1);
    expectExit(await run('production', 'environment', '--set', 'production', '--confirm', 'production'), 0);
    expectExit(await run('production', 'up'), 0);

    await moved();
    expectExit(await run('staging', 'environment', '--set', 'staging', '--confirm', 'production'), 0);
    expectExit(await run('staging', 'down'), 0);
    expect((await run('staging', 'environment', '--set', 'staging')).all).to.contain(
      'stamped staging already',
    );
  });
});
