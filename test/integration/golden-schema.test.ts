// The SQL that the tool writes of a schema, and of the way from one schema to another, held against approved files:
// test/fixtures/golden/schema. They are PostgreSQL 16's: other major versions print some expressions in another way.
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { defaultMajor } from '../../scripts/base/postgres-major.ts';
import { transition } from '../../scripts/schema/change/transition.ts';
import { renderSchema } from '../../scripts/schema/render/render.ts';
import { defaultSchemaOptions } from '../../scripts/schema/types.ts';
import { createDatabase } from '../support/database.ts';
import { expectGolden, goldenPath } from '../support/golden.ts';
import { testMajor } from '../support/postgres.ts';
import { queryOn, snapshotOf } from '../support/schema.ts';

describe('The SQL that is written of a schema, to the letter', () => {
  before(function () {
    if (testMajor !== defaultMajor) this.skip();
  });

  for (const name of readdirSync(goldenPath('schema'))) {
    it(`for ${name}`, async () => {
      const database = async (file: string) => {
        const query = queryOn(await (await createDatabase()).client());
        await query(readFileSync(goldenPath('schema', name, file), 'utf8'));
        return query;
      };
      const before = (await snapshotOf(await database('before.sql'))).objects;
      const live = await database('after.sql');
      const after = (await snapshotOf(live)).objects;
      const { sql, unsupported } = await renderSchema(live, defaultSchemaOptions);
      expect(unsupported).to.deep.equal([]);
      expectGolden(goldenPath('schema', name, 'schema.sql'), sql);
      const way = (from: typeof before, to: typeof before, back: boolean) => {
        const { statements, unfinished } = transition(from, to, back);
        const left = unfinished.map(
          ({ difference: { kind, identity }, why }) => `-- left to a person: ${kind} ${identity}: ${why}`,
        );
        return [...statements, ...left].join('\n');
      };
      expectGolden(goldenPath('schema', name, 'up.sql'), way(before, after, false));
      expectGolden(goldenPath('schema', name, 'down.sql'), way(after, before, true));
    });
  }
});
