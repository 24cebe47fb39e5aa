// The application's gate: what a release was built with, against what the database has.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { assertSchema, checkSchema, releaseName } from '../../scripts/gate/gate.ts';
import { MigrationGateModule } from '../../scripts/gate/nest.ts';
import { expectExit } from '../support/cli.ts';
import { refused, release } from '../support/release.ts';

const silent = { log: () => {}, warn: () => {} };

describe('the manifest of a release', () => {
  it('names each migration with its checksums, the same text each time', async () => {
    const { tool, manifest, run } = await release();
    const first = readFileSync(manifest, 'utf8');
    await run('manifest', '--out', 'release/manifest.json');
    expect(readFileSync(manifest, 'utf8')).to.equal(first);
    const { migrations, trackingTable } = JSON.parse(first);
    expect(trackingTable).to.equal('public.pgmigrations');
    expect(migrations.map(({ id }: { id: string }) => id)).to.deep.equal([
      '20250101000000_customers',
      '20250102000000_orders',
    ]);
    expect(first).not.to.include('CREATE TABLE');
    expectExit(await tool.run(['manifest']), 0);
    expect(readFileSync(join(tool.root, 'migrations.json'), 'utf8')).to.equal(first);
  });
});

describe('the application’s gate', () => {
  it('refuses an option that it does not know: the application would start on what it must not', async () => {
    const wrong: [options: object, message: string][] = [
      [{ fingerPrint: true }, 'knows no option "fingerPrint". Did you mean fingerprint?'],
      [{ pool: {} }, 'knows no option "pool". It knows client, connection, manifest'],
      [{ fingerprint: 'true' }, 'The option "fingerprint" of assertSchema() is true or false.'],
      [{ client: null }, 'The option "client" of assertSchema() is an object with query()'],
      [{ environment: ['production'] }, 'The option "environment" of assertSchema() is a text.'],
      [{ manifest: 1 }, 'The option "manifest" of assertSchema() is a manifest, or its path.'],
    ];
    for (const [options, message] of wrong) {
      const error = await refused(options);
      expect(error.code).to.equal('usage');
      expect(error.message).to.include(message);
    }
    const both = [checkSchema({ onMismatch: 'refuse' } as object), assertSchema({ toString: 1 } as object)];
    for (const { reason } of (await Promise.allSettled(both)) as PromiseRejectedResult[])
      expect(reason.message).to.include('knows no option');
    expect(() => releaseName({ app: 'shop' } as object)).to.throw(
      'releaseName() knows no option "app". It knows manifest, application.',
    );
    const module = (options: object) => {
      const [, gate] = MigrationGateModule.forRoot(options).providers as unknown as {
        useFactory(given: object): Promise<unknown>;
      }[];
      return gate!.useFactory(options).catch(({ message }: Error) => message);
    };
    expect(await module({ onmismatch: 'not-ready' })).to.include('Did you mean onMismatch?');
    expect(await module({ onMismatch: 'notReady' })).to.include("is 'refuse' or 'not-ready'.");
    expect(await module(undefined as never)).to.equal('MigrationGateModule takes an object of options.');
    expect(await module({ keepMs: '30s' })).to.include('"keepMs" of MigrationGateModule is a number.');
  });

  it('refuses an empty database and lists what it lacks', async () => {
    const { client, manifest } = await release();
    const error = await refused({ client, manifest });
    expect(error.code).to.equal('pending');
    expect(error.message).to.include('20250101000000_customers, 20250102000000_orders');
    expect(error.message).to.include('make migrate-up');
  });

  it('refuses a database that is behind', async () => {
    const { client, manifest, run } = await release();
    await run('up', '--n', '1');
    const error = await refused({ client, manifest });
    expect(error.message).to.include('lacks: 20250102000000_orders.');
  });

  it('lets a migrated database through, in two queries', async () => {
    const { client, manifest, run } = await release();
    await run('up');
    let queries = 0;
    const counting = {
      query: (text: string, values?: unknown[]) => {
        queries += 1;
        return client.query(text, values);
      },
    };
    const state = await assertSchema({ client: counting, manifest, logger: silent });
    expect(state).to.include({ ready: true, state: 'current' });
    expect(queries).to.equal(2);
  });

  it('lets a database through that is ahead, and says so', async () => {
    const { tool, client, manifest, run } = await release();
    tool.write('20250103000000_later.up.sql', 'CREATE TABLE later (id bigint);\n');
    tool.write('20250103000000_later.down.sql', 'DROP TABLE later;\n');
    await run('up');
    const warnings: string[] = [];
    const logger = { ...silent, warn: (text: string) => void warnings.push(text) };
    const state = await assertSchema({ client, manifest, logger });
    expect(state.ahead).to.deep.equal(['20250103000000_later']);
    expect(warnings.join()).to.include('20250103000000_later');
    const deaf = () => Promise.reject(new Error('the log is gone'));
    expect(await assertSchema({ client, manifest, logger: { log: deaf, warn: deaf } })).to.deep.equal(state);
  });

  it('is not ready while a migration of the release is half applied or half reverted', async () => {
    const { tool, database, client, manifest, run } = await release();
    const env = database.env();
    await run('up', '--n', '1');
    const outside = '-- migrate: no-transaction\n';
    tool.write('20250102000000_orders.up.sql', `${outside}CREATE TABLE orders (id bigint);\nSELECT 1/0;\n`);
    expectExit(await tool.run(['up'], { env }), 3);
    expect(await checkSchema({ client, manifest })).to.include({ ready: false, state: 'half-done' });
    tool.write('20250102000000_orders.up.sql', 'CREATE TABLE orders (id bigint);\n');
    await run('up');
    tool.write('20250102000000_orders.down.sql', `${outside}DROP TABLE orders;\nSELECT 1/0;\n`);
    expectExit(await tool.run(['down', '--from-disk'], { env }), 3);
    const error = await refused({ client, manifest });
    expect(error.code).to.equal('history');
    expect(error.message).to.include('half done: 20250102000000_orders');
  });

  it('lets a release start beside a newer one whose migration is under way', async () => {
    const { tool, database, client, manifest, run } = await release();
    await run('up');
    const outside = '-- migrate: no-transaction\n';
    tool.write('20250103000000_later.up.sql', `${outside}CREATE TABLE later (id int);\nSELECT 1/0;\n`);
    tool.write('20250103000000_later.down.sql', 'DROP TABLE later;\n');
    expectExit(await tool.run(['up'], { env: database.env() }), 3);
    expect(await checkSchema({ client, manifest })).to.include({ ready: true });
  });

  it('refuses a migration that was applied with another text', async () => {
    const { tool, client, manifest, run } = await release();
    tool.write('20250102000000_orders.up.sql', 'CREATE TABLE orders (id integer PRIMARY KEY);\n');
    await run('up');
    const error = await refused({ client, manifest });
    expect(error.code).to.equal('history');
    expect(error.message).to.include('20250102000000_orders');
  });

  it('takes comments and white space for what they are', async () => {
    const { tool, client, manifest, run } = await release();
    tool.write(
      '20250102000000_orders.up.sql',
      '-- orders\nCREATE TABLE orders (\n  id bigint PRIMARY KEY\n);\n',
    );
    await run('up');
    expect(await checkSchema({ client, manifest })).to.include({ ready: true, state: 'current' });
  });

  it('refuses a database of another environment', async () => {
    const { client, manifest, run } = await release();
    await run('up');
    const error = await refused({ client, manifest, environment: 'production' });
    expect(error.code).to.equal('refused');
    expect(error.message).to.match(/stamped as development.*runs as production/);
    const state = await checkSchema({ client, manifest, environment: 'development' });
    expect(state).to.include({ ready: true, environment: 'development' });
  });

  it('knows a database that only node-pg-migrate has migrated', async () => {
    const { client, manifest, run } = await release();
    await run('up');
    await client.query('DROP SCHEMA migration_ledger CASCADE');
    expect(await checkSchema({ client, manifest })).to.include({ ready: true, environment: null });
  });

  it('connects by itself with a URL or variables', async () => {
    const { manifest, database, run } = await release();
    await run('up');
    for (const connection of [database.url, database.env()]) {
      expect(await checkSchema({ connection, manifest })).to.include({ ready: true });
    }
  });

  it('tells at once where no database is named, instead of trying for one on this machine', async () => {
    const { manifest } = await release();
    for (const connection of ['', {}, { DATABASE_URL: '' }]) {
      const error = await refused({ connection, manifest });
      expect(error).to.include({ code: 'usage', message: 'The gate has no database to look at' });
    }
  });

  it('takes drivers that give bare rows, as TypeORM does', async () => {
    const { client, manifest, run } = await release();
    await run('up');
    const typeorm = {
      query: async (text: string, values?: unknown[]) => (await client.query(text, values)).rows,
    };
    expect(await checkSchema({ client: typeorm, manifest })).to.include({ ready: true });
  });

  it('says how to make a manifest that is missing or broken', async () => {
    const { client, tool } = await release();
    const missing = await refused({ client, manifest: join(tool.root, 'none.json') });
    expect(missing.message).to.include('make manifest');
    tool.write('release/manifest.json', '{"format": 2}');
    const broken = await refused({ client, manifest: join(tool.root, 'release', 'manifest.json') });
    expect(broken.message).to.include('no manifest');
  });

  describe('asked to compare the schema as well', () => {
    /** A release with its db/schema.sql, and a manifest that has its fingerprint. */
    async function withSchema() {
      const made = await release();
      const { run, manifest, database, tool } = made;
      const shadow = { SHADOW_DATABASE_URL: database.url };
      expectExit(await tool.run(['schema'], { env: shadow }), 0);
      await run('manifest', '--out', 'release/manifest.json');
      const options = { client: made.client, manifest, fingerprint: true, logger: silent };
      return { ...made, options };
    }

    it('lets the schema of the release through, in two queries more', async () => {
      const { options, client, run, manifest } = await withSchema();
      await run('up');
      let queries = 0;
      const counting = {
        query: (text: string, values?: unknown[]) => {
          queries += 1;
          return client.query(text, values);
        },
      };
      const state = await assertSchema({ ...options, client: counting });
      expect(state).to.include({ ready: true, state: 'current' });
      expect(state.fingerprint).to.equal(JSON.parse(readFileSync(manifest, 'utf8')).fingerprint);
      expect(queries).to.equal(4);
    });

    it('refuses one that a run left otherwise, and one that no run has stored', async () => {
      const { options, run, database, client } = await withSchema();
      await run('up', '--n', '1');
      await database.query('CREATE TABLE by_hand (id int)');
      await run('drift', '--accept', '--reason', 'needed');
      expect((await refused(options)).code, 'behind comes first').to.equal('pending');
      await run('up');
      const error = await refused(options);
      expect(error.code).to.equal('drift');
      expect(error.message).to.match(
        /fingerprint [0-9a-f]{16}, this release’s is [0-9a-f]{16}.*make migrate-up/,
      );
      expect(await checkSchema(options)).to.include({ ready: false, state: 'other-schema' });
      expect(await checkSchema({ ...options, fingerprint: false })).to.include({ ready: true });
      await client.query('DELETE FROM migration_ledger.snapshot');
      expect((await refused(options)).message).to.include('holds no schema');
    });

    it('does not ask where the database is ahead or a migration waits for the start', async () => {
      const { options, run, tool, client } = await withSchema();
      tool.write('20250103000000_later.up.sql', 'CREATE TABLE later (id bigint);\n');
      tool.write('20250103000000_later.down.sql', 'DROP TABLE later;\n');
      await run('up');
      expect(await checkSchema(options)).to.include({ ready: true, state: 'ahead', fingerprint: null });
      await run('down');
      tool.write('20250103000000_later.up.sql', '-- migrate: after-deploy\nDROP TABLE orders;\n');
      tool.write('20250103000000_later.down.sql', 'CREATE TABLE orders (id bigint PRIMARY KEY);\n');
      const content = JSON.parse(readFileSync(options.manifest, 'utf8'));
      const later = { ...content.migrations[1], id: '20250103000000_later', afterDeploy: true };
      const manifest = {
        ...content,
        fingerprint: '0'.repeat(16),
        migrations: [...content.migrations, later],
      };
      expect(await checkSchema({ ...options, client, manifest })).to.include({
        ready: true,
        state: 'current',
      });
    });

    it('says what is missing where the release has no fingerprint, or a stale one', async () => {
      const { tool, client, manifest, run } = await release();
      const error = await refused({ client, manifest, fingerprint: true });
      expect(error.code).to.equal('usage');
      expect(error.message).to.include('make schema');
      const { root, write } = tool;
      write('db/schema.sql', '-- fingerprint: 0123456789abcdef\n-- newest: 20250101000000_customers\n');
      const told = await tool.run(['manifest', '--out', 'release/manifest.json'], { env: {} });
      expect(told.stdout).to.include('is of 20250101000000_customers');
      expect(readFileSync(join(root, 'release', 'manifest.json'), 'utf8')).not.to.include('fingerprint');
      await run('up');
      const wrong = { ...JSON.parse(readFileSync(manifest, 'utf8')), fingerprint: 'x' };
      expect((await refused({ client, manifest: wrong })).message).to.include('is no manifest');
    });
  });

  it('is quick and brings back one row with a thousand migrations', async () => {
    const { client, manifest, run } = await release();
    await run('up');
    const content = JSON.parse(readFileSync(manifest, 'utf8'));
    const many = Array.from({ length: 1000 }, (_, i) => ({
      ...content.migrations[0],
      id: `2024${String(i).padStart(10, '0')}_m`,
    }));
    const state = await checkSchema({ client, manifest: { ...content, migrations: many } });
    expect(state.behind.length).to.equal(1000);
    expect(state.message.length).to.be.lessThan(1000);
  });
});
