// PostgreSQL prints one expression in several ways. Whatever is loaded from its own print is the same schema: judged by
// fingerprint and differences, against what the server prints and with expressions made up at random.
import { expect } from 'chai';
import fc from 'fast-check';
import { describeDifference, diffSnapshots } from '../../scripts/schema/change/diff.ts';
import type { Query } from '../../scripts/schema/types.ts';
import { createDatabase } from '../support/database.ts';
import { fingerprintOf, queryOn, snapshotOf } from '../support/schema.ts';

async function emptyDatabase(): Promise<Query> {
  return queryOn(await (await createDatabase()).client());
}

/** Conditions on the columns of `places` below, each in a way that some server prints anew once it is reloaded. */
const conditions = [
  `status IN ('new', 'paid')`,
  `status NOT IN ('new', 'paid', 'it''s')`,
  `status = ANY (ARRAY['a', 'b']::varchar[])`,
  `status::varchar(5) IN ('a', NULL)`,
  `n BETWEEN 1 AND 9 AND n <> 5`,
  `n NOT BETWEEN 1 AND 9 OR n = 5 OR (n = 6 OR n = 7)`,
  `n BETWEEN SYMMETRIC 9 AND 1`,
  `n IN (1, 2) AND (amount IN (1, 2.5) AND NOT (status IN ('x', 'y') AND n > 0))`,
  `(n, amount) = (1, 2) AND n > 0`,
  `(n, status) IN ((1, 'a'), (2, 'b'))`,
  `amount = ANY (ARRAY[1, 2])`,
  `CASE WHEN n BETWEEN 1 AND 2 AND n > 0 THEN status IN ('a', 'b') ELSE n > 1 AND n < 3 AND n <> 2 END`,
  `coalesce(status, 'x') IN ('x', 'y') AND nullif(status, 'q') IN ('z', 'w')`,
  `tags && ARRAY['a', 'b']::varchar[] AND 'x' = ANY (tags)`,
  `matrix = ARRAY[ARRAY[1, 2], ARRAY[3, 4]]::numeric[]`,
  `bits = B'101' OR bits = '11'::varbit`,
  `fixed IN ('ab', 'cd') AND fixed BETWEEN 'a' AND 'z'`,
  `at BETWEEN '2024-01-01' AND '2024-12-31' AND at::date NOT IN ('2024-02-01', '2024-03-01')`,
  `status LIKE ANY (ARRAY['a%', 'b%']) AND status ~ '^[(,\\]]'`,
  `label IN ('one', 'two')`,
  `mood IN ('sad', 'ok') AND mood BETWEEN 'sad' AND 'ok'`,
  `n IS DISTINCT FROM 3 AND (n IS NULL OR n > 0) IS NOT TRUE`,
  `-n > -1 AND n - -1 > 0 AND - (n) < 5 AND amount > -1.5`,
  `jsonb_path_exists(doc, '$.a ? (@ > 1 && @ < 3)') AND doc ->> 'k' IN ('a', 'b') AND doc ? 'x AND y'`,
  `span @> 5 AND lower(span) IN (1, 2)`,
  `status COLLATE "C" IN ('a', 'b') AND (status || 'x') IN ('a', 'b')`,
  `char_code = 'a' AND char_code IN ('b', 'c')`,
  `extract(year FROM at) IN (2024, 2025) AND at AT TIME ZONE 'UTC' > '2020-01-01'`,
  `status SIMILAR TO '(a|b)' AND substring(status FROM 1 FOR 2) IN ('a', 'b') AND trim(both from status) <> ''`,
  `length(status) IN (1, 2) AND status IN (label, 'x')`,
];

const columns = `id integer, status varchar(20), n integer, amount numeric, tags varchar[], matrix numeric[], bits bit varying,
  fixed char(2), at timestamptz, label public.label, mood public.mood, doc jsonb, span int4range, char_code "char"`;

const types = `CREATE DOMAIN public.label AS varchar(10); CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'happy');`;

const immutable = (condition: string) => !/\bat\b/.test(condition);

