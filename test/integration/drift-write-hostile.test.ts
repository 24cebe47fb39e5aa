// drift --write against a database that an attacker has filled: names, bodies and definitions made to become something else
// where the pair runs. One schema of everything, one pair, one other environment.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { readDirectives } from '../../scripts/files/directives.ts';
import { loadParser } from '../../scripts/files/statements.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';
import { pair, tables } from '../support/migrations.ts';
import { testMajor } from '../support/postgres.ts';

const proof = join('/tmp', `migrate-hostile-${process.pid}`);
const drop = 'DROP TABLE public.payroll CASCADE;';

/** Each tries to end what it stands in: a quoted name, a comment, a literal, a body, a line, a directive's line. */
const names = [
  `a"';${drop}--`,
  `c\n${drop}--`,
  `d */ ${drop} /*`,
  `e$body$;${drop}$$`,
  `g\n-- migrate: no-transaction\n`,
  `i"."payroll`,
  `j\\'; ${drop} --`,
  `l\nCOPY (SELECT 1) TO PROGRAM 'touch ${proof}';--`,
  `m) ; ${drop} ( on x USING y`,
  '__proto__',
  `o GENERATED ALWAYS AS IDENTITY DEFAULT 'x', q`,
  'k\u2028\t:x %s $1 %I',
];
const q = (name: string) => `"${name.replaceAll('"', '""')}"`;
const l = (text: string) => `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** Everything that has a name or holds text, once for each of the names. */
function everything(name: string, n: number): string {
  const [own, text] = [q(name), l(name)];
  const body = `BEGIN PERFORM ${text}; RETURN NEW; END;`;
  return `
    CREATE SCHEMA ${q(`s${n}${name}`)};
    CREATE TYPE ${q(`t${n}${name}`)} AS ENUM (${l(name.slice(0, 40))}, 'other');
    CREATE DOMAIN ${q(`d${n}${name}`)} AS text DEFAULT ${text} CONSTRAINT ${own} CHECK (VALUE <> ${text});
    CREATE SEQUENCE ${q(`q${n}${name}`)};
    CREATE TABLE ${own} (id int PRIMARY KEY, ${own} text DEFAULT ${text} CONSTRAINT ${q(`c${n}${name}`)} CHECK (${own} <> ${text}),
      ${q(`g${n}${name}`)} text GENERATED ALWAYS AS (${own} || ${text}) STORED);
    CREATE TABLE ${q(`r${n}${name}`)} (id int CONSTRAINT ${q(`f${n}${name}`)} REFERENCES ${own}) PARTITION BY LIST (id);
    CREATE INDEX ${q(`x${n}${name}`)} ON ${own} ((${own} || ${text})) WHERE ${own} <> ${text};
    CREATE STATISTICS ${q(`st${n}${name}`)} ON id, ${own} FROM ${own};
    CREATE VIEW ${q(`v${n}${name}`)} AS SELECT ${own} AS ${q(`col${name}`)}, ${text}::text AS text FROM ${own};
    CREATE MATERIALIZED VIEW ${q(`m${n}${name}`)} AS SELECT ${text}::text AS ${own};
    CREATE FUNCTION ${q(`tf${n}${name}`)}() RETURNS trigger LANGUAGE plpgsql SET search_path = ${own} AS $evil$${body}$evil$;
    CREATE FUNCTION ${q(`fn${n}${name}`)}(${own} text DEFAULT ${text}) RETURNS text LANGUAGE sql AS ${l(`SELECT ${q(name)}`)};
    CREATE TRIGGER ${own} BEFORE INSERT ON ${own} FOR EACH ROW EXECUTE FUNCTION ${q(`tf${n}${name}`)}(${text});
    CREATE RULE ${own} AS ON DELETE TO ${own} DO ALSO SELECT ${text};
    ALTER TABLE ${own} ENABLE ROW LEVEL SECURITY;
    CREATE POLICY ${own} ON ${own} USING (${own} <> ${text});
    CREATE PUBLICATION ${q(`pb${n}${name}`)} FOR TABLE ${own} WHERE (id <> 1);
    CREATE COLLATION ${q(`co${n}${name}`)} (locale = 'C');
    CREATE AGGREGATE ${q(`ag${n}${name}`)}(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
    CREATE TEXT SEARCH CONFIGURATION ${q(`ts${n}${name}`)} (COPY = simple);
    COMMENT ON TABLE ${own} IS ${text};
    COMMENT ON COLUMN ${own}.${own} IS ${text};
    COMMENT ON CONSTRAINT ${q(`c${n}${name}`)} ON ${own} IS ${text};
    COMMENT ON TRIGGER ${own} ON ${own} IS ${text};`;
}

describe('drift --write in a database that an attacker filled', () => {
  it('writes a pair that makes what is there, and nothing else', async function () {
    this.timeout(120_000);
    rmSync(proof, { force: true });
    cleanUpAfterTest(async () => rmSync(proof, { force: true }));
    const database = await createDatabase();
    // A list of tables that was read line by line would take the second one's rest for a statement.
    const published = pair(
      '20250101000009_published',
      `CREATE TABLE ${q('z\nx')} (id int);\nCREATE PUBLICATION known FOR TABLE ${q('z\nx')};`,
      'SELECT 1;',
    );
    const repo = await project({ ...tables('payroll'), ...published });
    const run = async (env: Record<string, string>, ...args: string[]) => {
      const ended = await runInProcess(repo.root, { ...env, MIGRATE_ENV: 'test' }, args);
      expect(ended.exitCode, ended.said.slice(0, 3000)).to.equal(0);
      return ended;
    };
    await run(database.env(), 'up');
    const other = await createDatabase({ from: database.name });
    await other.query('INSERT INTO payroll DEFAULT VALUES').catch(() => undefined);
    await database.query(`CREATE TABLE ${q(`z\ny; ${drop} --`)} (id int); ALTER PUBLICATION known ADD TABLE ${q(`z\ny; ${drop} --`)};
      CREATE FUNCTION ${q('f(')}(a text DEFAULT '"() RETURNS int LANGUAGE sql AS $$SELECT 1$$; ${drop} --') RETURNS int LANGUAGE sql AS 'SELECT 1';`);
    await database.query(names.map(everything).join('\n'));
    const written = await run(database.env(), 'drift', '--write', 'adopted');
    expect(written.document, written.said.slice(-3000)).to.include({ recorded: true, proven: true });
    const parse = await loadParser(testMajor);
    const files = readdirSync(join(repo.root, 'db/migrations')).filter((name) => name.includes('adopted'));
    expect(files).to.have.length(2);
    for (const name of files) {
      const text = readFileSync(join(repo.root, 'db/migrations', name), 'utf8');
      expect(readDirectives(text, name.includes('.up.') ? 'up' : 'down').directives, name).to.include({
        noTransaction: false,
      });
      const parsed = parse(text);
      const statements = parsed.ok === true ? parsed.statements : [];
      expect(statements.length).to.be.greaterThan(100);
      expect(statements.map(({ kind }) => kind)).not.to.include.oneOf(['CopyStmt', 'DoStmt']);
    }
    await run(other.env(), 'up');
    expect(await other.query("SELECT to_regclass('public.payroll')::text AS name")).to.deep.equal([
      { name: 'payroll' },
    ]);
    const [one, two] = [await run(database.env(), 'status'), await run(other.env(), 'status')];
    expect(two.document.fingerprint).to.equal(one.document.fingerprint);
    await run(other.env(), 'down');
    expect(
      await other.query(
        "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1",
      ),
    ).to.deep.equal([{ name: 'payroll' }, { name: 'pgmigrations' }, { name: 'z\nx' }]);
    expect(existsSync(proof)).to.equal(false);
  });
});
