// sslmode and PGSSLROOTCERT as libpq means them, against servers with TLS, without it, and with nothing else.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, project } from '../support/cli.ts';
import { pair } from '../support/migrations.ts';
import { type OwnServer, ownServer } from '../support/server.ts';

interface Certificates {
  /** Paths: the authority that signed, and one that has nothing to do with it. */
  readonly authority: string;
  readonly stranger: string;
  readonly key: string;
  readonly certificate: string;
}

/** A certificate for localhost (the name, not the address), signed by an authority of the test's own. */
function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-tls-'));
  cleanUpAfterTest(async () => rmSync(folder, { recursive: true }));
  const at = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  for (const name of ['authority', 'stranger'])
    openssl(
      'req',
      '-x509',
      ...newKey,
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      at(`${name}.key`),
      '-out',
      at(`${name}.crt`),
    );
  openssl('req', ...newKey, '-subj', '/CN=localhost', '-keyout', at('server.key'), '-out', at('server.csr'));
  writeFileSync(at('names'), 'subjectAltName=DNS:localhost\n');
  openssl(
    'x509',
    '-req',
    '-in',
    at('server.csr'),
    '-CA',
    at('authority.crt'),
    '-CAkey',
    at('authority.key'),
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    at('names'),
    '-out',
    at('server.crt'),
  );
  return {
    authority: at('authority.crt'),
    stranger: at('stranger.crt'),
    key: at('server.key'),
    certificate: at('server.crt'),
  };
}

describe('TLS', () => {
  let certificates: Certificates;
  let server: OwnServer;

  before(async () => {
    certificates = makeCertificates();
    server = await ownServer();
    server.write('server.key', readFileSync(certificates.key, 'utf8'));
    server.write('server.crt', readFileSync(certificates.certificate, 'utf8'));
    await server.query('ALTER SYSTEM SET ssl = on');
    await server.query('SELECT pg_reload_conf()');
  });

  /** Runs up on a database of its own; gives the exit code, what was printed, and whether the session was encrypted. */
  async function up(host: string, env: Record<string, string>, query = '') {
    const tool = await project(
      pair(1, 'look', 'CREATE TABLE seen AS SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid();'),
    );
    const name = `tls_${Math.random().toString(36).slice(2)}`;
    await server.query(`CREATE DATABASE ${name}`);
    const target = server.env(name, host);
    target.DATABASE_URL += query;
    const result = await tool.run(['up'], { env: { ...target, MIGRATE_CONNECT_TIMEOUT: '3s', ...env } });
    const encrypted =
      result.exitCode === 0
        ? (await server.query<{ ssl: boolean }>('SELECT ssl FROM seen', name))[0]!.ssl
        : null;
    return { result, encrypted };
  }

  describe('offered by the server', () => {
    for (const [mode, root, host, encrypted] of [
      ['disable', null, '127.0.0.1', false],
      ['allow', null, '127.0.0.1', false],
      ['prefer', null, '127.0.0.1', true],
      ['require', null, '127.0.0.1', true],
      ['require', 'authority', '127.0.0.1', true],
      ['verify-ca', 'authority', '127.0.0.1', true],
      ['verify-full', 'authority', 'localhost', true],
    ] as const) {
      it(`sslmode=${mode}${root === null ? '' : ` with the authority's certificate`} connects to ${host}, ${encrypted ? 'encrypted' : 'in the clear'}`, async () => {
        const seen = await up(host, {
          PGSSLMODE: mode,
          ...(root === null ? {} : { PGSSLROOTCERT: certificates[root] }),
        });
        expectExit(seen.result, 0);
        expect(seen.encrypted).to.equal(encrypted);
      });
    }

    for (const [mode, root, host, why] of [
      ['verify-full', 'authority', '127.0.0.1', 'the name in the certificate is another'],
      ['verify-full', 'stranger', 'localhost', 'another authority signed it'],
      ['verify-ca', 'stranger', 'localhost', 'another authority signed it'],
      ['require', 'stranger', 'localhost', 'with a root certificate it verifies like verify-ca'],
      ['verify-full', null, 'localhost', 'no known authority signed it'],
    ] as const) {
      it(`sslmode=${mode} refuses ${host} at once, because ${why}`, async () => {
        const { result } = await up(host, {
          PGSSLMODE: mode,
          ...(root === null ? {} : { PGSSLROOTCERT: certificates[root] }),
        });
        expectExit(result, 8);
        expect(result.stderr).to.include('PGSSLROOTCERT').and.to.include('Nothing was changed');
        expect(result.all).not.to.include('Waiting for the server');
      });
    }

    it('takes sslmode and sslrootcert of the URL before the variables', async () => {
      const query = `?sslmode=verify-full&sslrootcert=${encodeURIComponent(certificates.authority)}`;
      const { result, encrypted } = await up('localhost', { PGSSLMODE: 'disable' }, query);
      expectExit(result, 0);
      expect(encrypted).to.equal(true);
    });

    it('is verified in full with the authorities of the system, whatever else is asked for', async () => {
      const { result } = await up('localhost', { PGSSLROOTCERT: 'system' });
      expectExit(result, 8);
      for (const mode of ['disable', 'allow', 'prefer', 'require', 'verify-ca']) {
        const weak = await up('localhost', { PGSSLMODE: mode, PGSSLROOTCERT: 'system' });
        expectExit(weak.result, 2);
        expect(weak.result.stderr).to.include('verify-full');
      }
    });

    it('binds the login to it where that is demanded', async () => {
      const seen = await up('localhost', { PGSSLMODE: 'require', PGCHANNELBINDING: 'require' });
      expectExit(seen.result, 0);
      const plain = await up('localhost', { PGSSLMODE: 'disable', PGCHANNELBINDING: 'require' });
      expectExit(plain.result, 7);
    });

    it('is a usage error where the root certificate is no file', async () => {
      const { result } = await up('localhost', { PGSSLMODE: 'verify-full', PGSSLROOTCERT: '/nowhere.crt' });
      expectExit(result, 2);
    });
  });

  describe('demanded by the server', () => {
    let hba: string;
    before(async () => {
      hba = readFileSync(join(server.cluster, 'pg_hba.conf'), 'utf8');
      server.write(
        'pg_hba.conf',
        `hostnossl all all all reject\n${hba.replace(/^host\s+all\s+all\s+127.*$/m, 'hostssl all all 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256')}`,
      );
      await server.query('SELECT pg_reload_conf()');
    });

    it('is found by sslmode=allow, and refused by sslmode=disable', async () => {
      const tool = await project(pair(1, 'one', 'SELECT 1;'));
      const env = { ...server.env(), MIGRATE_CONNECT_TIMEOUT: '3s' };
      expectExit(await tool.run(['status'], { env: { ...env, PGSSLMODE: 'allow' } }), 0);
      const refused = await tool.run(['status'], { env: { ...env, PGSSLMODE: 'disable' } });
      expectExit(refused, 8);
      expect(refused.stderr).to.include('pg_hba.conf');
    });
  });

  describe('not offered by the server', () => {
    let plain: OwnServer;
    before(async () => {
      plain = await ownServer();
    });

    it('is done without by allow and prefer, and missed by the others', async () => {
      const tool = await project(pair(1, 'one', 'SELECT 1;'));
      for (const [mode, code] of [
        ['allow', 0],
        ['prefer', 0],
        ['require', 8],
        ['verify-full', 8],
      ] as const) {
        const result = await tool.run(['status'], { env: { ...plain.env(), PGSSLMODE: mode } });
        expectExit(result, code);
        if (code === 8) expect(result.stderr).to.include('The server has no TLS');
      }
    });
  });
});
