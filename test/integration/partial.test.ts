import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';

const files = {
  '20250101000000_numbers.up.sql':
    'CREATE TABLE public.numbers (n int); INSERT INTO public.numbers VALUES (1), (1);',
  '20250101000000_numbers.down.sql': 'DROP TABLE public.numbers;',
  '20250101000001_unique.up.sql':
    '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY numbers_n ON public.numbers (n);\nCREATE UNIQUE INDEX CONCURRENTLY numbers_key ON public.numbers (n);\nANALYZE public.numbers;',
  '20250101000001_unique.down.sql':
    '-- migrate: no-transaction\nDROP INDEX CONCURRENTLY public.numbers_key;\nDROP INDEX CONCURRENTLY public.numbers_n;',
};

describe('a no-transaction migration that stopped half-way', () => {
  it('is shown by status as partial, with the statement that is next', async () => {
    const database = await createDatabase();
    const { run } = await project(files);
    const env = database.env();
    expectExit(await run(['up'], { env }), 3);

    const human = await run(['status'], { env });
    expect(human.stdout).to.include('partial (statement 2 of 3)');
    const [, second] = (await run(['status', '--json'], { env })).json().migrations as Record<
      string,
      unknown
    >[];
    expect(second).to.deep.include({ state: 'partial', partial: { direction: 'up', statement: 2, of: 3 } });
  });

  it('is settled by a person with repair --resolve, and only while it is half-way', async () => {
    const database = await createDatabase();
    const { run } = await project(files);
    const env = database.env();
    expectExit(await run(['up'], { env }), 3);

    const resolve = ['repair', '--resolve', '20250101000001', 'applied', '--reason', 'built by hand'];
    expectExit(await run(resolve, { env }), 0);
    expect((await run(['status'], { env })).stdout).not.to.include('partial');
    expectExit(await run(resolve, { env }), 2);
  });
});
