// A generated state machine: random sequences of commands, edits and kills over small files, against a plain model of what
// must be in the database. Nothing twice, nothing skipped, nothing lost. In the end what the tool prints is typed until
// everything is applied: no dead end, no endless loop. MODEL_SECONDS makes it run longer, MODEL_WALKERS
// walks more sequences side by side, MODEL_SEED repeats a run, MODEL_SHRINK looks for the shortest sequence that fails.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { commands, idOf, pairs, type Real, tally, write } from '../support/history-commands.ts';
import { concurrent } from '../support/history-concurrent.ts';
import { HistoryModel } from '../support/history-model.ts';
import { tables } from '../support/history-scripts.ts';
import { runInProcess } from '../support/in-process.ts';
import { followRemedies } from '../support/remedies.ts';

const seconds = Number(process.env.MODEL_SECONDS ?? 10);
const walkers = Number(process.env.MODEL_WALKERS ?? 3);
const seed = Number(process.env.MODEL_SEED ?? process.env.TEST_SEED ?? Date.now() % 2 ** 31);

const sequences = fc.commands([...commands, concurrent, concurrent, concurrent], {
  maxCommands: 40,
  size: 'max',
});

/** The tables that migrations write to are there before them, and the ledger knows it. */
async function prepare(work: Project, database: TestDatabase): Promise<void> {
  work.write(`${idOf(0)}.up.sql`, tables);
  work.write(`${idOf(0)}.down.sql`, 'DROP TABLE public.log;');
  const { exitCode, said } = await runInProcess(work.root, database.env(), ['up']);
  expect(exitCode, said).to.equal(0);
}

async function startAnew(work: Project, database: TestDatabase): Promise<void> {
  const folder = join(work.root, 'db', 'migrations');
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { force: true, recursive: true });
  await database.query(
    'DELETE FROM public.log; DELETE FROM public.parent; DELETE FROM public.pgmigrations; DELETE FROM migration_ledger.applied; DELETE FROM migration_ledger.journal; DELETE FROM migration_ledger.snapshot',
  );
}

describe('any sequence of commands, edits and kills', function () {
  this.timeout((seconds + 60) * 1000);

  const walk = async (own: number, deadline: number) => {
    const database = await createDatabase();
    const work = await project();
    await prepare(work, database);
    const property = fc.asyncProperty(fc.tuple(pairs, sequences), async ([files, sequence]) => {
      if (Date.now() > deadline) return;
      await startAnew(work, database);
      const setup = () => {
        const model = new HistoryModel();
        const real: Real = { tool: work, database, story: [] };
        for (const [i, pair] of files.entries()) write(model, real, idOf(i * 2 + 2), pair());
        return { model, real };
      };
      const made = setup();
      await fc.asyncModelRun(() => made, sequence);
      await followRemedies(made.model, made.real);
    });
    const endOnFailure = process.env.MODEL_SHRINK === undefined;
    for (let next = own; Date.now() < deadline; next += walkers)
      await fc.assert(property, { seed: next, numRuns: 3, endOnFailure });
  };

  it(`leaves in the database what the model says (MODEL_SEED=${seed})`, async () => {
    const deadline = Date.now() + seconds * 1000;
    // Side by side, for each mostly waits for the server.
    await Promise.all(Array.from({ length: walkers }, (_, i) => walk(seed + i, deadline)));
    if (process.env.MODEL_SECONDS !== undefined) console.table([...tally].sort());
  });
});
