// Every kind of change that somebody might make by hand is seen by the gate and named by the comparison.
import { expect } from 'chai';
import type pg from 'pg';
import { readChangeToken } from '../../scripts/schema/catalog/change-token.ts';
import { describeDifference } from '../../scripts/schema/change/diff.ts';
import { defaultSchemaOptions, type SchemaOptions, type Snapshot } from '../../scripts/schema/types.ts';
import { type Change, tableChanges } from '../fixtures/schema/changes.ts';
import { privilegeChanges, programChanges } from '../fixtures/schema/program-changes.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { changesSince, queryOn, schemaFixture, snapshotOf } from '../support/schema.ts';

describe('a change by hand', () => {
  let database: TestDatabase;
  let client: pg.Client;
  let role: string;
  const base = new Map<SchemaOptions, { gate: string; snapshot: Snapshot }>();
  const withPrivileges: SchemaOptions = { ...defaultSchemaOptions, include: ['owners', 'grants'] };

  before(async () => {
    database = await createDatabase();
    client = await database.client();
    role = `schema_changes_${process.pid}`;
    await client.query(`CREATE ROLE ${role}`);
    await client.query(schemaFixture('one-of-everything.sql'));
    await client.query(schemaFixture('beyond.sql'));
    const query = queryOn(client);
    for (const options of [defaultSchemaOptions, withPrivileges]) {
      base.set(options, {
        gate: await readChangeToken(query, options),
        snapshot: await snapshotOf(query, options),
      });
    }
  });

  after(async () => {
    await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  const fill = (text: string) =>
    text.replaceAll('$role', role).replaceAll('$db', database.name).replaceAll('postgres', database.user);

  async function check([kind, identity, sql, undo]: Change, options: SchemaOptions): Promise<void> {
    const query = queryOn(client);
    const { gate, snapshot } = base.get(options)!;
    await query('BEGIN');
    try {
      await query(fill(sql));
      expect(await readChangeToken(query, options), 'the gate').not.to.equal(gate);
      const differences = await changesSince(snapshot, query, options, 'running');
      const seen = differences.map((difference) => `${difference.kind} ${difference.identity}`);
      expect(seen, 'the comparison').to.include(`${kind} ${fill(identity)}`);
      for (const line of differences.map(describeDifference)) expect(line).to.match(/^[+~-] [^\n]+$/);
      expect(JSON.stringify(differences)).not.to.include('hunter2');
      if (process.env.SHOW_DIFFERENCES)
        console.log(differences.map((d) => `        ${describeDifference(d)}`).join('\n'));
      if (undo === undefined) return;
      await query(fill(undo));
      const left = await changesSince(snapshot, query, options, 'running');
      expect(
        left.filter(({ severity }) => severity === 'drift').map(describeDifference),
        'after undoing it',
      ).to.deep.equal([]);
    } finally {
      await query('ROLLBACK');
    }
  }

  for (const change of [...tableChanges, ...programChanges]) {
    it(`is seen: ${change[2].replaceAll(/\s+/g, ' ')}`, () => check(change, defaultSchemaOptions));
  }

  for (const change of privilegeChanges) {
    it(`is seen where the configuration asks for it: ${change[2]}`, () => check(change, withPrivileges));

    it(`is left alone otherwise: ${change[2]}`, async () => {
      const query = queryOn(client);
      const { snapshot } = base.get(defaultSchemaOptions)!;
      await query('BEGIN');
      await query(fill(change[2]));
      const differences = await changesSince(snapshot, query, defaultSchemaOptions, 'running');
      await query('ROLLBACK');
      expect(differences).to.deep.equal([]);
    });
  }

  it('leaves nothing behind once it is rolled back', async () => {
    const query = queryOn(client);
    for (const [options, { gate, snapshot }] of base) {
      expect(await changesSince(snapshot, query, options)).to.deep.equal([]);
      expect(await readChangeToken(query, options)).to.equal(gate);
    }
  });
});
