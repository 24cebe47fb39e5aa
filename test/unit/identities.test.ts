// Identities are taken apart outside of quotes only: a name may hold whatever parts them.
import { expect } from 'chai';
import fc from 'fast-check';
import { transition } from '../../scripts/schema/change/transition.ts';
import { withoutArguments } from '../../scripts/schema/render/clauses.ts';
import { userMappingSql } from '../../scripts/schema/render/database.ts';
import { indexOutside, parentOf, splitOutside, splitSchema } from '../../scripts/schema/sql.ts';
import type { SchemaObject } from '../../scripts/schema/types.ts';

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
const hostile = fc
  .array(fc.constantFrom('"', "'", '(', ')', '.', ' on ', ' USING ', '\n', 'x', ';', ' WITH ', '\\'), {
    maxLength: 8,
  })
  .map((parts) => quoted(parts.join('')));

describe('an identity', () => {
  it('is taken apart where its names end, whatever they hold', () =>
    fc.assert(
      fc.property(hostile, hostile, hostile, (a, b, c) => {
        expect(withoutArguments(`${a}.${b}(${c}, text)`)).to.equal(`${a}.${b}`);
        expect(parentOf(`${a}.${b}.${c}`)).to.equal(`${a}.${b}`);
        expect(splitSchema(`${a}.${b}`)).to.deep.equal({ schema: a, rest: b });
        expect(splitOutside(`${a}\n${b} WHERE (${c} <> 'x\ny')\n${c}`, '\n')).to.deep.equal([
          a,
          `${b} WHERE (${c} <> 'x\ny')`,
          c,
        ]);
        expect(indexOutside(`${a}.${b} USING hash`, ' USING ')).to.equal(a.length + 1 + b.length);
        const item = { identity: `${a} on ${b}`, parts: new Map([['options', '?']]) };
        expect(userMappingSql(item as never, 'me')).to.equal(`CREATE USER MAPPING FOR ${a} SERVER ${b};`);
      }),
    ));
});

/** What a name may hold that SQL of ours, or a replacement in it, says too. */
const words = [
  '$&',
  '$$',
  '$1',
  '$`',
  ' ON ONLY ',
  ' ON ',
  'TABLE ONLY ',
  'CREATE VIEW ',
  ' NOT VALID',
  ' = ',
  'x',
];
const wordy = fc
  .array(fc.constantFrom(...words), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(''));

/** A table with a view, partitioned or not, before and after a change of all that can change in place. */
function schemaOf([t, c, i, k, v]: readonly string[], partitioned: boolean, later: boolean): SchemaObject[] {
  const table = `public.${t}`;
  const only = partitioned ? 'ON ONLY' : 'ON';
  const of = (name: SchemaObject['class'], identity: string, ...parts: readonly string[]): SchemaObject => ({
    ...{ class: name, identity, definition: parts.join('\n') },
  });
  const query = later ? ` SELECT id,\n      ${c}\n     FROM ${table};` : ` SELECT id\n     FROM ${table};`;
  return [
    of(
      'relation',
      table,
      ...(partitioned ? ['kind=partitioned table', 'partition_key=RANGE (id)'] : ['kind=table']),
    ),
    of('column', `${table}.id`, `table=${table}`, 'type=integer', 'nullable=no'),
    of(
      'column',
      `${table}.${c}`,
      `table=${table}`,
      'type=text',
      `nullable=${later ? 'no' : 'yes'}`,
      ...(later ? ["default='a'::text", 'statistics=50'] : []),
    ),
    of('relation', `public.${v}`, 'kind=view', `definition=${query}`),
    of('column', `public.${v}.id`, `table=public.${v}`, 'type=integer', 'nullable=yes'),
    ...(later
      ? [
          of('column', `public.${v}.${c}`, `table=public.${v}`, 'type=text', 'nullable=yes'),
          of(
            'index',
            `public.${i}`,
            `table=${table}`,
            `definition=CREATE INDEX ${i} ${only} ${table} USING btree (${c})`,
          ),
          of('constraint', `${table}.${k}`, `table=${table}`, 'definition=UNIQUE (id)'),
          of(
            'index',
            `public.${k}`,
            `table=${table}`,
            `definition=CREATE UNIQUE INDEX ${k} ${only} ${table} USING btree (id)`,
            `constraint=${k}`,
          ),
        ]
      : []),
  ];
}

describe('the way from one schema to another', () => {
  it('is the same whatever its names hold', () =>
    fc.assert(
      fc.property(fc.tuple(wordy, wordy, wordy, wordy, wordy), fc.boolean(), (drawn, partitioned) => {
        const plain = ['a_t', 'b_c', 'c_i', 'd_k', 'e_v'];
        const names = drawn.map((name, at) => quoted(`${plain[at]} ${name}`));
        const between = (all: readonly string[], later: boolean) =>
          transition(schemaOf(all, partitioned, !later), schemaOf(all, partitioned, later)).statements.join(
            '\n',
          );
        for (const later of [true, false]) {
          const expected = between(plain, later).replaceAll(
            /\b(?:a_t|b_c|c_i|d_k|e_v)\b/g,
            (name) => names[plain.indexOf(name)] ?? '',
          );
          expect(between(names, later)).to.equal(expected);
        }
      }),
    ));
});
