// The next version and the name of a new migration.
import { expect } from 'chai';
import { nextVersion, normaliseName } from '../../scripts/files/version.ts';

const now = new Date('2026-03-04T05:06:07.890Z');

describe('The version of a new migration', () => {
  it('is the current UTC second in 14 digits', () => {
    expect(nextVersion([], now)).to.equal('20260304050607');
  });

  it('is one second after the newest that exists, where that is now or later', () => {
    expect(nextVersion(['20260304050607_a.up.sql'], now)).to.equal('20260304050608');
    expect(nextVersion(['20271231235959_a.up.sql', '20250101000000_b.up.sql'], now)).to.equal(
      '20280101000000',
    );
  });

  it('grows even where the newest is no real time', () => {
    expect(nextVersion(['20269999999999_a.up.sql'], now) > '20269999999999').to.equal(true);
  });

  it('takes no notice of files that are no migrations', () => {
    expect(nextVersion(['README.md', '.gitkeep', '99999999999999.sql'], now)).to.equal('20260304050607');
  });
});

describe('The name of a new migration', () => {
  const right: [string, string][] = [
    ['create-users-table', 'create-users-table'],
    ['Create Users Table', 'create-users-table'],
    ['create_users_table', 'create-users-table'],
    ['createUsersTable', 'create-users-table'],
    ['  add   email  ', 'add-email'],
    ['Prénom', 'prenom'],
    ['2nd-try', '2nd-try'],
  ];
  for (const [asked, name] of right) {
    it(`turns "${asked}" into "${name}"`, () => expect(normaliseName(asked)).to.equal(name));
  }

  for (const asked of ['', '   ', '---', '___']) {
    it(`refuses "${asked}" as empty`, () => {
      expect(() => normaliseName(asked))
        .to.throw('needs a name')
        .with.property('code', 'usage');
    });
  }

  for (const asked of ['../../etc/passwd', 'a/b', 'a;b', "x' OR '1", '用户', 'a\nb\u0000', 'a'.repeat(201)]) {
    it(`refuses ${JSON.stringify(asked).slice(0, 30)}, which makes no file name`, () => {
      expect(() => normaliseName(asked))
        .to.throw()
        .with.property('code', 'usage');
    });
  }
});
