import { expect } from 'chai';
import { secretsOf } from '../../scripts/config/secrets.ts';

describe('secretsOf', () => {
  it('finds the password of a variable and of a URL, decoded', () => {
    expect(
      secretsOf({ PGPASSWORD: 'hunter22', DATABASE_URL: 'postgres://u:p%40ss%2Fword@h:5432/d' }),
    ).to.deep.equal(['hunter22', 'p@ss/word', 'p%40ss%2Fword']);
  });

  it('finds a password that no parser of URLs would accept', () => {
    expect(secretsOf({ DATABASE_URL: 'postgres://u:a/b#c@h/d' })).to.deep.equal(['a/b#c']);
  });

  it('finds a password in the query of a URL', () => {
    expect(secretsOf({ DATABASE_URL: 'postgres://u@h/d?sslmode=require&password=p%40ss' })).to.deep.equal([
      'p@ss',
      'p%40ss',
    ]);
  });

  it('spares a password that is also the name of user, database, host or environment', () => {
    expect(secretsOf({ PGPASSWORD: 'postgres', PGUSER: 'postgres' })).to.deep.equal([]);
    expect(secretsOf({ DATABASE_URL: 'postgres://app:app@localhost/app' })).to.deep.equal([]);
    expect(secretsOf({ PGPASSWORD: 'test', MIGRATE_ENV: 'test' })).to.deep.equal([]);
  });
});
