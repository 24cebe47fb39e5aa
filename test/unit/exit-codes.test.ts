// The exit codes: what README promises is what the program does.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { exitCodes, exitStatus, MigrateError } from '../../scripts/base/errors.ts';

describe('The exit codes', () => {
  it("are those of README's table", () => {
    const readme = readFileSync(join(import.meta.dirname, '..', '..', 'README.md'), 'utf8');
    const rows = [...readme.matchAll(/^\| *`?(\d+)`? *\| *`?([a-z-]+)`? *\|/gm)];
    const documented = Object.fromEntries(rows.map(([, code, name]) => [name, Number(code)]));
    expect(documented).to.deep.equal(exitCodes);
  });

  it('are all different', () => {
    const codes = Object.values(exitCodes);
    expect(new Set(codes).size).to.equal(codes.length);
  });

  it('are 1 for whatever was not thrown on purpose', () => {
    expect(exitStatus(new TypeError('x'))).to.equal(1);
    expect(exitStatus('x')).to.equal(1);
    expect(exitStatus(new MigrateError('connection', 'x'))).to.equal(8);
  });
});
