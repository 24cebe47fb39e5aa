// Which migration made and last changed a table, held against the comparison of snapshots for every kind of change.
import { expect } from 'chai';
import type pg from 'pg';
import { recordOrigins } from '../../scripts/schema/document/origins.ts';
import { buildModel, type Model } from '../../scripts/schema/render/model.ts';
import { defaultSchemaOptions, type ObjectClass, type Snapshot } from '../../scripts/schema/types.ts';
import { tableChanges } from '../fixtures/schema/changes.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { changesSince, queryOn, schemaFixture, snapshotOf } from '../support/schema.ts';

/** Classes that belong to a table as the page shows it. */
const shown = ['relation', 'column', 'constraint', 'index', 'trigger', 'rule', 'policy'];

describe('the migration behind a table', () => {
  let database: TestDatabase;
  let client: pg.Client;
  let role: string;
  let base: Snapshot;
  const options = defaultSchemaOptions;

  before(async () => {
    database = await createDatabase();
    client = await database.client();
    role = `schema_origins_${process.pid}`;
    await client.query(`CREATE ROLE ${role}`);
    await client.query(schemaFixture('one-of-everything.sql'));
    await client.query(schemaFixture('beyond.sql'));
    base = await snapshotOf(queryOn(client), options);
  });

  after(async () => {
    await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  const tableOf = (models: readonly Model[], kind: string, identity: string) =>
    models
      .map((model) => model.find(kind as ObjectClass, identity)?.table)
      .find((table) => table !== undefined) ?? identity;

  for (const [kind, identity, sql] of tableChanges.filter(([each]) => shown.includes(each))) {
    it(`is the one that ran: ${sql}`, async () => {
      const query = queryOn(client);
      const recorder = recordOrigins(query);
      await recorder.after('first');
      await query('BEGIN');
      try {
        await query(sql.replaceAll('$role', role).replaceAll('$db', database.name));
        await recorder.after('second');
        const differences = await changesSince(base, query, options, 'running');
        const now = await snapshotOf(query, options, 'running');
        const models = [buildModel(now.objects), buildModel(base.objects)];
        const origins = recorder.origins();
        const changed = [...origins]
          .filter(([, origin]) => origin.changed === 'second')
          .map(([name]) => name);
        const table = tableOf(models, kind, identity);
        if (origins.has(table)) expect(changed).to.include(table);
        // No other table than those that the comparison names something of.
        const named = differences.map((each) => tableOf(models, each.kind, each.identity));
        // A partition is shown with its table.
        const parents = named.flatMap((name) =>
          models.map((model) => model.find('relation', name)?.parts.get('partition_of')),
        );
        expect(changed.filter((name) => ![...named, ...parents].includes(name))).to.deep.equal([]);
      } finally {
        await query('ROLLBACK');
      }
    });
  }

  it('is found without reading columns where no table changed, and follows renames', async () => {
    const sent: string[] = [];
    const query = queryOn(client);
    const recorder = recordOrigins((text, values) => {
      sent.push(text);
      return query(text, values);
    });
    await recorder.after('first');
    await recorder.after('second');
    expect(sent).to.have.length(3);
    await query(
      'ALTER TABLE public.plain RENAME nothing TO something; ALTER TABLE public.plain RENAME TO simple',
    );
    await recorder.after('third');
    const found = recorder.origins().get('public.simple');
    expect([found?.made, found?.changed]).to.deep.equal(['first', 'third']);
    expect(found?.columns.get('something')).to.deep.equal({ made: 'first', changed: 'third' });
    expect(found?.columns.get('id')).to.deep.equal({ made: 'first', changed: 'first' });
  });
});
