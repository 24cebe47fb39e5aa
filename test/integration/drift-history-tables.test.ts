// Tables in which other migration tools keep what they ran, and what they keep beside it, come and go without being drift.
import { expect } from 'chai';
import pg from 'pg';
import { foreignTables, sideTables } from '../../scripts/history/foreign-tools.ts';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair, versionOf } from '../support/migrations.ts';

const named = pg.escapeIdentifier;

/** With a key of its own and its sequence where the tool's table may have more columns than those it is told by. */
function tableOf(schema: string, table: string, columns: readonly string[], only = false): string {
  const typed = columns.map((column) => {
    const [, name = '', type = 'text'] = /^(\S+)(?: (.*))?$/.exec(column) ?? [];
    return `${named(name)} ${type.replace('varying', 'varying(255)')}`;
  });
  const own = only ? [] : ['own_key serial PRIMARY KEY'];
  return `CREATE TABLE ${named(schema)}.${named(table)} (${[...typed, ...own].join(', ')});`;
}

describe('Tables of other migration tools', () => {
  it('are no drift, nor what lies beside them, and any other table is', async () => {
    const histories = foreignTables.map(({ table, columns, only, beside }, i) => {
      const schema = `tool_${i}`;
      return {
        schema,
        sql: [
          tableOf(schema, table, columns, only),
          ...(beside === undefined ? [] : [tableOf(schema, beside, ['key', 'value'])]),
        ],
      };
    });
    const besides = sideTables.map(({ table, columns, beside }, i) => {
      const schema = `beside_${i}`;
      const main = foreignTables.find((known) => known.table === beside)!;
      return { schema, sql: [tableOf(schema, beside, main.columns, true), tableOf(schema, table, columns)] };
    });
    const all = [...histories, ...besides];
    const schemas = all.map(({ schema }) => `CREATE SCHEMA ${schema};`).join('\n');
    const database = await createDatabase();
    const tool = await project(pair(`${versionOf(1)}_schemas`, schemas, 'SELECT 1;'));
    const env = database.env();
    expectExit(await tool.run(['up'], { env }), 0);
    await database.query(all.flatMap(({ sql }) => sql).join('\n'));
    const result = await tool.run(['drift', '--json'], { env });
    expect(result.json().drift.differences).to.deep.equal([]);
    expectExit(result, 0);
    // A lock without its history is somebody's table.
    await database.query(tableOf('public', 'knex_migrations_lock', ['index', 'is_locked']));
    expectExit(await tool.run(['drift'], { env }), 5);
  });
});
