// What PostgreSQL prints in more than one way has one canonical form; what means something else keeps another.
import { expect } from 'chai';
import { canonicalText } from '../../scripts/schema/catalog/canonical.ts';

const same: readonly (readonly [string, string])[] = [
  [
    `CHECK (((status)::text = ANY ((ARRAY['new'::character varying, 'paid'::character varying])::text[])))`,
    `CHECK (((status)::text = ANY (ARRAY[('new'::character varying)::text, ('paid'::character varying)::text])))`,
  ],
  [
    `(status = ANY (ARRAY['a, ]'::text, 'b'::text]))`,
    `(status = ANY (ARRAY[('a, ]'::character varying)::text, 'b'::text]))`,
  ],
  [`CHECK ((((n >= 1) AND (n <= 9)) AND (n <> 5)))`, `CHECK (((n >= 1) AND (n <= 9) AND (n <> 5)))`],
  [`((a OR (b AND c)) OR (d OR e))`, `(a OR (b AND c) OR d OR e)`],
  [
    `(x = ANY ((ARRAY[1, NULL::integer])::numeric[]))`,
    `(x = ANY (ARRAY[(1)::numeric, (NULL::integer)::numeric]))`,
  ],
  [
    `(ARRAY[ARRAY[1, 2], ARRAY[3, 4]])::numeric(5,1)[]`,
    `ARRAY[ARRAY[(1)::numeric(5,1), (2)::numeric(5,1)], ARRAY[(3)::numeric(5,1), (4)::numeric(5,1)]]`,
  ],
  [
    `(ARRAY[((status)::character varying(3) COLLATE "C"), status])::text[]`,
    `ARRAY[(((status)::character varying(3))::text COLLATE "C"), (status)::text]`,
  ],
  [
    `(ARRAY[(doc -> 'k'::text), (a || b)])::character varying(3)[]`,
    `ARRAY[((doc -> 'k'::text))::character varying(3), ((a || b))::character varying(3)]`,
  ],
  [`((ARRAY[status])::character varying(3)[])::text[]`, `ARRAY[((status)::character varying(3))::text]`],
  [`(B'101'::"bit")::bit varying`, `B'101'::bit varying`],
  [` SELECT a\n   FROM t`, ` SELECT a FROM t`],
  [`(a\n     JOIN b ON TRUE)`, `(a JOIN b ON (true))`],
];

const other: readonly (readonly [string, string])[] = [
  [`((a AND b) OR c)`, `(a AND (b OR c))`],
  [`(x = ' AND  AND ')`, `(x = ' AND AND ')`],
  [`(a = 'x'::text)`, `(a = 'x'::character varying)`],
  [`(ARRAY['x'::character varying])::text[]`, `ARRAY['x'::character varying]`],
  [`(ARRAY['x'::character varying(3)])::text[]`, `(ARRAY['x'::character varying])::text[]`],
  [`(ARRAY['x'::bpchar])::text[]`, `ARRAY['x'::text]`],
  [`ARRAY[(a, b), c]`, `ARRAY[a, b, c]`],
  [`(ARRAY[(x -> 'a'::text)])::text[]`, `(ARRAY[((x -> 'a'::text))::text])::character varying[]`],
  [`(NOT (a AND b))`, `((NOT a) AND b)`],
  [`("AND" = 1)`, `(AND = 1)`],
  [
    `sum(x) OVER (ORDER BY y ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)`,
    `sum(x) OVER (ORDER BY y ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING)`,
  ],
];

describe('the canonical form of a definition', () => {
  for (const [one, two] of same) {
    it(`is one for ${one} and its reload`, () => {
      expect(canonicalText(one)).to.equal(canonicalText(two));
      expect(canonicalText(canonicalText(one))).to.equal(canonicalText(one));
    });
  }

  for (const [one, two] of other) {
    it(`tells ${one} from ${two}`, () => {
      expect(canonicalText(one)).not.to.equal(canonicalText(two));
    });
  }

  it('leaves alone what has brackets that do not match', () => {
    for (const text of ['a) AND (b', '(a]', "(a AND 'b", '']) expect(canonicalText(text)).to.equal(text);
  });
});