/** The condition at every kind of place that holds one. */
function places(condition: string, i: number): string[] {
  const table = `public.t${i}`;
  const calculated = immutable(condition) ? [`CREATE INDEX i${i}e ON ${table} ((${condition}));`] : [];
  const partial = immutable(condition) ? [`CREATE INDEX i${i} ON ${table} (id) WHERE ${condition};`] : [];
  const generated = immutable(condition)
    ? [`ALTER TABLE ${table} ADD COLUMN g boolean GENERATED ALWAYS AS (${condition}) STORED;`]
    : [];
  return [
    `CREATE TABLE ${table} (${columns}, CONSTRAINT c${i} CHECK (${condition}));`,
    ...partial,
    ...calculated,
    ...generated,
    `CREATE VIEW public.v${i} AS SELECT id, ${condition} AS answer FROM ${table} WHERE ${condition} GROUP BY id, ${condition} HAVING count(*) BETWEEN 1 AND 2 AND true;`,
    `CREATE MATERIALIZED VIEW public.m${i} AS SELECT a.id FROM ${table} a JOIN (SELECT * FROM ${table} WHERE ${condition}) b ON a.id = b.id AND a.n BETWEEN 1 AND 2;`,
    `CREATE VIEW public.j${i} AS SELECT a.id FROM ${table} a LEFT JOIN (${table} b CROSS JOIN ${table} c) ON a.id = b.id AND a.n BETWEEN 1 AND 2;`,
    `CREATE RULE r${i} AS ON UPDATE TO ${table} WHERE NEW.n BETWEEN 1 AND 2 AND OLD.status IN ('a', 'b') DO ALSO UPDATE ${table} SET n = 1 WHERE ${condition};`,
    `CREATE POLICY p${i} ON ${table} USING (${condition}) WITH CHECK (${condition} AND id BETWEEN 1 AND 2 AND id > 0);`,
    `CREATE TRIGGER w${i} BEFORE UPDATE ON ${table} FOR EACH ROW WHEN (NEW.n BETWEEN 1 AND 2 AND NEW.status IN ('a', 'b')) EXECUTE FUNCTION suppress_redundant_updates_trigger();`,
    `CREATE FUNCTION public.f${i}() RETURNS bigint LANGUAGE sql RETURN (SELECT count(*) FROM ${table} WHERE ${condition});`,
    `CREATE FUNCTION public.g${i}(a boolean DEFAULT 'x' IN ('a'::varchar, 'b') AND 1 BETWEEN 0 AND 2) RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM ${table} WHERE ${condition}; END;`,
  ];
}

const others = `
  CREATE DOMAIN public.code AS varchar(5) DEFAULT CASE WHEN 'a'::varchar IN ('a', 'b') AND 1 BETWEEN 0 AND 2 THEN 'x' ELSE 'y' END
    CONSTRAINT known CHECK (VALUE IN ('a', 'b') AND length(VALUE) BETWEEN 1 AND 2) CONSTRAINT one CHECK (VALUE NOT IN ('q', 'r'));
  CREATE TABLE public.defaults (a boolean DEFAULT ('x'::varchar IN ('a', 'b') AND 1 BETWEEN 0 AND 2), b bit varying DEFAULT '101',
    c bit varying DEFAULT B'101', d varchar[] DEFAULT ARRAY['a', 'b'], e text[] DEFAULT ARRAY['a'::varchar, 'b'], f numeric[] DEFAULT ARRAY[1, 2],
    g varchar(3)[] DEFAULT '{a,b}', h bigint DEFAULT 0, i numeric(5,2) DEFAULT -1, j text DEFAULT 'x'::varchar, k "char" DEFAULT 'x', l interval(3) DEFAULT '1 day');
  CREATE TABLE public.listed (kind varchar(10), n integer) PARTITION BY LIST ((CASE WHEN kind IN ('a', 'b') AND n BETWEEN 1 AND 2 THEN 'x' ELSE 'y' END));
  CREATE TABLE public.listed_x PARTITION OF public.listed FOR VALUES IN ('x', NULL);
  CREATE TABLE public.ranged (kind varchar(10), n integer) PARTITION BY RANGE (kind, n);
  CREATE TABLE public.ranged_a PARTITION OF public.ranged FOR VALUES FROM ('a', MINVALUE) TO ('b', 5);
  CREATE STATISTICS public.stats ON (n BETWEEN 1 AND 9 AND kind IN ('a', 'b')), kind FROM public.ranged_a;
  ALTER TABLE public.ranged_a ADD CONSTRAINT apart EXCLUDE USING btree (kind WITH =) WHERE (kind IN ('a', 'b') AND n BETWEEN 1 AND 9 AND n <> 4);
  CREATE PUBLICATION news FOR TABLE public.ranged_a WHERE (n BETWEEN 1 AND 9 AND n <> 4);`;

