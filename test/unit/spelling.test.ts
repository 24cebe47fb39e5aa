// Messages name commands once, for make; here is what they become where there is no make.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MigrateError } from '../../scripts/base/errors.ts';
import { placeOf, respell, respellError } from '../../scripts/cli/spelling.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';

describe('The spelling of commands', () => {
  const cases: readonly (readonly [written: string, npx: string])[] = [
    ['make migrate-up goes on.', 'npx migrate up goes on.'],
    ['Mend x.sql, then run make migrate-down again.', 'Mend x.sql, then run npx migrate down again.'],
    ['make migrate-baseline to=20250117090000, or', 'npx migrate baseline --to 20250117090000, or'],
    ['make migrate-new name=create-users', 'npx migrate create create-users'],
    ['(make migrate-new name=…).', '(npx migrate create …).'],
    [
      'make migrate-environment set=staging confirm=production',
      'npx migrate environment --set staging --confirm production',
    ],
    ['make migrate-drift accept=1 reason="a b"', 'npx migrate drift --accept --reason "a b"'],
    ['make migrate-drift args=--verbose shows', 'npx migrate drift --verbose shows'],
    ['make schema and commit', 'npx migrate schema and commit'],
    ['make check-migrations', 'npx migrate check'],
    ['npm run migrate:repair -- --accept 1 --reason "x"', 'npx migrate repair --accept 1 --reason "x"'],
    ['npm run migrate -- --help lists', 'npx migrate --help lists'],
    [
      'Wrote it: make manifest (npm run migrate:manifest).',
      'Wrote it: npx migrate manifest (npx migrate manifest).',
    ],
    ['make sure that it holds', 'make sure that it holds'],
  ];
  for (const [written, npx] of cases) {
    it(`turns "${written}" into "${npx}" in an application`, () => {
      expect(respell(written, 'npx')).to.equal(npx);
      expect(respell(written, 'make')).to.equal(written);
    });
  }

  it('reaches what an error says, but not what the database said', () => {
    const error = new MigrateError('locked', 'make migrate-up waits', {
      hint: 'make migrate-up',
      problems: ['make migrate-rebase'],
      database: { sqlState: '55P03', detail: 'make migrate-up' },
    });
    const told = respellError(error, 'npx') as MigrateError;
    expect(told.message).to.equal('npx migrate up waits');
    expect(told.options.hint).to.equal('npx migrate up');
    expect(told.options.problems).to.deep.equal(['npx migrate rebase']);
    expect(told.options.database?.detail).to.equal('make migrate-up');
  });

  it('is that of the place: a package in an application, its Makefile, the image, this repository', () => {
    const root = mkdtempSync(join(tmpdir(), 'migrate-place-'));
    cleanUpAfterTest(async () => rmSync(root, { recursive: true, force: true }));
    const installed = '/shop/node_modules/.bin/migrate';
    expect(placeOf(root, installed, {})).to.equal('npx');
    expect(placeOf(root, installed, { npm_config_user_agent: 'yarn/4.10.3 npm/? node/v22' })).to.equal(
      'yarn',
    );
    expect(placeOf(root, '/tool/scripts/run.cjs', {})).to.equal('make');
    expect(placeOf(root, installed, { MIGRATE_CALLED_AS: 'container' })).to.equal('container');
    writeFileSync(join(root, 'Makefile'), 'migrate-up:\n\tnpx migrate up\n');
    expect(placeOf(root, installed, {})).to.equal('make');
  });
});
