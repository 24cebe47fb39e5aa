// Names that every object of JavaScript has are names like others: of rules, tools, extensions and parameters.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runInProcess } from '../support/in-process.ts';

describe('A name that every object has', () => {
  const root = mkdtempSync(join(tmpdir(), 'migrate-names-'));
  after(() => rmSync(root, { recursive: true }));

  for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty'])
    it(`is no rule, tool, extension or parameter: ${name}`, async () => {
      mkdirSync(join(root, 'db/migrations'), { recursive: true });
      const up = `-- migrate: allow ${name.toLowerCase()} because\nCREATE EXTENSION "${name}";\n`;
      writeFileSync(join(root, 'db/migrations/20250101000001_a.up.sql'), up);
      writeFileSync(join(root, 'db/migrations/20250101000001_a.down.sql'), `DROP EXTENSION "${name}";\n`);
      const url = 'postgres://u@127.0.0.1:1/d';
      const run = (args: readonly string[], more = '') =>
        runInProcess(root, { DATABASE_URL: `${url}${more}`, MIGRATE_ENV: 'test' }, args);
      const lint = await run(['lint', '--static', '--all']);
      expect(lint.said)
        .to.include(`there is no rule ${name.toLowerCase()}`)
        .and.include('Choose an extension');
      for (const [args, more] of [
        [['import', '--from', name]],
        [['baseline', '--from', name, '--to', '1']],
        [['status'], `?${name}=x`],
        [['status'], `?sslmode=${name}`],
      ] as const) {
        const { exitCode, said } = await run(args, more);
        expect(exitCode, `${args.join(' ')} ${more ?? ''}\n${said}`).to.equal(2);
        expect(said).not.to.match(/native code|\[object|undefined/);
      }
    });
});
