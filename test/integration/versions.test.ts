// What each major version of PostgreSQL has of its own, through every command, on a server of that version. The files are
// test/fixtures/versions/<major>: a version gets its own and those of the versions before it.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Suite } from 'mocha';
import pg from 'pg';
import { majorRemark, newestMajor, tooOld } from '../../scripts/base/postgres-major.ts';
import { loadParser } from '../../scripts/files/statements.ts';
import {
  changeTokenPartsSql,
  differingCatalogs,
  partsOf,
} from '../../scripts/schema/catalog/change-token-parts.ts';
import { diffObjects } from '../../scripts/schema/change/diff.ts';
import { defaultSchemaOptions } from '../../scripts/schema/types.ts';
import { classesOf } from '../../scripts/verify/catalogs.ts';
import { expectExit, type Project, project, transcript } from '../support/cli.ts';
import type { OwnServer } from '../support/server.ts';
import {
  baseOfRenamed,
  filesFor,
  fixtures,
  renamedKinds,
  serverOf,
  versionKinds,
} from '../support/versions.ts';
import { openTrial, type Trial, textOf } from '../support/ways.ts';

const majors = [15, 16, 17, 18];

/** Of the changes by hand that a version knows, the one that goes through the command; what `drift` names of it. */
const throughTheCommand: readonly { readonly since: number; readonly sql: string; readonly named: string }[] =
  [
    { since: 15, sql: 'ALTER TABLE account ALTER COLUMN note SET STORAGE MAIN', named: 'account.note' },
    { since: 17, sql: 'ALTER DOMAIN short_text RENAME CONSTRAINT given TO must', named: 'short_text' },
    { since: 18, sql: 'ALTER TABLE above VALIDATE CONSTRAINT a_there', named: 'above.a' },
  ];

