// Gives a release of two migrations with its manifest and an empty database, and how its gate refuses.
// It must not know what a test expects.
import { join } from 'node:path';
import type pg from 'pg';
import { assertSchema, type GateOptions, type MigrateError } from '../../scripts/gate/gate.ts';
import { expectExit, type Project, project } from './cli.ts';
import { createDatabase, type TestDatabase } from './database.ts';

const files = {
  '20250101000000_customers.up.sql': 'CREATE TABLE customers (id bigint PRIMARY KEY);\n',
  '20250101000000_customers.down.sql': 'DROP TABLE customers;\n',
  '20250102000000_orders.up.sql': 'CREATE TABLE orders (id bigint PRIMARY KEY);\n',
  '20250102000000_orders.down.sql': 'DROP TABLE orders;\n',
};

export interface Release {
  readonly tool: Project;
  readonly database: TestDatabase;
  readonly client: pg.Client;
  readonly manifest: string;
  run(...args: string[]): Promise<void>;
}

/** A release of the two migrations with its manifest, and an empty database. */
export async function release(): Promise<Release> {
  const tool = await project(files);
  const database = await createDatabase();
  const env = database.env();
  const run = async (...args: string[]) => expectExit(await tool.run(args, { env }), 0);
  await run('manifest', '--out', 'release/manifest.json');
  return {
    tool,
    database,
    run,
    client: await database.client(),
    manifest: join(tool.root, 'release', 'manifest.json'),
  };
}

export async function refused(options: GateOptions): Promise<MigrateError> {
  try {
    await assertSchema(options);
  } catch (error) {
    return error as MigrateError;
  }
  throw new Error('the gate let it through');
}
