// The calls of Citus between two ways of spreading the same tables, tried on a cluster that is a few lines of code.
import { expect } from 'chai';
import fc from 'fast-check';
import { transition } from '../../scripts/schema/change/transition.ts';
import type { SchemaObject } from '../../scripts/schema/types.ts';

interface Spread {
  readonly kind: string;
  readonly column?: string;
  /** Who has the same one is together. */
  readonly group?: string;
}
type Cluster = ReadonlyMap<string, Spread>;

const names = ['a', 'b', 'c', 'd', 'e'].map((name) => `public.${name}`);
const group = fc.constantFrom('g1', 'g2', 'g3');
const spread: fc.Arbitrary<Spread | null> = fc.oneof(
  fc.constant(null),
  fc.record({ kind: fc.constantFrom('reference', 'local') }),
  // Those of one group have one type of column; here each column is a type of its own.
  fc.record({ kind: fc.constant('distributed'), column: fc.constantFrom('x', 'y'), group }),
  fc.record({ kind: fc.constant('single-shard'), group }),
);
const cluster = fc
  .tuple(...names.map(() => spread))
  .map((all): Cluster => new Map(all.flatMap((each, i) => (each === null ? [] : [[names[i] ?? '', each]]))));

const together = ({ kind, column = '', group: name }: Spread) => `${kind} ${column} ${name}`;

/** As the snapshot has it: each is beside the first by name of its group. */
function objectsOf(tables: Cluster): SchemaObject[] {
  const relations = names.map(
    (identity): SchemaObject => ({
      class: 'relation',
      identity,

      definition: 'kind=table',
    }),
  );
  const spreads = [...tables].map(([identity, one]): SchemaObject => {
    const first = [...tables]
      .filter(([, other]) => together(other) === together(one))
      .map(([name]) => name)[0];
    const beside = one.group === undefined || first === identity ? [] : [`colocated_with=${first}`];
    const column = one.column === undefined ? [] : [`column=${one.column}`];
    const definition = [`table=${identity}`, `kind=${one.kind}`, ...column, ...beside].join('\n');
    return { class: 'distribution', identity, definition };
  });
  return [...relations, ...spreads];
}

/** What the calls make of a cluster; refuses what Citus refuses. */
function run(statements: readonly string[], from: Cluster): Cluster {
  const now = new Map(from);
  let made = 0;
  const groupOf = (beside: string | undefined) => {
    if (beside === undefined || beside === 'none') return `made ${++made}`;
    const found = now.get(beside)?.group;
    if (found === undefined) throw new Error(`${beside} is in no group`);
    return found;
  };
  for (const sql of statements.flatMap((each) => each.split('\n'))) {
    const [, call = '', table = '', rest = ''] = /^SELECT (\w+)\('([^']+)'(.*)\);$/.exec(sql) ?? [];
    const named = (name: string) => new RegExp(`${name} => '([^']+)'`).exec(rest)?.[1];
    const before = now.get(table);
    if (call === 'undistribute_table') {
      if (before === undefined) throw new Error(`${sql}: is not distributed`);
      now.delete(table);
    } else if (call === 'alter_distributed_table') {
      if (before?.kind !== 'distributed') throw new Error(`${sql}: is not distributed`);
      const column = named('distribution_column') ?? before.column ?? '';
      now.set(table, { kind: 'distributed', column, group: groupOf(named('colocate_with')) });
    } else {
      if (before !== undefined && before.kind !== 'local') throw new Error(`${sql}: is distributed already`);
      const column = /^, '([^']+)'/.exec(rest)?.[1];
      const kinds: Record<string, string> = {
        create_reference_table: 'reference',
        citus_add_local_table_to_metadata: 'local',
      };
      const kind = kinds[call] ?? (column === undefined ? 'single-shard' : 'distributed');
      now.set(table, {
        kind,
        ...(column === undefined ? {} : { column }),
        ...(kinds[call] === undefined ? { group: groupOf(named('colocate_with')) } : {}),
      });
    }
  }
  return now;
}

/** Who is with whom, whatever the groups are called. */
function shape(tables: Cluster): Record<string, string> {
  return Object.fromEntries(
    [...tables].map(([name, one]) => {
      const others = [...tables]
        .filter(([, other]) => together(other) === together(one))
        .map(([each]) => each);
      return [
        name,
        `${one.kind} ${one.column ?? ''} with ${one.group === undefined ? '' : others.sort().join()}`,
      ];
    }),
  );
}

describe('how tables are spread', () => {
  it('is brought from any form to any other, each table moved at most once', () => {
    fc.assert(
      fc.property(cluster, cluster, (from, to) => {
        const { statements, unfinished } = transition(objectsOf(from), objectsOf(to));
        expect(unfinished).to.deep.equal([]);
        expect(shape(run(statements, from))).to.deep.equal(shape(to));
        for (const name of names)
          expect(statements.filter((sql) => sql.includes(`('${name}'`))).to.have.length.of.at.most(1);
      }),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 300) },
    );
  });

  it('costs nothing where only the first by name of a group is another', () => {
    const one: Spread = { kind: 'distributed', column: 'x', group: 'g' };
    const [from, to] = [
      new Map([
        ['public.a', one],
        ['public.b', one],
        ['public.c', one],
      ]),
      new Map([
        ['public.b', one],
        ['public.c', one],
      ]),
    ];
    expect(transition(objectsOf(from), objectsOf(to)).statements).to.deep.equal([
      "SELECT undistribute_table('public.a');",
    ]);
    expect(transition(objectsOf(to), objectsOf(from)).statements).to.deep.equal([
      "SELECT create_distributed_table('public.a', 'x', colocate_with => 'public.b');",
    ]);
  });
});
