// Lint without a database: what the text alone tells, what it keeps quiet about, allowances and settings.
import { expect } from 'chai';
import { MigrateError } from '../../scripts/base/errors.ts';
import type { Finding } from '../../scripts/base/types.ts';
import { loadParser } from '../../scripts/files/statements.ts';
import { type LintSettings, reviewMigrations } from '../../scripts/lint/review.ts';
import { readActions } from '../../scripts/lint/statement/actions.ts';
import { lines, migration } from '../support/lint.ts';

function review(
  up: string,
  settings: LintSettings = {},
  down?: string,
  postgres = 16,
): Promise<readonly Finding[]> {
  return reviewMigrations({
    postgres,
    earlier: [],
    underReview: [migration('20250101000000_change', up, down)],
    settings,
  });
}

const ids = (findings: readonly Finding[]) => findings.map(({ rule }) => rule);

describe('lint: static rules', () => {
  it('names file, line and column of the statement, and writes the rewrite with its own names', async () => {
    const [finding, ...rest] = await review(
      '-- why\nSELECT 1;\n  CREATE UNIQUE INDEX "Mail" ON app.users (lower(email));\n',
    );
    expect(rest).to.deep.equal([]);
    expect(finding).to.include({
      rule: 'create-index-blocking',
      severity: 'error',
      file: 'db/migrations/20250101000000_change.up.sql',
      line: 3,
      column: 3,
    });
    expect(finding?.message)
      .to.include('ShareLock on app.users')
      .and.to.include('CREATE UNIQUE INDEX "Mail"');
    expect(finding?.help).to.include(
      '-- migrate: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY "Mail" ON app.users (lower(email));',
    );
  });

  it('takes a key WITHOUT OVERLAPS for what it is, an exclusion that no index builds beside traffic', async () => {
    const keys = [
      'UNIQUE (room, during WITHOUT OVERLAPS)',
      'PRIMARY KEY (room, "during" without   overlaps)',
    ];
    for (const key of keys) {
      const [finding, ...rest] = await review(
        `ALTER TABLE stays ADD CONSTRAINT k ${key};`,
        {},
        undefined,
        18,
      );
      expect(rest).to.deep.equal([]);
      expect(finding?.rule).to.equal('add-exclude');
      expect(finding?.help).not.to.contain('USING INDEX');
    }
  });

  it('asks a migration that runs after the deployment nothing about what the release before would miss', async () => {
    const drop = 'ALTER TABLE orders DROP COLUMN note;';
    expect(ids(await review(`-- migrate: after-deploy\n${drop}`))).to.deep.equal([]);
    const [finding] = await review(drop);
    expect(finding?.help).to.include('-- migrate: after-deploy');
  });

  it('says nothing about tables that the migration makes itself', async () => {
    const sql = `CREATE TABLE carts (id bigint PRIMARY KEY, note text);
      CREATE INDEX ON carts (note);
      ALTER TABLE carts ALTER COLUMN note SET NOT NULL, ADD CHECK (note <> '');
      UPDATE carts SET note = '';
      DROP TABLE carts;`;
    expect(ids(await review(sql))).to.deep.equal([]);
  });

  it('keeps quiet about blocks and functions, whose text it does not run', async () => {
    expect(
      ids(await review("DO $$ BEGIN EXECUTE 'DROP TABLE orders'; END $$; SELECT drop_everything();")),
    ).to.deep.equal([]);
  });

  it('takes a table constraint apart without being misled by commas, quotes and comments in it', async () => {
    const [finding] = await review(
      `ALTER TABLE "Order Items" ADD CONSTRAINT odd CHECK (note <> 'a,b)' /* ) */ AND (a, b) <> (1, 2)), ADD COLUMN c text;`,
    );
    expect(finding?.help).to.include(
      `ALTER TABLE "Order Items" ADD CONSTRAINT odd CHECK (note <> 'a,b)' /* ) */ AND (a, b) <> (1, 2)) NOT VALID;`,
    );
  });

  it('writes rewrites of texts with characters beyond ASCII before them', async () => {
    const [finding] = await review(
      `ALTER TABLE café ADD COLUMN "größe" text DEFAULT 'ß', ADD CONSTRAINT prüfung CHECK (größe <> 'ü');`,
    );
    expect(finding?.help).to.include(`ADD CONSTRAINT "prüfung" CHECK (größe <> 'ü') NOT VALID;`);
  });

  it('cuts the bounds of a partition where they begin, whatever letters are before them', async () => {
    const parsed = (await loadParser(16))(
      'ALTER TABLE "İİİİ İİİİ" ATTACH PARTITION part\n  FOR  VALUES FROM (1) TO (9);',
    );
    const [statement] = parsed.ok === true ? parsed.statements : [];
    const actions = statement === undefined ? [] : readActions(statement);
    expect(actions.map((action) => 'bound' in action && action.bound)).to.deep.equal([
      'FOR  VALUES FROM (1) TO (9)',
    ]);
  });

  it('tells a row by its key from a whole table', async () => {
    expect(ids(await review("UPDATE users SET name = 'x' WHERE id = 1;"))).to.deep.equal([]);
    expect(
      ids(await review("UPDATE users SET name = 'x' WHERE id IN (1, 2) AND name IS NULL;")),
    ).to.deep.equal([]);
    expect(ids(await review("UPDATE users SET name = 'x' WHERE 1 = 1;"))).to.deep.equal(['unbatched-update']);
    expect(ids(await review('DELETE FROM users WHERE created_at < now();'))).to.deep.equal([
      'unbatched-delete',
    ]);
  });

  it('finds an index for a foreign key in a later file', async () => {
    const key = 'ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users NOT VALID;';
    const index = '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY ON orders (user_id, id);';
    const together = [migration('20250101000000_key', key), migration('20250101000001_index', index)];
    expect(ids(await review(key))).to.deep.equal(['foreign-key-without-index']);
    expect(ids(await reviewMigrations({ postgres: 16, earlier: [], underReview: together }))).to.deep.equal(
      [],
    );
  });

  it('reports a syntax error as a statement that does not run, at its place', async () => {
    const [finding] = await review('SELECT 1;\nALTER TABEL orders ADD x int;');
    expect(finding).to.include({ rule: 'does-not-run', line: 2, column: 7 });
    expect(finding?.message).to.include('42601: syntax error at or near "TABEL"');
  });
});

