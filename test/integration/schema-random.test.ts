// Schemas made up at random: as SQL they give an empty database the same schema, judged by differences, fingerprint and a
// reading of the catalogs without our queries. SCHEMA_SEED and SCHEMA_RUNS look for more.
import { expect } from 'chai';
import fc from 'fast-check';
import { describeDifference, diffSnapshots } from '../../scripts/schema/change/diff.ts';
import { renderSchema } from '../../scripts/schema/render/render.ts';
import { defaultSchemaOptions, type Query } from '../../scripts/schema/types.ts';
import { catalogRows } from '../support/catalog-rows.ts';
import { createDatabase } from '../support/database.ts';
import { groundwork, randomSchema } from '../support/random-schema.ts';
import { fingerprintOf, queryOn, snapshotOf } from '../support/schema.ts';

const seed = Number(process.env.SCHEMA_SEED ?? 1);
const runs = Number(process.env.SCHEMA_RUNS ?? 1);

async function emptyDatabase(): Promise<Query> {
  return queryOn(await (await createDatabase()).client());
}

/** The statements that this server takes, one after the other. */
async function build(statements: readonly string[]): Promise<Query> {
  const query = await emptyDatabase();
  await query(`SET client_min_messages = error; ${groundwork.join(';')}`);
  for (const statement of statements) await query(statement).catch(() => {});
  await query('RESET ALL');
  return query;
}

describe('schemas made up at random', () => {
  for (let i = seed; i < seed + runs; i += 1) {
    it(`give an empty database the same schema, with seed ${i}`, async () => {
      const [statements = []] = fc.sample(randomSchema(150), { numRuns: 1, seed: i });
      const original = await build(statements);
      const { sql } = await renderSchema(original, defaultSchemaOptions);
      const copy = await emptyDatabase();
      await copy(sql);
      await copy('RESET ALL');
      const differences = diffSnapshots(
        (await snapshotOf(original)).objects,
        (await snapshotOf(copy)).objects,
      );
      expect(differences.map(describeDifference)).to.deep.equal([]);
      expect(await fingerprintOf(copy)).to.equal(await fingerprintOf(original));
      expect(await catalogRows(copy)).to.deep.equal(await catalogRows(original));
    });
  }
});