/** Makes every object of `from` again in `to`, from what the server prints of it: as pg_dump does, but for its order. */
async function reload(from: Query, to: Query): Promise<void> {
  await from(`SET search_path = ''; SET timezone = 'UTC'`);
  const [row] = await from(reloadSql);
  await to(`${types}\n${String(row?.sql)}`);
  await from('RESET ALL');
}

const name = `quote_ident(n.nspname) || '.' || quote_ident(c.relname)`;
const columnList = `(SELECT string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
      || coalesce(CASE WHEN a.attgenerated = 's' THEN ' GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ') STORED'
        ELSE ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END, ''), ', ' ORDER BY a.attnum)
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = c.oid AND a.attnum > 0)`;
const relations = `FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'`;
const onTables = 'JOIN pg_class c ON c.oid = r.relation JOIN pg_namespace n ON n.oid = c.relnamespace';

const reloadSql = `SELECT string_agg(line, E';\\n' ORDER BY rank, line) AS sql FROM (
  SELECT 1 AS rank, 'CREATE DOMAIN ' || t.oid::regtype || ' AS ' || format_type(t.typbasetype, t.typtypmod) || ' DEFAULT ' || pg_get_expr(t.typdefaultbin, 0) AS line
    FROM pg_type t WHERE t.typname = 'code'
  UNION ALL SELECT 2, 'ALTER DOMAIN ' || r.contypid::regtype || ' ADD CONSTRAINT ' || quote_ident(r.conname) || ' ' || pg_get_constraintdef(r.oid)
    FROM pg_constraint r WHERE r.contypid = (SELECT oid FROM pg_type WHERE typname = 'code')
  UNION ALL SELECT 1, 'CREATE TABLE ' || ${name} || ' (' || ${columnList} || ')' || coalesce(' PARTITION BY ' || pg_get_partkeydef(c.oid), '') ${relations} AND c.relkind IN ('r', 'p')
  UNION ALL SELECT 2, 'ALTER TABLE ' || h.inhparent::regclass || ' ATTACH PARTITION ' || ${name} || ' ' || pg_get_expr(c.relpartbound, c.oid)
    ${relations.replace(' WHERE', ' JOIN pg_inherits h ON h.inhrelid = c.oid WHERE')} AND c.relispartition
  UNION ALL SELECT 3, 'ALTER TABLE ' || ${name} || ' ADD CONSTRAINT ' || quote_ident(r.conname) || ' ' || pg_get_constraintdef(r.oid)
    FROM (SELECT *, conrelid AS relation FROM pg_constraint) r ${onTables} WHERE n.nspname = 'public'
  UNION ALL SELECT 3, pg_get_indexdef(i.indexrelid) FROM pg_index i WHERE i.indexrelid >= 16384
    AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid) AND i.indrelid NOT IN (SELECT oid FROM pg_class WHERE relkind = 't')
  UNION ALL SELECT 4, 'CREATE ' || CASE c.relkind WHEN 'v' THEN 'VIEW ' ELSE 'MATERIALIZED VIEW ' END || ${name} || ' AS ' || rtrim(pg_get_viewdef(c.oid), ';') ${relations} AND c.relkind IN ('v', 'm')
  UNION ALL SELECT 5, rtrim(pg_get_ruledef(r.oid), ';') FROM (SELECT *, ev_class AS relation FROM pg_rewrite) r ${onTables} WHERE n.nspname = 'public' AND c.relkind = 'r'
  UNION ALL SELECT 6, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT 7, 'CREATE POLICY ' || quote_ident(r.polname) || ' ON ' || ${name} || ' USING (' || pg_get_expr(r.polqual, r.polrelid) || ') WITH CHECK (' || pg_get_expr(r.polwithcheck, r.polrelid) || ')'
    FROM (SELECT *, polrelid AS relation FROM pg_policy) r ${onTables}
  UNION ALL SELECT 8, pg_get_functiondef(p.oid) FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
  UNION ALL SELECT 9, pg_get_statisticsobjdef(oid) FROM pg_statistic_ext
  UNION ALL SELECT 9, 'CREATE PUBLICATION ' || quote_ident(p.pubname) || ' FOR TABLE ' || r.prrelid::regclass || ' WHERE ' || pg_get_expr(r.prqual, r.prrelid)
    FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
) AS each`;

