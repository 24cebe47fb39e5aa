// A tracking table or ledger that somebody else could have made, or put code into: no command runs that code.
import { expect } from 'chai';
import { checkSchema } from '../../scripts/gate/gate.ts';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';
import { tables } from '../support/migrations.ts';
import { plainRole, type Role } from '../support/roles.ts';

const evil = `CREATE FUNCTION public.evil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
  CREATE FUNCTION public.evil(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
  CREATE DOMAIN public.name_of_evil AS varchar(255) CHECK (public.evil(VALUE));`;
const table =
  'CREATE TABLE public.pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)';

describe('A stranger', () => {
  let database: TestDatabase;
  let stranger: Role;

  beforeEach(async () => {
    database = await createDatabase();
    stranger = await plainRole(database);
    await database.query(
      `GRANT CREATE ON DATABASE ${database.name} TO ${stranger.name}; GRANT CREATE, USAGE ON SCHEMA public TO ${stranger.name}`,
    );
    await database.query(`SET ROLE ${stranger.name}; ${evil} RESET ROLE`);
  });

  const asStranger = (sql: string) => database.query(`SET ROLE ${stranger.name}; ${sql}; RESET ROLE`);
  const commands = [
    ['status'],
    ['up'],
    ['plan'],
    ['down'],
    ['redo'],
    ['drift'],
    ['baseline', '--to', '20250101000001'],
    ['environment'],
    ['rebase'],
  ];

  async function refused(what: RegExp): Promise<void> {
    const tool = await project(tables('one'));
    for (const args of commands) {
      const { exitCode, said } = await runInProcess(tool.root, database.env(), args);
      expect(exitCode, `${args.join(' ')}\n${said}`).to.equal(7);
      expect(said, args.join(' ')).to.match(what).and.not.to.include('trapped');
    }
  }

  for (const [what, sql, said] of [
    ['a tracking table', table, /table (public\.)?pgmigrations belongs to role_/],
    [
      'a tracking table with a trigger',
      `${table}; CREATE TRIGGER t BEFORE INSERT ON public.pgmigrations FOR EACH ROW EXECUTE FUNCTION public.evil()`,
      /belongs to role_/,
    ],
    [
      'a view in its place',
      'CREATE VIEW public.pgmigrations AS SELECT 1 AS id, public.evil(NULL)::text AS name, now()::timestamp AS run_on',
      /view (public\.)?pgmigrations belongs to role_/,
    ],
    [
      'the schema of the ledger',
      'CREATE SCHEMA migration_ledger',
      /schema migration_ledger belongs to role_/,
    ],
    [
      'a ledger',
      'CREATE SCHEMA migration_ledger; CREATE TABLE migration_ledger.applied (tracking text, id text, seq bigint)',
      /table migration_ledger\.applied belongs to role_/,
    ],
  ] as const) {
    it(`who made ${what} beforehand is refused by every command`, async () => {
      await asStranger(sql);
      await refused(said);
    });
  }

  it('who made an audit log beforehand has nothing run by the line that would tell of the refusal', async () => {
    const columns =
      'tracking, command, options, result, exit_code, message, duration_ms, environment, actor, git_sha, run_url, host, tool_version';
    await asStranger(
      `CREATE SCHEMA migration_ledger; CREATE TABLE migration_ledger.applied (tracking text, id text, seq bigint);
       CREATE TABLE public.trap (who text); GRANT ALL ON public.trap TO PUBLIC;
       CREATE FUNCTION public.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.trap VALUES (current_user); RETURN NEW; END $$;
       CREATE TABLE migration_ledger.audit (${columns.replaceAll(/(?=,|$)/g, ' text')});
       CREATE TRIGGER t BEFORE INSERT ON migration_ledger.audit FOR EACH ROW EXECUTE FUNCTION public.trap();`,
    );
    await refused(/table migration_ledger\.audit belongs to role_/);
    expect(await database.query('SELECT who FROM public.trap')).to.deep.equal([]);
  });

  for (const [what, sql, said] of [
    [
      'a trigger with a granted right',
      'GRANT TRIGGER ON public.pgmigrations TO %; SET ROLE %; CREATE TRIGGER t BEFORE INSERT OR DELETE ON public.pgmigrations FOR EACH STATEMENT EXECUTE FUNCTION public.evil(); RESET ROLE',
      /trigger t on (public\.)?pgmigrations calls/,
    ],
    [
      'a trigger on the ledger',
      'CREATE TRIGGER t BEFORE INSERT ON migration_ledger.entries FOR EACH ROW EXECUTE FUNCTION public.evil()',
      /trigger t on migration_ledger\.entries/,
    ],
    [
      'a rule',
      'CREATE RULE r AS ON INSERT TO public.pgmigrations DO ALSO SELECT public.evil(NEW.name::text)',
      /rule r on/,
    ],
    [
      'a policy',
      'CREATE POLICY p ON public.pgmigrations USING (public.evil(name::text)); ALTER TABLE public.pgmigrations ENABLE ROW LEVEL SECURITY',
      /policy p on/,
    ],
    [
      'a check',
      'ALTER TABLE public.pgmigrations ADD CHECK (public.evil(name::text)) NOT VALID',
      /calls (public\.)?evil\(text\)/,
    ],
    [
      'a default',
      "ALTER TABLE public.pgmigrations ADD COLUMN x bool DEFAULT public.evil('x')",
      /calls (public\.)?evil\(text\)|trapped/,
    ],
    [
      'an index',
      'DELETE FROM public.pgmigrations; CREATE INDEX i ON public.pgmigrations (name) WHERE name IS NULL AND public.evil(name::text)',
      /calls (public\.)?evil\(text\)|IMMUTABLE/,
    ],
    [
      'a function of the ledger',
      'GRANT CREATE, USAGE ON SCHEMA migration_ledger TO %; SET ROLE %; CREATE FUNCTION migration_ledger.extra() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$; RESET ROLE',
      /function migration_ledger\.extra\(\) belongs to role_/,
    ],
    [
      'a function that an event trigger calls',
      'CREATE FUNCTION public.fired() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION $e$trapped$e$; END $$; ALTER FUNCTION public.fired() OWNER TO %; CREATE EVENT TRIGGER fires ON ddl_command_end EXECUTE FUNCTION public.fired()',
      /event trigger fires calls (public\.)?fired\(\) of role_/,
    ],
    [
      'a sequence',
      'CREATE SEQUENCE public.other OWNED BY NONE; ALTER SEQUENCE public.other OWNER TO %; ALTER TABLE public.pgmigrations ALTER id SET DEFAULT nextval($$public.other$$)',
      /sequence (public\.)?other belongs to role_/,
    ],
  ] as const) {
    it(`who brought ${what} into ours is refused by every command`, async () => {
      const tool = await project(tables('one'));
      expectExit(await tool.run(['up'], { env: database.env() }), 0);
      const failed = await database
        .query(sql.replaceAll('%', stranger.name))
        .catch((error: Error) => error.message);
      if (typeof failed === 'string' && said.test(failed)) return;
      expect(failed, String(failed)).not.to.be.a('string');
      await refused(said);
    });
  }

  it('who made the history of another tool is refused where that is taken over', async () => {
    const tool = await project(tables('one'));
    await asStranger(
      `CREATE TYPE public.version AS (text text); CREATE FUNCTION public.told(public.version) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
       CREATE CAST (public.version AS text) WITH FUNCTION public.told(public.version);
       CREATE TABLE public.schema_migrations (version public.version); INSERT INTO public.schema_migrations VALUES (ROW('20250101000001'))`,
    );
    for (const more of [[], ['--dry-run']]) {
      const result = await tool.run(['baseline', '--from', 'dbmate', ...more], { env: database.env() });
      expectExit(result, 7);
      expect(result.stderr).to.match(/table (public\.)?schema_migrations belongs to role_/);
      expect(result.all).not.to.include('trapped');
    }
    await database.query('ALTER TABLE public.schema_migrations OWNER TO CURRENT_USER');
    const typed = await tool.run(['baseline', '--from', 'dbmate'], { env: database.env() });
    expectExit(typed, 7);
    expect(typed.stderr).to.match(/column version of (public\.)?schema_migrations is of type/);
  });

  it('has no code run by the gate of an application either', async () => {
    const application = await plainRole(database);
    const manifest = {
      format: 1,
      toolVersion: '1',
      trackingTable: 'public.pgmigrations',
      migrations: [],
    } as const;
    const told = () =>
      checkSchema({ connection: application.env(), manifest }).then(
        ({ state }) => state,
        ({ code, message }: { code: string; message: string }) => `${code}: ${message}`,
      );
    for (const [what, sql] of [
      ['view', 'CREATE VIEW public.pgmigrations AS SELECT 1 AS id, public.evil(NULL)::text AS name'],
      [
        'table',
        'CREATE TABLE public.pgmigrations (id int, name text); INSERT INTO public.pgmigrations VALUES (1); CREATE POLICY p ON public.pgmigrations USING (public.evil(name)); ALTER TABLE public.pgmigrations ENABLE ROW LEVEL SECURITY',
      ],
      [
        'table',
        "CREATE TYPE public.text_of_evil AS (text text); CREATE FUNCTION public.told(public.text_of_evil) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$; CREATE CAST (public.text_of_evil AS text) WITH FUNCTION public.told(public.text_of_evil); CREATE TABLE public.pgmigrations (id int, name public.text_of_evil); INSERT INTO public.pgmigrations VALUES (1, ROW('a'))",
      ],
    ]) {
      await asStranger(`${sql}; GRANT SELECT ON public.pgmigrations TO PUBLIC`);
      expect(await told(), sql).to.match(/^refused: (public\.)?pgmigrations is no plain table/);
      await database.query(`DROP ${what} public.pgmigrations`);
    }
    expect(await told()).to.equal('current');
  });

  it('who guards the history of another tool with a policy has it run by nobody', async () => {
    const tool = await project(tables('one'));
    const role = await plainRole(database);
    await database.query(
      `GRANT CREATE ON DATABASE ${database.name} TO ${role.name}; GRANT CREATE, USAGE ON SCHEMA public TO ${role.name}`,
    );
    await asStranger(
      `CREATE TABLE public.schema_migrations (version text); CREATE POLICY p ON public.schema_migrations USING (public.evil(version)); ALTER TABLE public.schema_migrations ENABLE ROW LEVEL SECURITY; GRANT SELECT ON public.schema_migrations TO PUBLIC; INSERT INTO public.schema_migrations VALUES ('20250101000001')`,
    );
    const result = await tool.run(['up'], { env: role.env() });
    expectExit(result, 4);
    expect(result.all).not.to.include('trapped');
  });

  it('is nobody who is trusted: a superuser, the owner of the database, a role whose rights we have', async () => {
    const tool = await project(tables('one'));
    expectExit(await tool.run(['up'], { env: database.env() }), 0);
    await database.query(
      `GRANT ALL ON ALL TABLES IN SCHEMA migration_ledger, public TO ${stranger.name}; GRANT ALL ON ALL SEQUENCES IN SCHEMA migration_ledger, public TO ${stranger.name}; GRANT USAGE ON SCHEMA migration_ledger TO ${stranger.name}`,
    );
    expectExit(await tool.run(['status'], { env: stranger.env() }), 0);
    const owner = await plainRole(database);
    await database.query(
      `ALTER TABLE public.pgmigrations OWNER TO ${owner.name}; GRANT SELECT ON public.pgmigrations TO ${stranger.name}`,
    );
    expectExit(await tool.run(['status'], { env: stranger.env() }), 7);
    expectExit(await tool.run(['status'], { env: database.env() }), 7);
    await database.query(`GRANT ${owner.name} TO ${stranger.name}`);
    expectExit(await tool.run(['status'], { env: stranger.env() }), 0);
    await database.query(`ALTER DATABASE ${database.name} OWNER TO ${owner.name}`);
    expectExit(await tool.run(['status'], { env: database.env() }), 0);
    await database.query(`ALTER DATABASE ${database.name} OWNER TO CURRENT_USER`);
  });
});