describe('lint: allowances and settings', () => {
  const drop = 'ALTER TABLE orders DROP COLUMN note;';

  it('silences a rule in the file that allows it, and only that one', async () => {
    const findings = await review(`-- migrate: allow drop-column nobody reads it\n${drop}\nDROP TABLE tags;`);
    expect(ids(findings)).to.deep.equal(['drop-table']);
  });

  it('reports an allowance for a rule that does not exist, and names the nearest', async () => {
    const findings = await review(`-- migrate: allow drop-colum nobody reads it\n${drop}`);
    expect(ids(findings)).to.deep.equal(['unknown-rule', 'drop-column']);
    expect(findings[0]?.help).to.include('Did you mean drop-column');
  });

  it('leaves the allowance of verify alone, in up and down', async () => {
    const allowed = '-- migrate: allow inexact-down the values are lost\n';
    const findings = await review(`${allowed}SELECT 1;`, {}, `${allowed}SELECT 1;`);
    expect(ids(findings), lines(findings)).to.deep.equal([]);
  });

  it('takes severities from the settings, and off is silence', async () => {
    const [finding] = await review(drop, { rules: { 'drop-column': 'error' } });
    expect(finding?.severity).to.equal('error');
    expect(await review(drop, { rules: { 'drop-column': 'off' } })).to.deep.equal([]);
  });

  it('refuses settings for rules that do not exist', async () => {
    const error = await review(drop, { rules: { 'drop-colum': 'off' } }).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(MigrateError).and.to.include({ code: 'usage' });
    expect((error as MigrateError).message).to.include('drop-colum');
  });

  it('asks of a down only whether it can run: dropping is what it is for', async () => {
    const down = 'DROP TABLE orders; CREATE INDEX ON users (email); DROP INDEX CONCURRENTLY users_idx;';
    const findings = await review('SELECT 1;', {}, down);
    expect(ids(findings)).to.deep.equal(['concurrently-in-transaction']);
    expect(findings[0]?.file).to.equal('db/migrations/20250101000000_change.down.sql');
  });
});