for (const major of majors) {
  describe(`on PostgreSQL ${major}`, function (this: Suite) {
    this.timeout(300_000);
    let server: OwnServer;
    let count = 0;

    before(async function () {
      server = await serverOf(major, () => this.skip());
    });

    /** A project with the version's files, and a database that has them where `applied`. */
    async function given(applied: boolean) {
      count += 1;
      const name = `versions_${count}`;
      await server.query(`CREATE DATABASE ${name} TEMPLATE template0`);
      const env = { ...server.env(name), SHADOW_DATABASE_URL: server.env(name).DATABASE_URL ?? '' };
      const repo = await project(filesFor(major));
      const run = async (code: number, ...args: string[]) => {
        const result = await repo.run(args, { env });
        expectExit(result, code);
        return result;
      };
      if (applied) await run(0, 'up', '--quiet');
      return {
        ...{ repo, run, query: (sql: string) => server.query(sql, name) },
        lintOf: () => repo.run(['lint', '--json'], { env }),
      };
    }

    const schemaOf = (repo: Project) => readFileSync(join(repo.root, 'db', 'schema.sql'), 'utf8');

    it('plans, applies, reverts and applies again, and says nothing about versions', async () => {
      const { run } = await given(false);
      const planned = await run(0, 'plan');
      expect(planned.all, transcript(planned)).not.to.match(/PostgreSQL \d+|cannot be parsed|untraced/);
      const applied = await run(0, 'up');
      expect(applied.all, transcript(applied)).not.to.contain('db/config.json says');
      await run(0, 'down', '--to', '0');
      await run(0, 'up');
      expect((await run(0, 'status', '--json')).json().drift.state).to.equal('none');
    });

    it('reviews them: each down takes back what its up did, and no rule misreads one', async () => {
      const { run, lintOf } = await given(false);
      await run(0, 'verify');
      const lint = (await lintOf()).json();
      expect(lint.error).to.equal(null);
      expect(
        lint.findings.filter(({ message }: { message: string }) => /syntax|cannot be|parse/.test(message)),
      ).to.deep.equal([]);
    });

    it('advises the way to NOT NULL that is cheap on this version', async () => {
      const { repo } = await given(false);
      repo.write('20250101000031_filled.up.sql', 'ALTER TABLE account ALTER COLUMN email SET NOT NULL;\n');
      repo.write('20250101000031_filled.down.sql', 'ALTER TABLE account ALTER COLUMN email DROP NOT NULL;\n');
      if (major >= 18) {
        // Its NOT NULL is there, and NOT VALID.
        repo.write('20250101000032_visitor.up.sql', 'ALTER TABLE visitor ALTER COLUMN id SET NOT NULL;\n');
        repo.write('20250101000032_visitor.down.sql', '-- migrate: irreversible a test\n');
      }
      const lint = await repo.run(['lint'], {
        env: { SHADOW_DATABASE_URL: server.env().DATABASE_URL ?? '', PGPASSWORD: server.password },
      });
      if (major >= 18)
        expect(lint.all, transcript(lint))
          .to.contain('ALTER TABLE visitor VALIDATE CONSTRAINT visitor_id;')
          .and.not.to.contain('visitor_id_not_null');
      const cheap = 'ADD CONSTRAINT account_email_not_null NOT NULL email NOT VALID';
      expect(lint.all.includes(cheap), transcript(lint)).to.equal(major >= 18);
      expect(lint.all.includes('CHECK (email IS NOT NULL) NOT VALID'), transcript(lint)).to.equal(major < 18);
    });

    it('writes a schema that gives the same fingerprint, and calls it current', async () => {
      const { repo, run } = await given(true);
      await run(0, 'schema');
      await run(0, 'schema', '--check');
      const text = schemaOf(repo);
      await server.query(`CREATE DATABASE copy_${count} TEMPLATE template0`);
      await server.query(text, `copy_${count}`);
      const fingerprint = /-- fingerprint: (\w+)/.exec(text)?.[1];
      expect((await run(0, 'status', '--json')).json().fingerprint).to.equal(fingerprint);
      for (const [since, expected] of [
        [17, 'GENERATED ALWAYS AS IDENTITY'],
        [18, 'VIRTUAL'],
        [18, 'STORED'],
        [18, 'NOT ENFORCED'],
        [18, 'WITHOUT OVERLAPS'],
        [18, 'PERIOD'],
        [18, 'person_has_mail NOT NULL email NOT VALID'],
        [18, 'NOT NULL NO INHERIT'],
      ] as const)
        if (major >= since) expect(text).to.contain(expected);
    });

    it('takes a text for the same whatever its comments and white space are', async () => {
      const { repo, run } = await given(true);
      for (const [name, text] of Object.entries(filesFor(major)))
        if (name.endsWith('.up.sql'))
          repo.write(name, `${text.replace(/^(-- migrate.*\n)?/, '$1/* said again */\n')}\n\n-- the end\n`);
      const states = (await run(0, 'status', '--json')).json().migrations;
      expect(states.filter(({ state }: { state: string }) => state !== 'applied')).to.deep.equal([]);
    });

    it('goes on behind what ran of a file outside a transaction', async () => {
      const { repo, run, query } = await given(true);
      await query('CREATE TABLE waiting (id integer, n integer); INSERT INTO waiting VALUES (1, NULL)');
      await run(0, 'drift', '--accept', '--reason', 'a table for the test');
      const own =
        major >= 18
          ? 'ALTER TABLE waiting ADD CONSTRAINT filled NOT NULL n NOT VALID;\nALTER TABLE waiting VALIDATE CONSTRAINT filled;'
          : major >= 17
            ? "SELECT * FROM JSON_TABLE('[1]'::jsonb, '$[*]' COLUMNS (n integer PATH '$')) AS t;\nALTER TABLE waiting ALTER COLUMN n SET NOT NULL;"
            : 'MERGE INTO waiting USING (SELECT 2 AS id) AS g ON g.id = waiting.id WHEN MATCHED THEN DO NOTHING;\nALTER TABLE waiting ALTER COLUMN n SET NOT NULL;';
      const limit = major >= 18 ? ', REJECT_LIMIT 3, LOG_VERBOSITY silent' : ', LOG_VERBOSITY verbose';
      const copied =
        major < 17
          ? ''
          : `COPY waiting FROM PROGRAM 'printf "5,5\\nx,y\\n"' (FORMAT csv, ON_ERROR ignore, FORCE_NULL *${limit});\n`;
      repo.write(
        '20250101000031_waiting.up.sql',
        `-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY waiting_id ON waiting (id);\n${copied}${own}\n`,
      );
      repo.write('20250101000031_waiting.down.sql', '-- migrate: irreversible a test\n');
      const failed = await run(3, 'up');
      expect(failed.all).to.contain(major >= 17 ? 'statement 4 of 4' : 'statement 3 of 3');
      await query('UPDATE waiting SET n = 0');
      const resumed = await run(0, 'up');
      expect(resumed.all, transcript(resumed)).to.contain('resuming');
      if (major >= 17)
        expect(await query('SELECT FROM waiting WHERE id = 5'), 'copied once').to.have.length(1);
    });

    const { sql: byHand, named } = throughTheCommand.findLast(({ since }) => since <= major)!;
    it(`sees by hand, and writes: ${byHand}`, async () => {
      const { run, query } = await given(true);
      await query(byHand);
      const drift = await run(5, 'drift');
      expect(drift.all, transcript(drift)).to.contain(named);
      const wrote = await run(0, 'drift', '--write', 'by-hand');
      expect(wrote.all, transcript(wrote)).to.contain('Recorded');
      await run(0, 'drift');
    });

    describe('changes by hand', () => {
      let trial: Trial;
      let client: pg.Client;
      before(async () => {
        await server.query('CREATE DATABASE kinds TEMPLATE template0');
        const { host, port, user, password } = server;
        client = new pg.Client({ host, port, user, password, database: 'kinds' });
        await client.connect();
        const parse = await loadParser(major);
        const files = Object.entries(filesFor(major)).filter(([name]) => name.endsWith('.up.sql'));
        for (const [, text] of files.sort()) {
          const parsed = parse(text);
          if (parsed.ok === true)
            for (const statement of parsed.statements) await client.query(statement.text);
        }
        trial = await openTrial(client);
      });
      after(() => client?.end());
      beforeEach(() => trial.run('BEGIN'));
      afterEach(() => trial.run('ROLLBACK'));

      for (const [since, sql] of versionKinds)
        if (since <= major)
          it(`are written both ways: ${sql}`, async () => {
            const { ways, live } = await trial.changed(sql);
            const way = ways.renamed ?? ways.direct;
            const open = [...way.up.unfinished, ...way.down.unfinished].map(({ why }) => why);
            expect(open, textOf(way, 'up')).to.deep.equal([]);
            await trial.tryBothWays(way, live);
          });

      it('are seen by verify, whatever catalog they stand in', async () => {
        const { run, read } = trial;
        const include = ['owners', 'grants'] as const;
        const options = { ...defaultSchemaOptions, include };
        const parts = async () => partsOf((await run(changeTokenPartsSql(options)))[0]);
        await run('CREATE INDEX account_next ON account ((id + 1))');
        const [before, stored] = [await parts(), await read()];
        const kinds = versionKinds.flatMap(([since, sql]) => (since <= major ? [sql] : []));
        for (const sql of [...kinds, 'ALTER INDEX account_next ALTER COLUMN 1 SET STATISTICS 70']) {
          await run('SAVEPOINT kind');
          await run(sql);
          const after = await parts();
          const catalogs = [...differingCatalogs(before, after), ...differingCatalogs(after, before)];
          const classes = classesOf(catalogs, include);
          const differing = diffObjects(stored, await read()).map(({ kind }) => kind);
          expect(
            differing.some((kind) => classes.includes(kind)),
            `${sql}: ${differing.join()} by ${catalogs.join()}`,
          ).to.equal(true);
          await run('ROLLBACK TO SAVEPOINT kind');
        }
      });
    });

    if (major >= 18)
      describe('a name of a NOT NULL that another one has', () => {
        let trial: Trial;
        let client: pg.Client;
        before(async () => {
          await server.query('CREATE DATABASE renamed TEMPLATE template0');
          const { host, port, user, password } = server;
          client = new pg.Client({ host, port, user, password, database: 'renamed' });
          await client.connect();
          await client.query(baseOfRenamed);
          trial = await openTrial(client);
        });
        after(() => client?.end());
        beforeEach(() => trial.run('BEGIN'));
        afterEach(() => trial.run('ROLLBACK'));

        for (const sql of renamedKinds)
          it(`is given once it is free, both ways and in both readings: ${sql}`, async () => {
            const { ways, live } = await trial.changed(sql);
            for (const way of [ways.renamed, ways.direct])
              if (way !== null) await trial.compareBothWays(way, live);
          });
      });

    it('says that another version was meant, once, and only where something runs', async () => {
      const { repo, run, lintOf } = await given(false);
      const meant = major === 18 ? 17 : 18;
      repo.write('db/config.json', JSON.stringify({ postgres: meant }));
      for (const name of readdirSync(join(repo.root, 'db', 'migrations')))
        if (!name.includes('_merge.')) rmSync(join(repo.root, 'db/migrations', name));
      const line = `The line to change: "postgres": ${major}`;
      const verdicts = `is PostgreSQL ${major}, the migrations are for ${meant}`;
      expect((await lintOf()).stderr.split(verdicts)).to.have.length(2);
      expect((await run(0, 'plan')).stderr.split(line)).to.have.length(2);
      expect((await run(0, 'up')).stderr.split(line)).to.have.length(2);
      expect((await run(0, 'up')).all).not.to.contain('PostgreSQL');
      expect((await run(0, 'status')).all).not.to.contain('The line to change');
    });

    if (major === 18)
      it('reverts what its own grammar takes, where db/config.json names an older one', async () => {
        const { repo, run, query } = await given(false);
        for (const name of readdirSync(join(repo.root, 'db', 'migrations')))
          rmSync(join(repo.root, 'db/migrations', name));
        repo.write('db/config.json', JSON.stringify({ postgres: 16 }));
        const own = 'ALTER TABLE t ALTER a DROP NOT NULL, ADD CONSTRAINT t_a_not_null NOT NULL a NOT VALID';
        const files: Record<string, string> = {
          '20250101000001_t.up.sql': 'CREATE TABLE t (id integer PRIMARY KEY, a integer);',
          '20250101000001_t.down.sql': 'DROP TABLE t;',
          '20250101000002_a.up.sql': 'ALTER TABLE t ALTER a SET NOT NULL;',
          '20250101000002_a.down.sql': `${own};`,
        };
        for (const [name, text] of Object.entries(files)) repo.write(name, text);
        const advice = `PostgreSQL ${major} would take it: if that is what your servers are, write "postgres": ${major}`;
        expect((await run(9, 'lint')).all).to.contain(advice);
        await run(0, 'up');
        expect((await run(0, 'status')).all).not.to.contain('warning');
        for (const command of [['redo'], ['down'], ['up'], ['down', '--from-disk']])
          expect((await run(0, ...command)).all.split('warning'), command[0]).to.have.length(2);
        expect(await query('SELECT FROM public.pgmigrations')).to.have.length(1);
      });
  });
}

describe('major versions', () => {
  it('are served from 15 on, and a newer one than the newest known has the last word', () => {
    expect(tooOld(14)?.message).to.contain('the oldest that this tool works with is 15');
    expect(tooOld(15)).to.equal(null);
    expect(majorRemark(18, 18)).to.equal(null);
    expect(majorRemark(16, 17)).to.contain('"postgres": 17');
    expect(majorRemark(18, newestMajor + 1)).to.contain('the server has the last word');
  });

  it('have their files here, each with its down', () => {
    for (const folder of readdirSync(fixtures))
      for (const name of readdirSync(join(fixtures, folder)))
        expect(existsSync(join(fixtures, folder, name.replace('.up.', '.down.'))), name).to.equal(true);
  });
});
