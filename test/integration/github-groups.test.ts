// The folded parts of a log on GitHub Actions: each migration's lines are in its own, and what somebody must read is in none.
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';

const loud = (name: string) =>
  `DO $$ BEGIN RAISE NOTICE 'first of ${name}'; RAISE WARNING 'second of ${name}'; END $$;\n`;
const files = Object.fromEntries(
  ['a', 'b', 'c'].flatMap((name, i) => [
    [
      `2025010${i + 1}000000_${name}.up.sql`,
      `${name === 'b' ? '-- migrate: no-transaction\n' : ''}${loud(name)}`,
    ],
    [`2025010${i + 1}000000_${name}.down.sql`, 'SELECT 1;\n'],
  ]),
);

/** Where each line of a migration stands, and what must stand in no group but does. */
function readGroups(log: string): { readonly held: string[]; readonly folded: string[] } {
  const held: string[] = [];
  const folded: string[] = [];
  let open: string | null = null;
  for (const line of log.split('\n')) {
    const [, title] = /^::group::applying \d{14}_(\w)/.exec(line) ?? [];
    const [, of] = /(?:NOTICE|WARNING): (?:first|second) of (\w)/.exec(line) ?? [];
    if (title !== undefined) {
      if (open !== null) folded.push(line);
      open = title;
    } else if (line === '::endgroup::') open = null;
    else if (/^(?:ERROR|::error|Applied|State:| +(?:applied|FAILED))/.test(line)) {
      if (open !== null) folded.push(line);
    } else if (of !== undefined) held.push(`${of} in ${open}`);
  }
  return { held, folded: open === null ? folded : [...folded, `${open} is not closed`] };
}

describe('the groups of a log on GitHub Actions', () => {
  for (const [title, change, args] of [
    ['of a run', {}, ['--verbose']],
    ['of a run with --json', {}, ['--verbose', '--json']],
    ['of a run that fails', { '20250103000000_c.up.sql': `${loud('c')}SELECT nowhere;\n` }, ['--verbose']],
  ] as const) {
    it(`${title} hold the lines of their migrations, and nothing else that counts`, async () => {
      const tool = await project({ ...files, ...change });
      const database = await createDatabase();
      const result = await tool.run(['up', ...args], {
        env: {
          ...database.env(),
          GITHUB_ACTIONS: 'true',
          GITHUB_STEP_SUMMARY: join(tool.root, 'summary.md'),
        },
      });
      expectExit(result, Object.keys(change).length > 0 ? 3 : 0);
      const { held, folded } = readGroups(result.all);
      expect(folded, result.all).to.deep.equal([]);
      expect(held, result.all).to.deep.equal(['a in a', 'a in a', 'b in b', 'b in b', 'c in c', 'c in c']);
    });
  }
});
