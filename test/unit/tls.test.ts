// What TLS settings of a target come to, without a connection: which authority counts, and what is refused beforehand.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readTarget } from '../../scripts/config/target.ts';
import { tlsAttempts } from '../../scripts/config/tls.ts';

describe('TLS settings', () => {
  let home: string;
  const { HOME } = process.env;
  const at = (name: string, text = name) => {
    writeFileSync(join(home, name), text, { mode: 0o600 });
    return join(home, name);
  };
  const read = (env: Record<string, string>) => readTarget({ PGHOST: 'db.example', ...env });
  const refusal = async (env: Record<string, string>) => {
    const error = await read(env).catch((thrown) => thrown);
    expect(error).to.have.property('code', 'usage');
    return error.message as string;
  };

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'migrate-home-'));
    mkdirSync(join(home, '.postgresql'));
    process.env.HOME = home;
  });
  afterEach(() => {
    if (HOME === undefined) delete process.env.HOME;
    else process.env.HOME = HOME;
    rmSync(home, { recursive: true });
  });

  it('of verify-ca name the authority: those that sign for everybody prove nothing without a name', async () => {
    expect(await refusal({ PGSSLMODE: 'verify-ca' })).to.include('verify-ca');
    expect(await refusal({ DATABASE_URL: 'postgres://db.example/d?sslmode=verify-ca' })).to.include(
      'DATABASE_URL',
    );
    const own = await read({ PGSSLMODE: 'verify-ca', PGSSLROOTCERT: at('ca.crt') });
    expect(own).to.include({ sslMode: 'verify-ca', sslRootCertificate: 'ca.crt' });
  });

  it('take libpq’s files in the home directory where a mode is asked for, and not for the default', async () => {
    at('.postgresql/root.crt');
    at('.postgresql/root.crl');
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      const target = await read({ PGSSLMODE: mode });
      expect(target.sslRootCertificate).to.equal('.postgresql/root.crt');
      expect(target.sslDetails).to.deep.equal({ crl: '.postgresql/root.crl' });
      for (const attempt of tlsAttempts(target)) expect(attempt).to.include({ rejectUnauthorized: true });
    }
    const untold = await read({});
    expect(untold).to.include({ sslMode: 'verify-full' });
    expect(untold).not.to.have.any.keys('sslRootCertificate', 'sslDetails');
    expect(await read({ PGSSLMODE: 'verify-full', PGSSLROOTCERT: 'system' })).not.to.have.property(
      'sslRootCertificate',
    );
  });

  it('do not take a key that others may read', async () => {
    const [PGSSLCERT, PGSSLKEY] = [at('c.crt'), at('c.key')];
    expect((await read({ PGSSLCERT, PGSSLKEY })).sslDetails).to.deep.equal({ cert: 'c.crt', key: 'c.key' });
    for (const mode of [0o644, 0o604, 0o660]) {
      chmodSync(PGSSLKEY, mode);
      expect(await refusal({ PGSSLCERT, PGSSLKEY }))
        .to.include('PGSSLKEY')
        .and.include('others may read');
    }
  });
});
