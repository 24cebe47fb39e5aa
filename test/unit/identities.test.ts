// Identities are taken apart outside of quotes only: a name may hold whatever parts them.
import { expect } from 'chai';
import fc from 'fast-check';
import { withoutArguments } from '../../scripts/schema/render/clauses.ts';
import { userMappingSql } from '../../scripts/schema/render/database.ts';
import { indexOutside, parentOf, splitOutside, splitSchema } from '../../scripts/schema/sql.ts';

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