async function expectSame(one: Query, other: Query): Promise<void> {
  const differences = diffSnapshots((await snapshotOf(one)).objects, (await snapshotOf(other)).objects);
  expect(differences.map(describeDifference)).to.deep.equal([]);
  expect(await fingerprintOf(one)).to.equal(await fingerprintOf(other));
}

describe('what PostgreSQL prints in more than one way', () => {
  it('is the same schema once and twice reloaded, for each kind of place and expression', async () => {
    const original = await emptyDatabase();
    await original(`${types}\n${conditions.flatMap(places).join('\n')}\n${others}`);
    const [once, twice] = [await emptyDatabase(), await emptyDatabase()];
    await reload(original, once);
    await expectSame(original, once);
    await reload(once, twice);
    await expectSame(original, twice);
  });

  const leaf = fc.constantFrom(...conditions);
  const { expression } = fc.letrec<{ expression: string }>((tie) => ({
    expression: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc
        .tuple(tie('expression'), fc.constantFrom('AND', 'OR'), tie('expression'))
        .map(([a, word, b]) => `${a} ${word} ${b}`),
      fc
        .tuple(tie('expression'), fc.constantFrom('AND', 'OR'), tie('expression'))
        .map(([a, word, b]) => `((${a}) ${word} (${b}))`),
      tie('expression').map((a) => `NOT (${a})`),
      tie('expression').map((a) => `CASE WHEN ${a} THEN ${a} END IN (true, false)`),
    ),
  }));

  it('is the same schema for expressions made up at random', async () => {
    const samples = fc.sample(expression, { numRuns: 30, seed: 17 });
    const original = await emptyDatabase();
    await original(`${types}\n${samples.flatMap((text, i) => places(text, i).slice(0, 5)).join('\n')}`);
    const copy = await emptyDatabase();
    await reload(original, copy);
    await expectSame(original, copy);
  });

  it('is told from what means something else', async () => {
    const changes: [string, string][] = [
      [`status IN ('new', 'paid')`, `status IN ('new', 'paid', 'sent')`],
      [`n > 1 AND (n < 9 OR n = 5)`, `(n > 1 AND n < 9) OR n = 5`],
      [`NOT (n > 1 AND n < 9)`, `NOT n > 1 AND n < 9`],
      [`status IN ('a', 'b')`, `status = ANY (ARRAY['a', 'b']::varchar(1)[])`],
      [`n BETWEEN 1 AND 9 AND n <> 5`, `n BETWEEN 1 AND 5 AND n <> 9`],
    ];
    const [one, other] = [await emptyDatabase(), await emptyDatabase()];
    const build = (side: 0 | 1) =>
      `${types} ${changes
        .map((texts, i) => `CREATE TABLE public.t${i} (${columns}, CONSTRAINT c CHECK (${texts[side]}));`)
        .join('\n')}`;
    await one(build(0));
    await other(build(1));
    const differences = diffSnapshots((await snapshotOf(one)).objects, (await snapshotOf(other)).objects);
    expect(differences.map(({ identity }) => identity)).to.deep.equal(
      changes.map((_, i) => `public.t${i}.c`),
    );
    expect(await fingerprintOf(one)).not.to.equal(await fingerprintOf(other));
  });
});
