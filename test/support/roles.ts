// Takes a database; gives roles that may do less than its owner. It knows nothing of migrations.
import { randomBytes } from 'node:crypto';
import { cleanUpAfterTest } from './cleanup.ts';
import { adminClient, type TestDatabase } from './database.ts';

export interface Role {
  readonly name: string;
  env(): Record<string, string>;
}

/** No word of any message: a process that has it as a password hides it for good, in what a later test reads too. */
export const plainPassword = 'of-a-plain-role';

/** A role that may log in and nothing else. */
export async function plainRole(database: TestDatabase): Promise<Role> {
  const admin = await adminClient();
  const name = `role_${randomBytes(5).toString('hex')}`;
  await admin.query(`CREATE ROLE ${name} LOGIN PASSWORD '${plainPassword}'`);
  cleanUpAfterTest(async () => {
    await database.query(`DROP OWNED BY ${name} CASCADE`);
    await admin.query(`DROP ROLE ${name}`);
  });
  const { DATABASE_URL = '' } = database.env();
  return {
    name,
    env: () => ({
      DATABASE_URL: DATABASE_URL.replace(`//${database.user}@`, `//${name}@`),
      PGPASSWORD: plainPassword,
    }),
  };
}
