// The rules on distributed tables, asked by the text of one file. Citus itself is held to the same cases in citus.test.ts.
import { expect } from 'chai';
import { loadParser } from '../../scripts/files/statements.ts';
import { distributedKeyRules } from '../../scripts/lint/rules/distributed-keys.ts';
import { distributedTableRules } from '../../scripts/lint/rules/distributed-tables.ts';
import type { Step } from '../../scripts/lint/rules/rule.ts';
import { readActions } from '../../scripts/lint/statement/actions.ts';
import { readName } from '../../scripts/lint/statement/citus-calls.ts';
import { spreadCases, spreadTables } from '../support/citus-cases.ts';
import { migration } from '../support/lint.ts';

const asked = [...distributedKeyRules, ...distributedTableRules].filter(
  ({ severity }) => severity === 'error',
);

describe('lint: distributed tables', () => {
  it('says by the text of one file what Citus refuses', async () => {
    const parse = await loadParser(16);
    const stepsOf = (sql: string): Step[] => {
      const parsed = parse(sql);
      if (parsed.ok !== true) throw new Error(`does not parse: ${sql}`);
      return parsed.statements.flatMap(({ text }) => {
        const alone = parse(text);
        const [statement] = alone.ok === true ? alone.statements : [];
        return statement === undefined ? [] : [{ statement, actions: readActions(statement) }];
      });
    };
    const base = stepsOf(spreadTables);
    const { up: file } = migration('20250101000000_change', 'SELECT 1;');
    for (const [sql, rule] of spreadCases) {
      const steps = [...base, ...stepsOf(sql)];
      const found = steps.flatMap((step, i) => {
        const context = { file, step, before: steps.slice(0, i), after: steps.slice(i + 1) };
        return asked.filter(({ findInStep }) => findInStep?.(context, []) != null).map(({ id }) => id);
      });
      expect(found, sql).to.deep.equal(rule === null ? [] : [rule]);
    }
  });

  it('reads a name in a literal as PostgreSQL does', () => {
    for (const [written, schema, name] of [
      ['Orders', undefined, 'orders'],
      ['Public.Orders', 'public', 'orders'],
      ['"Odd ""one"""', undefined, 'Odd "one"'],
      ['TÜR.İd', 'tÜr', 'İd'],
      ['app."a.b"', 'app', 'a.b'],
      ['db.app.t', 'app', 't'],
    ] as const)
      expect(readName(written), written).to.deep.equal({ name, ...(schema === undefined ? {} : { schema }) });
  });
});
