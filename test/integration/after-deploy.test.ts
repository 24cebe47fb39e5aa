// A release in two parts: what it needs before it starts, and what it takes away when no older release needs it any more.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { checkSchema, releaseName } from '../../scripts/gate/gate.ts';
import { formatReleaseName, parseReleaseName } from '../../scripts/gate/release-name.ts';
import { expectExit, type Project, project, transcript } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { tablePair, tables, v1, v2, v3 } from '../support/history.ts';
import { plainRole } from '../support/roles.ts';

const expand = tablePair(v1, 'accounts');
const contract = {
  [`${v2}_drop-old.up.sql`]: '-- migrate: after-deploy\nDROP TABLE old;\n',
  [`${v2}_drop-old.down.sql`]: 'CREATE TABLE old (id bigint PRIMARY KEY);\n',
};
const later = tablePair(v3, 'invoices');
const before = tablePair('20250101000000', 'old');

describe('after-deploy migrations', () => {
  let database: TestDatabase;
  const run = (tool: Project, ...args: string[]) => tool.run(args, { env: database.env() });

  beforeEach(async () => {
    database = await createDatabase();
    const v0 = await project(before);
    expectExit(await run(v0, 'up'), 0);
  });

  it('are left by up, which names them, and run by up --after-deploy', async () => {
    const release = await project({ ...before, ...expand, ...contract });
    const up = await run(release, 'up', '--json');
    expectExit(up, 0);
    expect(up.json()).to.deep.include({ waiting: [`${v2}_drop-old`], ok: true });
    expect(await tables(database)).to.deep.equal(['accounts', 'old']);
    const again = await run(release, 'up');
    expectExit(again, 0);
    expect(again.all, transcript(again))
      .to.contain(`Already up to date at ${v1}_accounts (1 migration waits until`)
      .and.contain(`make migrate-up after_deploy=1): ${v2}_drop-old`);
    const status = await run(release, 'status', '--json', '--check');
    expectExit(status, 10);
    expect(status.json().migrations.at(-1)).to.deep.include({ state: 'pending', afterDeploy: true });
    expect((await run(release, 'status', '--log', '1')).all)
      .to.match(/ {6}Waits until .*\n {6}Applied 1 migration/)
      .and.contain('1 pending (1 after-deploy)');
    expect((await run(release, 'status')).all)
      .to.contain('pending (after-deploy)')
      .and.contain('1 pending (1 after-deploy)');
    expectExit(await run(release, 'up', '--after-deploy'), 0);
    expect(await tables(database)).to.deep.equal(['accounts']);
    expectExit(await run(release, 'status', '--check'), 0);
    expectExit(await run(release, 'down'), 0);
    expect(await tables(database)).to.deep.equal(['accounts', 'old']);
  });

  it('hold up what stands behind them: exit 10, naming it', async () => {
    const release = await project({ ...before, ...expand, ...contract, ...later });
    for (const _again of [1, 2]) {
      const up = await run(release, 'up');
      expectExit(up, 10);
      expect(up.all, transcript(up)).to.contain(`Not run, for it stands behind that: ${v3}_invoices`);
    }
    expectExit(await run(release, 'up', '--to', v1), 0);
    expectExit(await run(release, 'up', '--after-deploy'), 0);
    expect(await tables(database)).to.deep.equal(['accounts', 'invoices']);
  });

  it('are shown by plan as waiting, and are part of a plan with --after-deploy', async () => {
    const release = await project({ ...before, ...expand, ...contract });
    const plan = await run(release, 'plan');
    expectExit(plan, 0);
    expect(plan.all).to.contain('CREATE TABLE accounts').and.contain(`after_deploy=1): ${v2}_drop-old`);
    expect(plan.all).not.to.contain('DROP TABLE old');
    expect(plan.all).to.contain('Nothing was changed. (1 migration waits until the application has started)');
    expectExit(await run(release, 'up'), 0);
    // One line of each target is all that is read of many.
    release.write('db/targets', `t1 ${database.env().DATABASE_URL}\n`);
    const { DATABASE_URL: _, ...others } = database.env();
    const env = { ...others, MIGRATE_ENV: 'development' };
    for (const command of ['plan', 'up', 'status']) {
      const fleet = await release.run([command, '--targets', 'db/targets'], { env });
      expectExit(fleet, 0);
      expect(fleet.all).to.match(/t1 .*(1 migration waits until the application|\(1 after-deploy\))/);
    }
    const posted = await run(release, 'plan', '--markdown');
    expect(posted.stdout).to.match(/up to date: .*1 migration waits.*\n\n#### Not yet\n\n- Waits until/);
    expectExit(await run(release, 'plan', '--after-deploy', '--out', 'plan.json'), 0);
    expectExit(await run(release, 'up', '--plan', 'plan.json'), 0);
    expect(await tables(database)).to.deep.equal(['accounts']);
  });

  it('are no reason for the gate to refuse, and no reason for a fingerprint to differ', async () => {
    const release = await project({ ...before, ...expand, ...contract });
    expectExit(await release.run(['schema'], { env: { SHADOW_DATABASE_URL: database.url } }), 0);
    expectExit(await run(release, 'manifest', '--out', 'manifest.json'), 0);
    const up = await run(release, 'up', '--expect-fingerprint');
    expectExit(up, 0);
    expect(up.all).to.contain('is not asked for: after-deploy migrations wait');
    const client = await database.client();
    const state = await checkSchema({ client, manifest: join(release.root, 'manifest.json') });
    expect(state).to.deep.include({ ready: true, state: 'current', waiting: [`${v2}_drop-old`], behind: [] });
    expectExit(await run(release, 'up', '--after-deploy', '--expect-fingerprint'), 0);
  });

  const sessionOf = async (release: Project, database: TestDatabase) => {
    expectExit(await run(release, 'manifest', '--out', 'manifest.json'), 0);
    const name = releaseName({ manifest: join(release.root, 'manifest.json'), application: 'shop' });
    const client = await database.client();
    await client.query("SELECT set_config('application_name', $1, false)", [name]);
    return { name, client };
  };

  it('are refused while sessions of an older release are connected, by name; others do not count', async () => {
    const older = await project(before);
    const release = await project({ ...before, ...expand, ...contract });
    expectExit(await run(release, 'up'), 0);
    const newer = await sessionOf(release, database);
    expect(parseReleaseName(newer.name)).to.deep.equal({ version: v2, history: '' });
    const { client, name } = await sessionOf(older, database);
    const refused = await run(release, 'up', '--after-deploy');
    expectExit(refused, 7);
    expect(refused.all, transcript(refused)).to.contain(name).and.contain('wait=10min');
    expect(await tables(database)).to.deep.equal(['accounts', 'old']);
    await client.end();
    expectExit(await run(release, 'up', '--after-deploy'), 0);
  });

  it('wait for the end of an older release, without the run lock', async () => {
    const older = await project(before);
    const release = await project({ ...before, ...expand, ...contract });
    expectExit(await run(release, 'up'), 0);
    const { client } = await sessionOf(older, database);
    const waiting = release.start(['up', '--after-deploy', '--wait', '40s'], { env: database.env() });
    await waiting.saying('Waiting up to');
    // An instance of the older release restarts meanwhile: its own run must get the lock.
    expectExit(await older.run(['up'], { env: { ...database.env(), MIGRATE_WAIT: '1s' } }), 0);
    await client.end();
    expectExit(await waiting.result, 0);
    expect(await tables(database)).to.deep.equal(['accounts']);
    expectExit(await run(release, 'up', '--wait'), 2);
    expectExit(await run(release, 'up', '--after-deploy', '--wait', 'long'), 2);
  });

  it('give up when the older release does not end, and stop at a signal', async () => {
    const older = await project(before);
    const release = await project({ ...before, ...expand, ...contract });
    expectExit(await run(release, 'up'), 0);
    await sessionOf(older, database);
    expectExit(await run(release, 'up', '--after-deploy', '--wait', '100ms'), 7);
    const waiting = release.start(['up', '--after-deploy', '--wait'], { env: database.env() });
    await waiting.saying('Waiting up to');
    waiting.kill('SIGTERM');
    expectExit(await waiting.result, 143);
  });

  it('see sessions of another role, whose queries they may not see', async () => {
    const release = await project({ ...before, ...expand, ...contract });
    const older = await project(before);
    expectExit(await run(older, 'manifest', '--out', 'manifest.json'), 0);
    const role = await plainRole(database);
    await database.query(
      `GRANT ALL ON SCHEMA public TO ${role.name}; GRANT CREATE ON DATABASE ${database.name} TO ${role.name}`,
    );
    const own = await createDatabase();
    await own.query(
      `ALTER DATABASE ${own.name} OWNER TO ${role.name}; ALTER SCHEMA public OWNER TO ${role.name}`,
    );
    const env = {
      ...role.env(),
      DATABASE_URL: role.env().DATABASE_URL?.replace(database.name, own.name) ?? '',
    };
    expectExit(await release.run(['up'], { env }), 0);
    const client = await own.client();
    const name = releaseName({ manifest: join(older.root, 'manifest.json') });
    await client.query("SELECT set_config('application_name', $1, false)", [name]);
    const refused = await release.run(['up', '--after-deploy'], { env });
    expectExit(refused, 7);
    expect(refused.all).to.contain(name);
    await client.end();
    await own.query(`REASSIGN OWNED BY ${role.name} TO CURRENT_USER`);
  });

  it('may take away what lint would warn of in any other migration', async () => {
    const release = await project({ ...before, ...contract });
    const lint = await release.run(['lint', '--all', '--strict'], {
      env: { SHADOW_DATABASE_URL: database.url },
    });
    expect(lint.all).not.to.contain('drop-table');
    writeFileSync(join(release.root, 'db', 'migrations', `${v2}_drop-old.up.sql`), 'DROP TABLE old;\n');
    const ordinary = await release.run(['lint', '--all'], { env: { SHADOW_DATABASE_URL: database.url } });
    expect(ordinary.all).to.contain('drop-table');
  });

  it('are an up’s own: refused in a down, with a word behind them, and twice', async () => {
    const wrong = await project({
      [`${v1}_a.up.sql`]: '-- migrate: after-deploy now\nSELECT 1;\n',
      [`${v1}_a.down.sql`]: '-- migrate: after-deploy\nSELECT 1;\n',
      [`${v2}_b.up.sql`]: '-- migrate: after-deploy\n-- migrate: after-deploy\nSELECT 1;\n',
      [`${v2}_b.down.sql`]: 'SELECT 1;\n',
    });
    const result = await run(wrong, 'up');
    expectExit(result, 2);
    expect(result.all)
      .to.contain('takes nothing after it')
      .and.contain('belongs in the .up.sql')
      .and.contain('given twice');
  });
});

describe('the name of a release', () => {
  const manifest = (trackingTable: string, id: string) =>
    ({
      format: 1,
      toolVersion: '1',
      trackingTable,
      migrations: [{ id, checksum: '', meaning: '' }],
    }) as const;

  it('fits application_name, whatever the application is called, and is read back', () => {
    for (const table of ['public.pgmigrations', 'billing.history']) {
      for (const application of ['', 'shop', 'ü'.repeat(80), 'release 20200101000000']) {
        const name = formatReleaseName(manifest(table, `${v3}_invoices`), application);
        expect(Buffer.byteLength(name)).to.be.at.most(63);
        expect(parseReleaseName(name)?.version).to.equal(v3);
        expect(parseReleaseName(name)?.history === '').to.equal(table === 'public.pgmigrations');
      }
    }
    expect(parseReleaseName('psql')).to.equal(null);
  });
});
