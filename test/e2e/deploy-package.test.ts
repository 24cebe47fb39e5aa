// The package as `npm install` from git makes it: packed, installed beside an application, used as command and as library.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { productRoot } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';

describe('the package in another project', function () {
  this.timeout(300_000);

  it('brings the command and the gate, for both module systems', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'migrate-package-'));
    cleanUpAfterTest(async () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    const database = await createDatabase();
    const run = (file: string, args: string[], cwd = folder) =>
      execFileSync(file, args, { cwd, encoding: 'utf8', env: { ...process.env, ...database.env() } });
    run(process.execPath, [join(productRoot, 'scripts', 'run.cjs'), '--build-only']);
    // What npm does for a package from git, but for the build, which was the line before.
    const packed = run(
      'npm',
      ['pack', '--ignore-scripts', '--json', '--pack-destination', folder],
      productRoot,
    );
    const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
    const paths = files.map(({ path }) => path);
    expect(paths).to.include.members([
      'dist/gate.cjs',
      'dist/types/gate/nest.d.ts',
      'db/roles.sql',
      'scripts/run.cjs',
    ]);
    expect(paths.filter((path) => /^(test|db\/migrations|\.github)\//.test(path))).to.deep.equal([]);

    writeFileSync(join(folder, 'package.json'), '{ "name": "shop", "private": true }\n');
    run('npm', [
      'install',
      '--ignore-scripts',
      '--omit=optional',
      '--no-audit',
      '--no-fund',
      `./${filename}`,
    ]);
    mkdirSync(join(folder, 'db', 'migrations'), { recursive: true });
    const pair = join(folder, 'db', 'migrations', '20250101000000_customers');
    writeFileSync(`${pair}.up.sql`, 'CREATE TABLE customers (id bigint PRIMARY KEY);\n');
    writeFileSync(`${pair}.down.sql`, 'DROP TABLE customers;\n');
    run('npx', ['--no', 'migrate', 'manifest']);
    expect(run('npx', ['--no', 'migrate', 'up'])).to.include('Applied 1 migration');

    const started = 'assertSchema().then(({ state }) => process.stdout.write(state))';
    const name = 'postgres-migrations-orchestrator/gate';
    const logger = '{ logger: { log() {}, warn() {} } }';
    const script = started.replace('()', `(${logger})`);
    expect(run(process.execPath, ['-e', `const { assertSchema } = require('${name}'); ${script}`])).to.equal(
      'current',
    );
    const esm = `import { assertSchema } from '${name}'; ${script}`;
    expect(run(process.execPath, ['--input-type=module', '-e', esm])).to.equal('current');
  });
});
