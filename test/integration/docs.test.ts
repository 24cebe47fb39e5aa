// docs: db/SCHEMA.md from a scratch database; --check for pipelines.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';

const files = pair(
  1,
  'users',
  `CREATE TABLE users (id integer PRIMARY KEY, email text NOT NULL);
CREATE TABLE posts (id integer PRIMARY KEY, user_id integer NOT NULL CONSTRAINT posts_author REFERENCES users (id));
COMMENT ON TABLE users IS 'People who can log in';
COMMENT ON COLUMN users.email IS 'Lower case';`,
  'DROP TABLE posts; DROP TABLE users;',
);

describe('docs', () => {
  it('writes tables, columns, comments and a diagram, without touching a target', async () => {
    const { url } = await createDatabase();
    const repo = await project(files);
    const env = { SHADOW_DATABASE_URL: url, DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/nothing' };
    const path = join(repo.root, 'db', 'SCHEMA.md');
    expectExit(await repo.run(['docs', '--check'], { env }), 9);
    expect(existsSync(path)).to.equal(false);
    expectExit(await repo.run(['docs'], { env }), 0);
    const text = readFileSync(path, 'utf8');
    for (const part of [
      '### public.users',
      'People who can log in',
      'Lower case',
      '```mermaid',
      'posts_author',
    ])
      expect(text).to.contain(part);
    expectExit(await repo.run(['docs', '--check'], { env }), 0);
    for (const [name, sql] of Object.entries(pair(2, 'age', 'ALTER TABLE users ADD COLUMN age integer;')))
      repo.write(name, sql);
    const stale = await repo.run(['docs', '--check', '--json'], { env });
    expectExit(stale, 9);
    expect(stale.json().stale).to.equal(true);
  });
});
