// What `drift --write --rename old=new` does: a person has decided what was renamed, and rows stay wherever the pair runs.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';
import { pair } from '../support/migrations.ts';

const base = `CREATE TABLE users (id integer PRIMARY KEY, note text DEFAULT 'none', code text, kode2 text);
INSERT INTO users VALUES (1, 'precious', 'c', 'k');
CREATE TABLE logs (id serial PRIMARY KEY, line text);
INSERT INTO logs (line) VALUES ('kept');
CREATE SEQUENCE counter; SELECT nextval('counter');
CREATE TABLE posts (id bigserial PRIMARY KEY, t text); INSERT INTO posts (t) VALUES ('a'), ('b');
CREATE TABLE odd (id integer, "a=b, c" text); INSERT INTO odd VALUES (1, 'odd');
CREATE TYPE addr AS (street text, zip text); CREATE SCHEMA "Own Things"; CREATE TABLE "Own Things".sizes (id integer, w text, h varchar(9), a addr); INSERT INTO "Own Things".sizes VALUES (1, 'wide', 'high', ROW('s', '1'));`;

async function changedByHand(change: string) {
  const here = await createDatabase();
  const repo = await project(pair(1, 'base', base));
  const run = (env: Record<string, string>, ...args: string[]) =>
    runInProcess(repo.root, { ...env, MIGRATE_ENV: 'test' }, args);
  expect((await run(here.env(), 'up')).exitCode).to.equal(0);
  const elsewhere = await createDatabase({ from: here.name });
  await here.query(change);
  const write = (...args: string[]) => run(here.env(), 'drift', '--write', 'by-hand', ...args);
  const files = () => readdirSync(join(repo.root, 'db', 'migrations')).filter((file) => /by-hand/.test(file));
  const forget = () => {
    for (const file of files()) rmSync(join(repo.root, 'db', 'migrations', file));
  };
  return { here, elsewhere, run, write, files, forget };
}

describe('drift --write --rename', () => {
  it('keeps rows and positions elsewhere of what a person calls renamed, whatever else was changed of it', async () => {
    const { here, elsewhere, run, write, forget } = await changedByHand(`
      ALTER TABLE users RENAME note TO remark; ALTER TABLE users ALTER remark SET DEFAULT 'x', ALTER remark TYPE varchar(100);
      ALTER TABLE users RENAME code TO kode;
      ALTER TABLE logs RENAME TO journal; ALTER TABLE journal RENAME line TO entry;
      ALTER SEQUENCE counter RENAME TO tally; ALTER SEQUENCE posts_id_seq RENAME TO posts_id_s;
      ALTER TABLE odd RENAME "a=b, c" TO plain; ALTER TYPE addr RENAME ATTRIBUTE zip TO plz;
      ALTER TABLE "Own Things".sizes RENAME w TO x; ALTER TABLE "Own Things".sizes RENAME h TO w; ALTER TABLE "Own Things".sizes RENAME x TO h`);
    const open = await write();
    expect(open.document.recorded).to.equal(false);
    expect(open.said)
      .to.contain('--rename users.note=users.remark')
      .and.to.contain('--rename logs=journal')
      .and.to.contain('--rename counter=tally')
      .and.to.contain('--rename addr.zip=addr.plz')
      .and.to.contain(`--rename '"Own Things".sizes.w="Own Things".sizes.h'`);
    forget();
    const written = await write(
      ...['--rename', 'users.note=users.remark,users.code=users.kode', '--rename', 'logs=journal'],
      ...['--rename', 'logs.line=logs.entry', '--rename', 'public.counter=public.tally'],
      ...['--rename', 'odd."a=b, c"=odd.plain', '--rename', 'addr.zip=addr.plz'],
      ...['--rename', '"Own Things".sizes.w="Own Things".sizes.h'],
    );
    expect([written.document.recorded, written.document.proven], written.said).to.deep.equal([true, true]);
    const up = await run(elsewhere.env(), 'up');
    expect(up.exitCode, up.said).to.equal(0);
    const [user] = await elsewhere.query('SELECT remark, kode, kode2 FROM users');
    expect(user).to.deep.equal({ remark: 'precious', kode: 'c', kode2: 'k' });
    expect(await elsewhere.query('SELECT entry FROM journal')).to.deep.equal([{ entry: 'kept' }]);
    const [size] = await elsewhere.query('SELECT h, w, (a).plz FROM "Own Things".sizes');
    expect(size).to.deep.equal({ h: 'wide', w: 'high', plz: '1' });
    expect(await elsewhere.query('SELECT plain FROM odd')).to.deep.equal([{ plain: 'odd' }]);
    expect(await elsewhere.query("SELECT nextval('tally')::int AS n")).to.deep.equal([{ n: 2 }]);
    const [inserted] = await elsewhere.query("INSERT INTO posts (t) VALUES ('c') RETURNING id::int");
    expect(inserted).to.deep.equal({ id: 3 });
    const [a, b] = [await run(here.env(), 'drift'), await run(elsewhere.env(), 'drift')];
    expect([a.exitCode, b.exitCode]).to.deep.equal([0, 0]);
    expect(a.document.fingerprint).to.equal(b.document.fingerprint);
  });

  it('takes the pairs that a person names, also where others look more alike', async () => {
    const { elsewhere, run, write } = await changedByHand(
      'ALTER TABLE users DROP code, DROP kode2; ALTER TABLE users ADD x text, ADD y text',
    );
    const written = await write('--rename', 'users.code=users.y users.kode2=users.x');
    expect(written.document.recorded, written.said).to.equal(true);
    const up = await run(elsewhere.env(), 'up');
    expect(up.exitCode, up.said).to.equal(0);
    expect(await elsewhere.query('SELECT x, y FROM users')).to.deep.equal([{ x: 'k', y: 'c' }]);
  });

  it('refuses what fits nothing, and writes no file', async () => {
    const { write, run, here, files } = await changedByHand('ALTER TABLE users RENAME note TO remark');
    for (const [value, said] of [
      ['users.nope=users.remark', 'fits nothing'],
      ['users.note=logs.line', 'fits nothing'],
      ['users=users.remark', 'fits nothing'],
      ['users.note', 'is not of the form old=new'],
      ['users.note=a=b', 'is not of the form old=new'],
      ['users.note=users.remark,users.note=users.x', 'twice'],
    ] as const) {
      const refused = await write('--rename', value);
      expect(refused.exitCode, value).to.equal(2);
      expect(refused.said, value).to.contain(said);
    }
    expect(files()).to.deep.equal([]);
    const alone = await run(here.env(), 'drift', '--rename', 'users.note=users.remark');
    expect(alone.exitCode).to.equal(2);
  });
});
