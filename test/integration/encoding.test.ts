// Databases of other encodings than UTF8: what they can hold is applied and recorded as ever, what they cannot is named before
// anything runs, and nobody's name keeps a run from being recorded.
import { expect } from 'chai';
import { project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';
import { pair } from '../support/migrations.ts';

/** A database with one migration applied, whose text is not ASCII. */
async function scene(encoding: string, word: string) {
  const database = await createDatabase({ encoding });
  const table = `CREATE TABLE "${word}" (note text DEFAULT '${word}');`;
  const tool = await project(pair(1, 'words', table, `DROP TABLE "${word}"; -- ${word}`));
  const run = (args: readonly string[], variables = {}) =>
    runInProcess(tool.root, { ...database.env(), ...variables }, args);
  const { said, exitCode } = await run(['up']);
  expect(exitCode, said).to.equal(0);
  return { database, tool, run };
}

describe('a database of another encoding', () => {
  for (const [encoding, word] of [
    ['LATIN1', 'déjà'],
    ['WIN1251', 'ещё'],
    ['EUC_JP', '日本'],
    ['SQL_ASCII', '日本→é'],
  ] as const) {
    it(`goes up, down and up again with all that ${encoding} can hold, and is no drift`, async () => {
      const { run, database } = await scene(encoding, word);
      for (const command of ['down', 'up', 'drift'])
        expect((await run([command])).exitCode, command).to.equal(0);
      const [kept] = await database.query<{ down_sql: string }>(
        'SELECT down_sql FROM migration_ledger.entries ORDER BY seq DESC LIMIT 1',
      );
      expect(kept?.down_sql).to.include(word);
    });
  }

  it('is told which character of which file it has not, before anything runs', async () => {
    const { tool, run, database } = await scene('LATIN1', 'déjà');
    for (const { path, text } of [
      { path: '20250101000002_next.up.sql', text: "SELECT 1;\nSELECT 'é', '→';" },
      { path: '20250101000002_next.down.sql', text: 'DROP TABLE b;\n-- back:     →' },
    ]) {
      const next = pair(2, 'next', 'CREATE TABLE b ();', 'DROP TABLE b;');
      for (const [name, sql] of Object.entries(next)) tool.write(name, sql);
      tool.write(path, text);
      const { exitCode, said } = await run(['up']);
      expect(exitCode, said).to.equal(2);
      expect(said)
        .to.include(`db/migrations/${path}:2:14`)
        .and.include("The database's encoding, LATIN1, has no →");
    }
    expect(await database.query("SELECT FROM pg_tables WHERE tablename = 'b'")).to.deep.equal([]);
  });

  it('reverts what it has whatever the file says meanwhile, and from disk only what it can hold', async () => {
    const { tool, run } = await scene('LATIN1', 'déjà');
    tool.write('20250101000001_words.down.sql', '-- → nowhere\nDROP TABLE "déjà";');
    const refused = await run(['down', '--from-disk']);
    expect(refused.exitCode, refused.said).to.equal(2);
    const { exitCode, said } = await run(['down']);
    expect(exitCode, said).to.equal(0);
  });

  it('records who ran, whatever the name, and says what of a reason it cannot hold', async () => {
    const { run, database } = await scene('LATIN1', 'déjà');
    expect((await run(['down'], { MIGRATE_ACTOR: 'łukasz' })).exitCode).to.equal(0);
    const refused = await run(['repair', '--record', '20250101000001', 'applied', '--reason', 'a → b']);
    expect(refused.exitCode, refused.said).to.equal(3);
    expect(refused.said).to.include('LATIN1, has no →: leave it out');
    const log = await database.query(
      'SELECT command, actor, options FROM migration_ledger.audit ORDER BY seq DESC LIMIT 2',
    );
    expect(log).to.deep.equal([
      {
        command: 'repair',
        actor: log[0]?.actor,
        options: '--record 20250101000001 applied --reason "a U+2192 b"',
      },
      { command: 'down', actor: 'U+142ukasz', options: '' },
    ]);
  });
});
