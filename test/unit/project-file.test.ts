// A symbolic link that somebody has committed chooses no other file of this machine: none is shown, none is overwritten.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { packageRoot } from '../../scripts/base/paths.ts';
import { leadsOut, writeProjectFile } from '../../scripts/base/project-file.ts';
import { runInProcess } from '../support/in-process.ts';

describe('A symbolic link in a project', () => {
  let home: string;
  let root: string;
  let outside: string;

  beforeEach(() => {
    home = realpathSync(mkdtempSync(join(tmpdir(), 'migrate-links-')));
    root = join(home, 'project');
    outside = join(home, 'secret.txt');
    mkdirSync(join(root, 'db', 'migrations'), { recursive: true });
    writeFileSync(outside, 'hunter2hunter2\n');
    writeFileSync(join(root, 'package.json'), '{}\n');
  });
  afterEach(() => rmSync(home, { recursive: true }));

  const link = (path: string, to = outside) => {
    const full = join(root, path);
    mkdirSync(dirname(full), { recursive: true });
    symlinkSync(to, full);
    return full;
  };

  it('is written through only where it stays inside, also where it leads to nothing yet', () => {
    for (const to of [outside, join(home, 'nowhere'), '../../nowhere', '/etc/passwd']) {
      const path = link('db/schema.sql', to);
      expect(leadsOut(path), to).to.equal(true);
      expect(() => writeProjectFile(root, 'db/schema.sql', 'x'), to)
        .to.throw('db/schema.sql cannot be written: a symbolic link leads out of the project')
        .with.property('code', 'usage');
      rmSync(path);
    }
    link('chain', link('db/schema.sql'));
    expect(() => writeProjectFile(root, 'chain', 'x')).to.throw('symbolic link');
    const inside = link('db/SCHEMA.md', '../README.md');
    writeProjectFile(root, 'db/SCHEMA.md', 'x');
    expect(readFileSync(inside, 'utf8')).to.equal('x');
    writeProjectFile(root, '/dev/null', 'x');
    expect(readFileSync(outside, 'utf8')).to.equal('hunter2hunter2\n');
  });

  it('in a circle, or a file where a folder should be, is told by every command that writes, and is no bug', async () => {
    const given = join(home, 'given');
    mkdirSync(given);
    writeFileSync(join(given, '0000_a.sql'), 'SELECT 1;\n');
    const commands = [
      ['create', 'more'],
      ['init'],
      ['manifest', '--out', 'db/migrations.json'],
      ['lint', '--static', '--all', '--sarif', 'db/lint.sarif'],
      ['import', '--from', 'drizzle', given],
    ];
    for (const path of ['db', 'db/migrations', 'db/templates', 'db/migrations.json', 'db/lint.sarif'])
      for (const block of [(at: string) => writeFileSync(at, ''), (at: string) => symlinkSync(at, at)]) {
        rmSync(join(root, 'db'), { recursive: true });
        mkdirSync(dirname(join(root, path)), { recursive: true });
        block(join(root, path));
        for (const args of commands) {
          const { exitCode, said } = await runInProcess(root, {}, args);
          expect(exitCode, `${path}: ${args.join(' ')}\n${said}`).to.be.oneOf([0, 2]);
        }
        rmSync(join(root, 'db'), { recursive: true });
        mkdirSync(join(root, 'db'));
      }
  });

  it('of a folder is written through only where it stays in the git checkout, or in the project where there is none', async () => {
    rmSync(join(root, 'db'), { recursive: true });
    const shared = join(home, 'shared');
    mkdirSync(join(shared, 'migrations'), { recursive: true });
    mkdirSync(join(shared, 'drizzle'));
    writeFileSync(join(shared, 'drizzle', '0000_a.sql'), 'SELECT 1;\n');
    const tree = () => readdirSync(shared, { recursive: true }).sort();
    const before = tree();
    const commands = [
      ['create', 'more'],
      ['init'],
      ['manifest', '--out', 'db/migrations.json'],
      ['lint', '--static', '--all', '--sarif', 'db/lint.sarif'],
      ['import', '--from', 'dbmate', join(shared, 'drizzle')],
    ];
    const places = { db: shared, 'db/migrations': join(shared, 'migrations'), 'db/templates': shared };
    for (const [path, to] of Object.entries(places)) {
      const made = link(path, to);
      writeFileSync(join(shared, 'migration.up.sql'), 'hunter2hunter2\n');
      for (const args of commands) {
        const { said } = await runInProcess(root, {}, args);
        expect(said, `${path}: ${args.join(' ')}`).not.to.include('hunter2');
      }
      rmSync(join(shared, 'migration.up.sql'));
      expect(tree(), path).to.deep.equal(before);
      if (path !== 'db') expect(readdirSync(join(root, 'db', 'migrations')).join()).not.to.include('_more');
      rmSync(made);
    }
    mkdirSync(join(home, '.git'));
    rmSync(join(root, 'db'), { recursive: true });
    link('db', '../shared');
    const { exitCode, said } = await runInProcess(root, {}, ['create', 'more']);
    expect(exitCode, said).to.equal(0);
    expect(readdirSync(join(shared, 'migrations')).join()).to.include('_more.up.sql');
  });

  it('is neither read nor written by a command', async () => {
    const database = {
      DATABASE_URL: 'postgres://u@127.0.0.1:1/d',
      PGPASSWORD: 'x',
      MIGRATE_ENV: 'test',
      MIGRATE_CONNECT_TIMEOUT: '1ms',
    };
    for (const direction of ['up', 'down'])
      writeFileSync(join(root, 'db/migrations', `20250101000001_a.${direction}.sql`), 'SELECT 1;\n');
    link('lint.sarif');
    link('db/migrations.json');
    link('.env.example', join(home, 'made'));
    link('prisma/migrations/20250101000002_b/migration.sql');
    link('db/probe/20250101000001.sql');
    for (const args of [
      ['lint', '--static', '--all', '--sarif', 'lint.sarif'],
      ['manifest', '--out', 'db/migrations.json'],
      ['init'],
      ['import', '--from', 'prisma'],
      ['verify'],
    ]) {
      const { exitCode, said } = await runInProcess(root, database, args);
      expect(exitCode, `${args.join(' ')}\n${said}`).to.equal(2);
      expect(said, args.join(' ')).to.include('symbolic link').and.not.to.include('hunter2');
    }
    rmSync(join(root, 'db/config.json'), { force: true });
    link('db/config.json');
    const { said } = await runInProcess(root, database, ['up']);
    expect(said).to.include('db/config.json is no JSON').and.not.to.include('hunter');
    expect(readFileSync(outside, 'utf8')).to.equal('hunter2hunter2\n');
    expect(existsSync(join(home, 'made'))).to.equal(false);
  });

  it('has no other way: commands write new files alone, or through that one function', () => {
    const folder = join(packageRoot, 'scripts', 'commands');
    const writes = readdirSync(folder).flatMap((name) =>
      (readFileSync(join(folder, name), 'utf8').match(/writeFileSync\(.*/g) ?? []).map(
        (call) => `${name}: ${call}`,
      ),
    );
    expect(writes.length).to.be.greaterThan(1);
    expect(writes.filter((call) => !call.includes("flag: 'wx'"))).to.deep.equal([]);
  });
});
