// Which of the shell, .env.<environment> and .env decides the target, and what the others add to it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Environment, readEnvironment } from '../../scripts/config/environment.ts';
import { readTarget } from '../../scripts/config/target.ts';

const url = 'postgres://fileu@fileh:1111/filed';
const whole = 'postgres://fileu:filep@fileh:1111/filed';
const at = (query: string) => `postgres://fileu@fileh?${query}`;

/** The shell, `.env`, `.env.development`, and the target as user:password@host:port/database or what refuses it. */
const cases: readonly [shell: Environment, shared: string, own: string, target: string][] = [
  [{}, `DATABASE_URL=${whole}`, '', 'fileu:filep@fileh:1111/filed'],
  [{ PGPASSWORD: 'p' }, `DATABASE_URL=${url}`, '', 'fileu:p@fileh:1111/filed'],
  [{ PGPASSWORD: 'p' }, `\ufeffDATABASE_URL=${url}\r\nPGSSLMODE=require\r\n`, '', 'fileu:p@fileh:1111/filed'],
  [{ PGPASSWORD: 'p' }, `DATABASE_URL=${whole}`, '', 'fileu:filep@fileh:1111/filed'],
  [{ PGUSER: 'u' }, 'DATABASE_URL=postgres://fileh/filed', '', 'u:@fileh:5432/filed'],
  [{ PGSSLMODE: 'require', PGAPPNAME: 'a' }, `DATABASE_URL=${url}`, '', 'fileu:@fileh:1111/filed'],
  [{ PGPORT: '99' }, `DATABASE_URL=${at('dbname=filed')}`, '', 'fileu:@fileh:99/filed'],
  [{ PGPORT: '99' }, `DATABASE_URL=${at('port=1111')}`, '', 'PGPORT of the environment is 99'],
  [{ PGPORT: '99' }, `DATABASE_URL=${url}`, '', 'PGPORT of the environment is 99'],
  [{ PGPORT: '1111', PGDATABASE: 'filed' }, `DATABASE_URL=${url}`, '', 'fileu:@fileh:1111/filed'],
  [{ PGDATABASE: 'd' }, `DATABASE_URL=${url}`, '', 'PGDATABASE of the environment is d'],
  [{ PGDATABASE: 'd' }, `DATABASE_URL=${at('dbname=filed')}`, '', 'PGDATABASE of the environment is d'],
  [{ PGDATABASE: 'd' }, 'PGHOST=fileh\nPGUSER=fileu\nPGDATABASE=filed', '', 'fileu:@fileh:5432/d'],
  [{ PGHOST: 'h', PGUSER: 'u' }, `DATABASE_URL=${whole}`, '', 'u:@h:5432/u'],
  [{ PGHOST: 'h', PGUSER: 'u' }, 'PGPASSWORD=filep\nPGDATABASE=filed\nPGPORT=9', '', 'u:@h:5432/u'],
  [
    { DATABASE_URL: 'postgres://u@h/d' },
    `DATABASE_URL=${whole}\nPGPASSWORD=filep\nPGPORT=9`,
    '',
    'u:@h:5432/d',
  ],
  [{ DATABASE_URL: 'postgres://u@h/d' }, 'PGSERVICE=other\nPGHOSTADDR=1.2.3.4', '', 'u:@h:5432/d'],
  [{ DATABASE_URL: '' }, `DATABASE_URL=${whole}`, '', 'fileu:filep@fileh:1111/filed'],
  [{ PGSERVICE: 'other' }, `DATABASE_URL=${whole}`, '', 'PGSERVICE is not supported'],
  [{ PGHOSTADDR: '1.2.3.4' }, `DATABASE_URL=${whole}`, '', 'PGHOSTADDR is not supported'],
  [{}, `DATABASE_URL=${whole}`, 'PGPASSWORD=ownp', 'fileu:filep@fileh:1111/filed'],
  [{}, `DATABASE_URL=${url}`, 'PGPASSWORD=ownp', 'fileu:ownp@fileh:1111/filed'],
  [{}, `DATABASE_URL=${url}`, 'PGDATABASE=own', 'PGDATABASE of .env.development is own'],
  [{}, 'PGPASSWORD=filep\nPGPORT=9', 'DATABASE_URL=postgres://ownu@ownh/ownd', 'ownu:@ownh:5432/ownd'],
  [
    { PGPASSWORD: 'p' },
    `DATABASE_URL=${whole}`,
    'DATABASE_URL=postgres://ownu@ownh/ownd',
    'ownu:p@ownh:5432/ownd',
  ],
  [{}, 'X=1', 'MIGRATE_ENV=production', '.env.development says MIGRATE_ENV=production'],
];

async function targetOf(shell: Environment, shared: string, own: string): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'migrate-dotenv-'));
  writeFileSync(join(root, '.env'), shared);
  if (own !== '') writeFileSync(join(root, '.env.development'), own);
  try {
    const { user, password, host, port, database } = await readTarget(await readEnvironment(root, shell));
    return `${user}:${password ?? ''}@${host}:${port}/${database}`;
  } catch (error) {
    return (error as Error).message;
  } finally {
    rmSync(root, { recursive: true });
  }
}

describe('The shell, .env.<environment> and .env', () => {
  for (const [shell, shared, own, target] of cases)
    it(`give one target: ${JSON.stringify(shell)}, ${JSON.stringify(shared)}, ${JSON.stringify(own)}`, async () => {
      const found = await targetOf(shell, shared, own);
      if (target.includes('@')) expect(found).to.equal(target);
      else expect(found).to.include(target);
    });
});
