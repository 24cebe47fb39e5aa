// Whether an environment's name, its target and the database's stamp belong together; and who must confirm.
import { expect } from 'chai';
import { MigrateError } from '../../scripts/base/errors.ts';
import { refuseOtherEnvironment, refuseWrongTarget } from '../../scripts/config/binding.ts';
import type { Config } from '../../scripts/config/config.ts';
import { refuseUnconfirmed } from '../../scripts/config/protection.ts';
import type { ProjectSettings } from '../../scripts/config/settings.ts';

type Environments = NonNullable<ProjectSettings['environments']>;

function config(name: string, at: string, environments: Environments = {}, rest: object = {}): Config {
  const [database = '', host = ''] = at.split('@');
  const project = { environments, ...rest };
  return { environmentName: name, target: { host, database }, project, command: 'down' } as unknown as Config;
}

function refusal(work: () => void): string | null {
  try {
    work();
    return null;
  } catch (error) {
    if (!(error instanceof MigrateError) || error.code !== 'refused') throw error;
    return [error.message, ...(error.options.problems ?? [])].join('\n');
  }
}

describe('the binding of an environment', () => {
  const both: Environments = {
    production: { host: '*.prod.example.com' },
    staging: { host: 'db.example.com', database: 'shop_staging' },
  };
  const cases: [string, string, Environments, RegExp | null][] = [
    ['production', 'shop@a.prod.example.com', both, null],
    ['production', 'shop@A.PROD.example.com', both, null],
    ['production', 'shop@prod.example.com', both, /host is prod\.example\.com/],
    ['production', 'shop@a.prod.example.com.evil.org', both, /host/],
    ['production', 'shop@axprod.example.com', both, /host/],
    ['staging', 'shop_staging@db.example.com', both, null],
    ['staging', 'SHOP_STAGING@db.example.com', both, /database is SHOP_STAGING/],
    ['staging', 'shop@a.prod.example.com', both, /is production/],
    ['development', 'shop@a.prod.example.com', both, /is production/],
    ['development', 'shop@localhost', both, null],
    ['staging', 'b@h', { staging: { host: 'h', database: 'b' }, production: { host: 'h' } }, null],
    ['staging', 'b@h', { staging: { host: '*' }, production: { host: 'h' } }, /is production/],
    ['staging', 'b@h', { staging: {}, production: { host: 'h', database: 'c' } }, null],
    ['staging', 'shop@a.prod.example.com.', both, /is production/],
    ['staging', 'shop@A.prod.Example.com.', both, /is production/],
    ['production', 'shop@a.prod.example.com.', both, null],
    ['staging', 'b@127.1', { production: { host: 'localhost' } }, /is production/],
    ['staging', 'b@localhost', { production: { host: '127.0.0.1' } }, /is production/],
    ['staging', 'b@0x0a.0.0.5', { production: { host: '10.0.0.5' } }, /is production/],
    ['staging', 'b@::FFFF:10.0.0.5', { production: { host: '10.0.0.*' } }, /is production/],
    ['staging', 'b@[2001:DB8::1]', { production: { host: '2001:db8:0::1' } }, /is production/],
    ['staging', 'b@127.0.0.1.example.com', { production: { host: 'localhost' } }, null],
    ['a', 'shop@h.1', { a: { host: 'h.1' }, b: { host: 'h?1' } }, null],
  ];
  for (const [name, at, environments, expected] of cases) {
    it(`${expected === null ? 'takes' : 'refuses'} ${at} as ${name} with ${JSON.stringify(environments)}`, () => {
      const said = refusal(() => refuseWrongTarget(config(name, at, environments)));
      if (expected === null) expect(said).to.equal(null);
      else expect(said).to.match(expected);
    });
  }

  it('compares the stamp of the database with the name', () => {
    const staging = config('staging', 'b@h');
    expect(refusal(() => refuseOtherEnvironment(staging, null))).to.equal(null);
    expect(refusal(() => refuseOtherEnvironment(staging, 'staging'))).to.equal(null);
    expect(refusal(() => refuseOtherEnvironment(staging, 'production'))).to.match(
      /stamped production.*staging/,
    );
  });
});

describe('a protected environment', () => {
  it('asks for its own name, and for no other', () => {
    const confirmed = (name: string, confirm: string | undefined, isProtected: string[] = []) =>
      refusal(() =>
        refuseUnconfirmed(
          config(name, 'b@h', {}, { protected: isProtected }),
          confirm === undefined ? {} : { confirm },
        ),
      );
    expect(confirmed('production', undefined)).to.match(/production is protected/);
    expect(confirmed('production', 'production')).to.equal(null);
    expect(confirmed('production', 'staging')).to.match(/--confirm says staging/);
    expect(confirmed('staging', undefined)).to.equal(null);
    expect(confirmed('staging', undefined, ['staging'])).to.match(/staging is protected/);
    expect(confirmed('staging', 'production')).to.match(/--confirm says production/);
  });
});
