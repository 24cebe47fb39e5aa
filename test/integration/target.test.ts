// Where a command connects: what belongs to one target stays with it, parameters mean what they mean to libpq, and what
// cannot be followed is refused by name before anything is sent.
import { chmodSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { openScratchServer, withScratchServer } from '../../scripts/scratch/scratch-server.ts';
import { connectTo } from '../../scripts/scratch/with-scratch.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';
import { pair, tables } from '../support/migrations.ts';
import { ownServer } from '../support/server.ts';

/** A server that asks for the password in clear text, and keeps what it gets. */
async function curiousServer(): Promise<{ port: number; heard: () => string }> {
  let heard = '';
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (data: Buffer) => {
      const first = data.length >= 8 ? data.readInt32BE(4) : 0;
      if (first === 80_877_103) socket.write('N');
      else if (first === 196_608) socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
      else {
        heard += data.toString('latin1');
        socket.destroy();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUpAfterTest(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, heard: () => heard };
}

const wrong = 'postgres://u@127.0.0.1:1/d';

describe('A target', () => {
  let database: TestDatabase;
  let login: Record<string, string>;

  beforeEach(async () => {
    database = await createDatabase();
    const { DATABASE_URL = '', PGPASSWORD = '' } = database.env();
    login = { DATABASE_URL, PGPASSWORD };
  });

  describe('of a .env file', () => {
    it('is completed by PGPASSWORD of the shell', async () => {
      const tool = await project(tables('one'));
      tool.write('./.env', `DATABASE_URL=${login.DATABASE_URL}\n`);
      const result = await tool.run(['up'], { env: { PGPASSWORD: login.PGPASSWORD ?? '' } });
      expectExit(result, 0);
      expect(await database.query('SELECT name FROM public.pgmigrations')).to.have.length(1);
    });

    for (const [name, value] of [
      ['PGUSER', 'somebody'],
      ['PGSSLMODE', 'disable'],
      ['PGAPPNAME', 'shell'],
      ['PGOPTIONS', '-c work_mem=1MB'],
    ] as const) {
      it(`is not dropped because the shell has ${name}`, async () => {
        const tool = await project(tables('one'));
        tool.write('./.env', `DATABASE_URL=${login.DATABASE_URL}\nPGPASSWORD='${login.PGPASSWORD}'\n`);
        expectExit(await tool.run(['up'], { env: { [name]: value } }), 0);
      });
    }

    for (const [name, value] of [
      ['PGDATABASE', 'another'],
      ['PGPORT', '1'],
    ] as const) {
      it(`is refused where ${name} of the shell says something else`, async () => {
        const tool = await project(tables('one'));
        tool.write('./.env', `DATABASE_URL=${login.DATABASE_URL}\nPGPASSWORD='${login.PGPASSWORD}'\n`);
        const result = await tool.run(['status'], { env: { [name]: value } });
        expectExit(result, 2);
        expect(result.stderr).to.include(name).and.include('.env');
      });
    }

    it('gives nothing to a target that the shell names: address, login, TLS or options', async () => {
      const tool = await project(
        pair(1, 'look', "CREATE TABLE seen AS SELECT current_setting('work_mem') AS m;"),
      );
      tool.write(
        './.env',
        `DATABASE_URL=${wrong}\nPGSSLMODE=verify-full\nPGSSLROOTCERT=/nowhere.pem\nPGOPTIONS=-c work_mem=1MB\nPGUSER=other\nPGPASSFILE=/nowhere\nPGTARGETSESSIONATTRS=standby\nPGREQUIREAUTH=none\n`,
      );
      expectExit(await tool.run(['up'], { env: login }), 0);
      expect(await database.query('SELECT m FROM seen')).to.deep.equal([{ m: '4MB' }]);
    });

    it('does not send the password of the shell in clear because the file has PGSSLMODE=disable', async () => {
      const tool = await project(tables('one'));
      const { port, heard } = await curiousServer();
      tool.write('./.env', 'DATABASE_URL=postgres://u@127.0.0.1:1/d\nPGSSLMODE=disable\n');
      // The name counts as a host of its own, whatever it resolves to.
      const env = { PGHOST: '127.0.0.1.attacker.example', PGPORT: String(port), PGPASSWORD: 'shell-secret' };
      const result = await tool.run(['status'], { env: { ...env, MIGRATE_CONNECT_TIMEOUT: '300ms' } });
      expectExit(result, 8);
      expect(heard()).not.to.include('shell-secret');
    });

    it('of another environment does not change the environment', async () => {
      const tool = await project(tables('one'));
      tool.write('./.env', 'MIGRATE_ENV=staging\n');
      tool.write('./.env.staging', 'MIGRATE_ENV=production\n');
      const result = await tool.run(['status'], { env: login });
      expectExit(result, 2);
      expect(result.stderr).to.include('.env.staging').and.include('production');
      tool.write('./.env', '');
      tool.write('./.env.development', 'MIGRATE_ENV=production\n');
      expectExit(await tool.run(['status'], { env: login }), 2);
      tool.write('./.env.development', 'MIGRATE_ENV=development\n');
      expectExit(await tool.run(['status'], { env: login }), 0);
    });
  });

  describe('of a scratch server', () => {
    it('is not offered the password of the target', async () => {
      const tool = await project(tables('one'));
      const { port, heard } = await curiousServer();
      for (const command of ['plan', 'lint', 'verify', 'schema', 'docs']) {
        const env = { ...login, SHADOW_DATABASE_URL: `postgres://postgres@127.0.0.1:${port}/postgres` };
        await runInProcess(tool.root, { ...env, MIGRATE_ENV: 'test' }, [command]);
        expect(heard(), command).not.to.include(login.PGPASSWORD);
      }
    });

    it('is held to what its own URL demands of the login, and has the session that it asks for', async () => {
      const { port, heard } = await curiousServer();
      for (const demand of ['require_auth=scram-sha-256', 'channel_binding=require']) {
        const scratchUrl = `postgres://u:scratch-secret@127.0.0.1:${port}/d?${demand}`;
        const error = await openScratchServer({ scratchUrl, root: '/nonexistent' }).catch((thrown) => thrown);
        expect(error.message).to.include('SHADOW_DATABASE_URL').and.include('require');
      }
      expect(heard()).to.equal('');
      const variables = { ...login, PGOPTIONS: '-c work_mem=1MB -c search_path=evil', PGAPPNAME: 'other' };
      const scratchUrl = `${database.url}?options=-c%20temp_buffers%3D1MB&application_name=mine`;
      await withScratchServer({ scratchUrl, root: '/nonexistent', variables }, async (server) => {
        const client = await connectTo(await server.create());
        const { rows } = await client.query(
          "SELECT current_setting('work_mem') AS work, current_setting('temp_buffers') AS temp, current_setting('search_path') AS path",
        );
        await client.end();
        expect(rows).to.deep.equal([{ work: '4MB', temp: '1MB', path: '"$user", public' }]);
      });
    });
  });

  describe('with parameters in its URL', () => {
    const seen =
      "CREATE TABLE seen AS SELECT current_setting('search_path') AS path, current_setting('application_name') AS name;";

    it('has the options and the name that it asks for', async () => {
      await database.query('CREATE SCHEMA app');
      const tool = await project(pair(1, 'look', seen));
      const query = '?options=-c%20search_path%3Dapp&application_name=a+b';
      expectExit(await tool.run(['up'], { env: { ...login, DATABASE_URL: login.DATABASE_URL + query } }), 0);
      expect(await database.query('SELECT * FROM app.seen')).to.deep.equal([{ path: 'app', name: 'a+b' }]);
    });

    it('decodes what stands there once', async () => {
      const tool = await project(pair(1, 'look', seen));
      const query = '?application_name=100%2525';
      expectExit(await tool.run(['up'], { env: { ...login, DATABASE_URL: login.DATABASE_URL + query } }), 0);
      expect(await database.query('SELECT name FROM seen')).to.deep.equal([{ name: '100%25' }]);
    });

    for (const parameter of [
      'pgbouncer=true',
      'schema=app',
      'sslModus=disable',
      'hostaddr=127.0.0.1',
      'service=shop',
      'sslcrldir=/etc',
      'gssencmode=require',
      'sslnegotiation=direct',
      'channel_binding=perhaps',
      'require_auth=magic',
      'require_auth=none,!md5',
      'target_session_attrs=best',
      'connect_timeout=soon',
      'ssl_min_protocol_version=SSLv3',
      'sslcert=/nowhere.crt',
      'tcp_user_timeout=5',
      'application_name=%',
    ]) {
      it(`is refused by name with ${parameter}`, async () => {
        const tool = await project(tables('one'));
        const result = await tool.run(['status'], { env: { DATABASE_URL: `${wrong}?${parameter}` } });
        expectExit(result, 2);
        expect(result.stderr).to.include(parameter.split('=')[0]);
      });
    }

    for (const [name, value] of [
      ['PGHOSTADDR', '127.0.0.1'],
      ['PGSERVICE', 'shop'],
      ['PGSSLCRLDIR', '/etc'],
      ['PGSSLCERT', '/nowhere.crt'],
      ['PGSSLKEY', '/nowhere.key'],
      ['PGSSLCRL', '/nowhere.crl'],
      ['PGCHANNELBINDING', 'maybe'],
      ['PGREQUIREAUTH', 'magic'],
      ['PGGSSENCMODE', 'require'],
      ['PGTARGETSESSIONATTRS', 'best'],
      ['PGSSLCERTMODE', 'require'],
      ['PGREQUIREPEER', 'postgres'],
    ] as const) {
      it(`is refused by name with ${name}=${value}`, async () => {
        const tool = await project(tables('one'));
        const result = await tool.run(['status'], { env: { DATABASE_URL: wrong, [name]: value } });
        expectExit(result, 2);
        expect(result.stderr).to.include(name);
      });
    }

    it('gives up an attempt after connect_timeout, and says how long that was', async () => {
      const tool = await project(tables('one'));
      const server = createServer((socket) => socket.on('error', () => undefined));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      cleanUpAfterTest(async () => void server.close());
      const { port } = server.address() as { port: number };
      const url = `postgres://u:p@127.0.0.1:${port}/d?connect_timeout=1`;
      const result = await tool.run(['status'], { env: { DATABASE_URL: url } });
      expectExit(result, 8);
      expect(result.stderr).to.include('no answer within 1.0 s');
    });

    it('is held to target_session_attrs', async () => {
      const tool = await project(tables('one'));
      const with_ = (kind: string) => ({
        ...login,
        DATABASE_URL: `${login.DATABASE_URL}?target_session_attrs=${kind}`,
      });
      for (const kind of ['any', 'primary', 'read-write', 'prefer-standby'])
        expectExit(await tool.run(['status'], { env: with_(kind) }), 0);
      for (const kind of ['standby', 'read-only']) {
        const result = await tool.run(['status'], { env: with_(kind) });
        expectExit(result, 7);
        expect(result.stderr).to.include('target_session_attrs');
      }
    });
  });

  describe('that says how to log in', () => {
    it('is not given the password where the server asks for it in a way that is not allowed', async () => {
      const tool = await project(tables('one'));
      const { port, heard } = await curiousServer();
      const env = { DATABASE_URL: `postgres://u@127.0.0.1:${port}/d`, PGPASSWORD: 'login-secret' };
      for (const demand of [
        { PGREQUIREAUTH: 'scram-sha-256' },
        { PGREQUIREAUTH: '!password' },
        { PGCHANNELBINDING: 'require' },
      ]) {
        const result = await tool.run(['status'], { env: { ...env, ...demand } });
        expectExit(result, 7);
        expect(result.stderr).to.match(/require_auth|channel_binding/);
      }
      expect(heard()).to.equal('');
      const allowing = { PGREQUIREAUTH: 'password,scram-sha-256', MIGRATE_CONNECT_TIMEOUT: '1s' };
      await tool.run(['status'], { env: { ...env, ...allowing } });
      expect(heard()).to.include('login-secret');
    });

    it('accepts scram where that is demanded, and refuses a server that asks for nothing', async () => {
      const tool = await project(tables('one'));
      expectExit(await tool.run(['status'], { env: { ...login, PGREQUIREAUTH: 'scram-sha-256' } }), 0);
      const server = await ownServer();
      server.write('pg_hba.conf', 'host all all 127.0.0.1/32 trust\n');
      await server.query('SELECT pg_reload_conf()');
      expectExit(await tool.run(['status'], { env: server.env() }), 0);
      for (const demand of [{ PGREQUIREAUTH: 'scram-sha-256' }, { PGCHANNELBINDING: 'require' }])
        expectExit(await tool.run(['status'], { env: { ...server.env(), ...demand } }), 7);
    });

    it('takes the password from the file that PGPASSFILE names, and not from one that others may read', async () => {
      const tool = await project(tables('one'));
      tool.write('./passfile', `*:*:${database.name}:*:${login.PGPASSWORD}\n`);
      const path = join(tool.root, 'passfile');
      const env = { DATABASE_URL: login.DATABASE_URL ?? '', PGPASSFILE: path };
      chmodSync(path, 0o644);
      expectExit(await tool.run(['status'], { env }), 8);
      chmodSync(path, 0o600);
      expectExit(await tool.run(['status'], { env }), 0);
    });
  });
});
