// Takes fast-check; gives statements that make a small schema of anything, in names that collide often. Some fail on some
// server, or because of what was made before them: whoever runs them goes on. It knows SQL alone, nothing of the product.
import fc from 'fast-check';

const one = (...texts: readonly string[]) => fc.constantFrom(...texts);
const maybe = (text: string) => fc.constantFrom('', '', ` ${text}`);

/** A template whose holes are filled by arbitraries. */
function sql(parts: TemplateStringsArray, ...holes: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  return fc.tuple(...holes).map((values) => parts.map((text, i) => text + (values[i] ?? '')).join(''));
}

const schema = one('public', 'app', '"Odd ""S"');
const table = one(
  'public.t0',
  'public.t1',
  'app.t2',
  '"Odd ""S"."T 3"',
  'public.part',
  'app.kid',
  'public.part_1',
);
const column = one('id', 'n', 'status', 'amount', 'tags', 'at', 'doc', '"order"', 'mood');
const fresh = (prefix: string) => fc.nat(7).map((n) => `${prefix}${n}`);
const oddName = one('x', '"a b"', '"q""uote"', '"UPPER"', '"dot.ted"', '"ünï"', '"select"', '"%s"', '"$1"');
const role = one('PUBLIC', 'CURRENT_USER', 'pg_read_all_data');

const type = one(
  ...[
    'integer',
    'bigint',
    'smallint',
    'numeric(8,2)',
    'numeric',
    'text',
    'varchar(20)',
    'varchar',
    'char(3)',
    '"char"',
  ],
  ...[
    'boolean',
    'date',
    'timestamptz',
    'timestamp(3)',
    'interval day to second',
    'interval(2)',
    'time with time zone',
  ],
  ...[
    'jsonb',
    'json',
    'uuid',
    'bytea',
    'bit(3)',
    'bit varying(5)',
    'inet',
    'int4range',
    'tstzmultirange',
    'tsvector',
    'xml',
  ],
  ...[
    'text[]',
    'integer[][]',
    'varchar(4)[]',
    'point',
    'oid',
    'regclass',
    'name',
    'money',
    'double precision',
    'real',
  ],
  ...['app.label', 'app.mood', 'app.pair', 'app.span', 'app.label[]', 'public.deep'],
);

const number = one(
  'n',
  'id',
  '1',
  '-1',
  '0',
  '(n + 1)',
  'n % 2',
  '- n',
  'length(status)',
  'amount::integer',
  'coalesce(n, 0)',
  "'5'::integer",
  'abs(n)',
  '@ n',
  'n::smallint',
  'app.twice(n)',
  'n OPERATOR(pg_catalog.+) 1',
  "(doc -> 'a')::integer",
  'cardinality(tags)',
  'extract(year FROM at)::integer',
);
const text = one(
  'status',
  "'a'",
  "'it''s'",
  "E'a\\nb'",
  "'\\'",
  'status || status',
  'lower(status)',
  'status COLLATE "C"',
  "nullif(status, 'x')",
  "trim(both ' ' from status)",
  'substring(status from 1 for 2)',
  "overlay(status placing 'x' from 1)",
  "doc ->> 'k'",
  "doc #>> '{a,b}'",
  'tags[1]',
  'status::varchar(3)',
  'n::text',
  "coalesce(status, 'x')",
  "(VALUES ('v'))",
  "position('a' in status)::text",
  'upper(status)::char(2)',
  "format('%s', status)",
  '\'x\'::"char"::text',
);
const test = (a: fc.Arbitrary<string>): fc.Arbitrary<string> => a;

/** Conditions on the columns that every table here has. */
export const { condition } = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    test(sql`${number} ${one('=', '<>', '<', '>=')} ${number}`),
    sql`${text} ${one('=', '<>', '<', '~', '!~*', '^@')} ${text}`,
    sql`${text} ${one('IN', 'NOT IN')} (${text}, ${text})`,
    sql`${number} ${one('IN', 'NOT IN')} (${number}, 2, ${number})`,
    sql`${number} ${one('BETWEEN', 'NOT BETWEEN', 'BETWEEN SYMMETRIC')} ${number} AND ${number}`,
    sql`${text} ${one('LIKE', 'NOT LIKE', 'ILIKE')} 'a\\_%'${maybe("ESCAPE '#'")}`,
    sql`${text} ${one('SIMILAR TO', 'NOT SIMILAR TO')} '(a|b)%'`,
    sql`${text} ${one('= ANY', '<> ALL', 'LIKE ANY', '!~~ ALL')} (ARRAY[${text}, ${text}]${one('', '::text[]', '::varchar[]', '::varchar(3)[]')})`,
    sql`${number} = ANY (${one("'{1,2}'", 'ARRAY[n, 2]', 'ARRAY[1, 2.5]::numeric[]', 'string_to_array(status, chr(44))::int[]')})`,
    sql`(${number}, ${text}) ${one('=', '<', '>=', 'IS DISTINCT FROM')} (${number}, ${text})`,
    sql`(${number}, ${text}) IN ((1, 'a'), (${number}, ${text}))`,
    sql`${tie('condition')} ${one('AND', 'OR')} ${tie('condition')}`,
    sql`(${tie('condition')}) ${one('AND', 'OR')} (${tie('condition')} ${one('AND', 'OR')} ${tie('condition')})`,
    sql`NOT (${tie('condition')})`,
    sql`(${tie('condition')}) IS ${one('TRUE', 'NOT TRUE', 'UNKNOWN', 'NOT NULL', 'DISTINCT FROM true')}`,
    sql`CASE WHEN ${tie('condition')} THEN ${tie('condition')} ELSE ${tie('condition')} END`,
    sql`CASE ${text} WHEN 'a' THEN ${tie('condition')} WHEN 'b' THEN NULL END`,
    sql`coalesce(${tie('condition')}, ${tie('condition')})`,
    sql`at ${one('>', '<=')} ${one("'2024-01-01'", "now() - interval '1 day'", "'2024-01-01'::date", 'CURRENT_TIMESTAMP(2)', "timestamptz '2024-01-01 00:00+02'", "at + '1 mon 2 days'::interval")}`,
    sql`(at AT TIME ZONE ${one("'UTC'", "interval '1 hour'", 'status')}) > '2020-01-01'`,
    sql`doc ${one('@>', '<@', '=')} ${one(`'{"a": [1, "x AND y"]}'`, `jsonb_build_object('a', n)`)}`,
    sql`doc ${one("? 'a'", "?| ARRAY['a', 'b']", "@? '$.a ? (@ > 1 && @ < 3)'", "@@ '$.a > 1'", "#> '{a}' IS NULL", "-> 'a' ->> 0 = 'x'", "['a'] IS NOT NULL")}`,
    sql`tags ${one('&&', '@>', '<@', '||')} ARRAY[${text}]${one('', '::varchar[]')} IS NOT NULL`,
    sql`${one('tags[1:2]', 'tags[:1]', 'tags[n]', '(ARRAY[1,2])[1]', "(doc -> 'a')")} IS ${one('NULL', 'NOT NULL')}`,
    sql`${number} IS ${one('NULL', 'NOT NULL', 'DISTINCT FROM 3', 'NOT DISTINCT FROM n')}`,
    sql`${one("B'101'", "X'1F'", "'101'::bit(3)", "B'1'::bit varying")} = ${one("B'101'", "'11'::varbit::bit(3)", "B'1' | B'0'")}`,
    sql`mood ${one("IN ('sad', 'ok')", "> 'sad'", "= ANY ('{sad}')", "BETWEEN 'sad' AND 'ok'")}`,
    sql`greatest(${number}, ${number}) > least(1, ${number})`,
    sql`amount ${one('IN (1, 2.5)', "= '1.50'", '> -1.5', 'BETWEEN 0.1 AND 1e3', '= n', '::integer = 2', '^ 2 > 1')}`,
    sql`(row(${number}, NULL)).f1 IS NULL`,
    sql`int4range(n, ${number}, '[]') ${one('@> 5', '&& int4range(1, 3)', '-|- int4range(5, 6)')}`,
    sql`xmlexists('//a' PASSING xmlparse(CONTENT status))`,
    sql`(status IS ${one('', 'NOT ')}${one('NFC NORMALIZED', 'JSON', 'JSON OBJECT WITH UNIQUE KEYS', 'NORMALIZED')})`,
    sql`json_value(doc, '$.a' RETURNING integer DEFAULT 1 ON EMPTY) = 1`,
    sql`jsonb_path_exists(doc, '$.a[*] ? (@.b like_regex "^x" && @.c == true)')`,
  ),
}));

const from = fc.oneof(
  sql`${table} t`,
  sql`${table} t JOIN ${table} u USING (id)`,
  sql`${table} t LEFT JOIN ${table} u ON t.id = u.id AND (t.n BETWEEN 1 AND 2)`,
  sql`${table} t NATURAL FULL JOIN (SELECT id, n AS m FROM ${table}) u`,
  sql`${table} t CROSS JOIN LATERAL (SELECT count(*) AS m FROM ${table} z WHERE z.id = t.id) u`,
  sql`${table} t JOIN ${table} u USING (id, n) AS both_of`,
  sql`${table} AS t TABLESAMPLE ${one('SYSTEM (10)', 'BERNOULLI (5) REPEATABLE (1)')}`,
  sql`ONLY ${table} t, ROWS FROM (generate_series(1, 2), unnest(ARRAY['a'])) WITH ORDINALITY AS f (a, b, c)`,
  sql`${table} t, unnest(t.tags) WITH ORDINALITY AS tag (name, at_place)`,
  sql`${table} t, json_to_recordset('[{"x": 1}]') AS r (x integer, y varchar(3))`,
  sql`(VALUES (1, 'a'), (2, NULL)) AS v (one, two), ${table} t`,
  sql`xmltable('/r' PASSING '<r/>' COLUMNS a integer PATH 'a' DEFAULT 1, o FOR ORDINALITY) x, ${table} t`,
  sql`JSON_TABLE('[1]'::jsonb, '$[*]' COLUMNS (v integer PATH '$' DEFAULT 3 ON EMPTY, NESTED PATH '$.a[*]' COLUMNS (w text PATH '$'))) jt, ${table} t`,
);

const output = one(
  ...['t.id', 't.*', 't', 'count(*) FILTER (WHERE t.n > 1 AND t.n < 5) AS c', 'sum(t.n) OVER w AS s'],
  ...[
    'array_agg(t.n ORDER BY t.n DESC NULLS LAST, t.id) AS a',
    'string_agg(DISTINCT t.status, \',\' ORDER BY t.status COLLATE "C") AS s',
  ],
  ...[
    'percentile_cont(0.5) WITHIN GROUP (ORDER BY t.n) AS p',
    'row_number() OVER (PARTITION BY t.n ORDER BY t.id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES) AS r',
  ],
  ...[
    "sum(t.n) OVER (ORDER BY t.at RANGE BETWEEN '1 day' PRECEDING AND UNBOUNDED FOLLOWING) AS d",
    '(SELECT max(z.n) FROM public.t0 z WHERE z.id = t.id) AS m',
  ],
  ...[
    'EXISTS (SELECT FROM public.t1 z WHERE z.n IN (1, 2)) AS e',
    't.n = ANY (SELECT id FROM public.t0) AS y',
    '(t.n, t.id) IN (SELECT id, n FROM public.t0) AS pair',
  ],
  ...[
    't.status::varchar(3) AS v',
    'GROUPING(t.n) AS g',
    'ARRAY(SELECT id FROM public.t0 ORDER BY id) AS arr',
    'ROW(t.id, t.n) AS rw',
    '(t.pair).a AS pa',
    'CAST(t.n AS numeric(5,1)) AS num',
  ],
  ...[
    "JSON_OBJECT('a': t.n ABSENT ON NULL RETURNING jsonb) AS jo",
    'JSON_ARRAYAGG(t.n ORDER BY t.n NULL ON NULL) AS ja',
    "JSON_QUERY(t.doc, '$.a' WITH WRAPPER) AS jq",
    'xmlelement(name x, xmlattributes(t.id AS i), t.status) AS xe',
    'xmlforest(t.id, t.n AS m) AS xf',
    'current_date AS today',
    'localtime(1) AS lt',
    'merge_action() AS ma',
  ],
);

/** A query over those tables. */
export const { query } = fc.letrec<{ query: string }>((tie) => ({
  query: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    sql`SELECT ${one('', '', 'DISTINCT ', 'DISTINCT ON (t.id) ')}${output} FROM ${from}${maybe('WHERE t.n BETWEEN 1 AND 9 AND t.n <> 5')}${one('', ' WINDOW w AS (PARTITION BY t.n ORDER BY t.id GROUPS UNBOUNDED PRECEDING)', ' ORDER BY t.id', ' FOR UPDATE OF t SKIP LOCKED', ' LIMIT 5 OFFSET 1', ' ORDER BY 1 FETCH FIRST 2 ROWS WITH TIES')}`,
    sql`SELECT t.n AS k, ${output} FROM ${from} GROUP BY ${one('t.n', 'GROUPING SETS ((t.n), ())', 'ROLLUP (t.n, t.id)', 'CUBE (t.n)', 'DISTINCT t.n, ROLLUP (t.id)')} HAVING count(*) BETWEEN 1 AND 2 AND true`,
    sql`SELECT t.id FROM ${table} t WHERE ${condition}`,
    sql`(${tie('query')}) ${one('UNION ALL', 'UNION', 'INTERSECT', 'EXCEPT ALL')} (${tie('query')})`,
    sql`WITH ${one('', 'RECURSIVE ')}w AS ${one('', 'MATERIALIZED ', 'NOT MATERIALIZED ')}(${tie('query')}) SELECT * FROM w`,
    sql`WITH RECURSIVE w (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM w WHERE i < 5) ${one('SEARCH DEPTH FIRST BY i SET o ', 'SEARCH BREADTH FIRST BY i SET o CYCLE i SET c USING p ', 'CYCLE i SET c TO 1 DEFAULT 0 USING p ', '')}SELECT * FROM w`,
    sql`VALUES (1, 'a'), (2, ${one('NULL', "'b'::varchar")})`,
    sql`TABLE ${table}`,
    sql`SELECT ${one('1 AS "A b"', '\'x\' AS "select"', 'NULL AS n', "'{}'::text[] AS e", "interval '1 day' AS i", '1.0 AS d', '\'x\'::"char" AS c', 'ARRAY[]::integer[] AS ea', '-1 AS neg', '(- 1) AS neg2')}`,
  ),
}));

const common = `id integer, n integer, status varchar(20), amount numeric(8,2), tags varchar[], at timestamptz, doc jsonb, "order" integer, mood app.mood, pair app.pair`;

const body = fc.oneof(
  sql`LANGUAGE sql ${one('IMMUTABLE', 'STABLE', 'VOLATILE STRICT')} AS $$ SELECT 1 $$`,
  sql`LANGUAGE sql BEGIN ATOMIC ${query.filter((text) => !text.includes('FOR UPDATE'))}; SELECT count(*)::integer FROM ${table} t WHERE ${condition}; END`,
  sql`LANGUAGE sql RETURN (SELECT count(*)::integer FROM ${table} WHERE ${condition})`,
  sql`LANGUAGE plpgsql${one(' SECURITY DEFINER', ' LEAKPROOF', ' PARALLEL SAFE COST 5', '')}${one(" SET search_path = ''", ' SET search_path = app, "$user", pg_temp', " SET work_mem = '5MB' SET datestyle = 'ISO, DMY'", '', ' SET search_path TO "Odd ""S"')} AS $x$ BEGIN RETURN 1; END $x$`,
);

const tableOptions = one(
  '',
  ' WITH (fillfactor = 50)',
  ' WITH (autovacuum_enabled = off, toast.autovacuum_enabled = off)',
  ' WITH (parallel_workers = 2)',
);
const columnExtra = fc.oneof(
  one(
    'NOT NULL',
    'UNIQUE',
    'PRIMARY KEY',
    'NULL',
    'GENERATED ALWAYS AS IDENTITY',
    'GENERATED BY DEFAULT AS IDENTITY (START 5 INCREMENT 2 CACHE 3 CYCLE)',
    'UNIQUE NULLS NOT DISTINCT',
    'STORAGE EXTERNAL',
    'COMPRESSION pglz',
    'COLLATE "C"',
    'COLLATE app.ci',
    'CONSTRAINT own_nn NOT NULL',
    'NOT NULL NO INHERIT',
    'REFERENCES public.t0 ON DELETE CASCADE',
    '',
  ),
  sql`DEFAULT ${one('1', "'x'", 'NULL', "'{}'", 'now()', 'CURRENT_DATE', "nextval('app.seq')", 'app.twice(2)', "ARRAY['a', 'b']", "'1 day'::interval", 'gen_random_uuid()', "'-1'", '- 1', "B'101'", "'a'::varchar IN ('a', 'b')", "row(1, 'x')", 'session_user')}`,
  sql`GENERATED ALWAYS AS (${fc.oneof(condition, number, text)}) ${one('STORED', 'VIRTUAL', '')}`,
  sql`CHECK (${condition})`,
);

const grantable = one(
  ...[
    'SELECT',
    'INSERT, UPDATE',
    'ALL',
    'SELECT (id), UPDATE (n, status)',
    'REFERENCES',
    'MAINTAIN',
    'TRIGGER, TRUNCATE',
  ],
);

/** One statement. */
const statement = fc.oneof(
  sql`CREATE TABLE ${table} (${one(common)}, ${fresh('c')} ${type} ${columnExtra}, CONSTRAINT ${oddName} CHECK (${condition}))${tableOptions}`,
  sql`CREATE ${one('', 'UNLOGGED ')}TABLE ${table} (${one(common)})${tableOptions}`,
  sql`CREATE TABLE ${table} (LIKE ${table} INCLUDING ALL)`,
  sql`CREATE TABLE ${table} (${one('', 'n integer DEFAULT 7, ', 'id integer NOT NULL, ')}extra ${type}) INHERITS (${table})`,
  sql`CREATE TABLE app.typed OF app.pair (${one('PRIMARY KEY (a)', 'a WITH OPTIONS DEFAULT 3 NOT NULL', 'b WITH OPTIONS UNIQUE')})`,
  sql`CREATE TABLE ${one('public.part', 'app.multi')} (${one(common)}) PARTITION BY ${one('LIST (n)', 'RANGE (n)', 'RANGE (n, status COLLATE "C")', 'HASH (id)', 'LIST ((n % 3))', 'RANGE (at)', 'LIST (mood)')}`,
  sql`CREATE TABLE public.part_${fc.nat(3).map(String)} PARTITION OF public.part ${one('', '(n DEFAULT 4) ', '(CONSTRAINT small CHECK (id < 5)) ')}${one('DEFAULT', 'FOR VALUES IN (1)', 'FOR VALUES IN (2, NULL)', 'FOR VALUES FROM (1) TO (10)', 'FOR VALUES FROM (10) TO (MAXVALUE)', "FOR VALUES FROM (1, 'a') TO (1, MAXVALUE)", 'FOR VALUES WITH (MODULUS 2, REMAINDER 0)', 'FOR VALUES WITH (MODULUS 4, REMAINDER 3)', "FOR VALUES FROM ('2024-01-01') TO ('2024-02-01')", "FOR VALUES IN ('sad')")}${one('', ' PARTITION BY LIST (id)', ' PARTITION BY HASH (n)')}`,
  sql`CREATE TABLE public.sub_${fc.nat(2).map(String)} PARTITION OF public.part_${fc.nat(3).map(String)} ${one('DEFAULT', 'FOR VALUES IN (1)', 'FOR VALUES WITH (MODULUS 3, REMAINDER 1)')}`,
  sql`ALTER TABLE public.part DETACH PARTITION public.part_${fc.nat(3).map(String)}`,
  sql`ALTER TABLE public.part ATTACH PARTITION public.part_${fc.nat(3).map(String)} ${one('DEFAULT', 'FOR VALUES IN (7)', 'FOR VALUES FROM (20) TO (30)')}`,
  sql`ALTER TABLE ${table} ADD COLUMN ${fc.oneof(fresh('c'), oddName)} ${type} ${columnExtra}`,
  sql`ALTER TABLE ${table} ADD CONSTRAINT ${fc.oneof(fresh('k'), oddName)} ${fc.oneof(
    sql`CHECK (${condition})${one('', ' NOT VALID', ' NO INHERIT', ' NOT ENFORCED')}`,
    sql`${one('UNIQUE', 'PRIMARY KEY', 'UNIQUE NULLS NOT DISTINCT')} (${one('id', 'id, n', 'n, id', 'id, status')})${one('', ' INCLUDE (amount)', ' WITH (fillfactor = 60)')}${one('', ' DEFERRABLE', ' DEFERRABLE INITIALLY DEFERRED')}`,
    sql`FOREIGN KEY (${one('n', 'id', 'n, id')}) REFERENCES ${table}${one('', ' (id)', ' (n, id)')}${one('', ' MATCH FULL')}${one('', ' ON DELETE SET NULL', ' ON DELETE SET DEFAULT (n)', ' ON UPDATE CASCADE')}${one('', ' NOT VALID', ' DEFERRABLE INITIALLY DEFERRED', ' NOT ENFORCED')}`,
    sql`EXCLUDE USING ${one('gist (int4range(id, n) WITH &&)', 'btree (n WITH =)', 'spgist (int4range(id, n) WITH -|-)')}${one('', ' WHERE (n BETWEEN 1 AND 9 AND n <> 4)')}${one('', ' DEFERRABLE')}`,
    sql`NOT NULL ${column}${one('', ' NOT VALID', ' NO INHERIT')}`,
  )}`,
  sql`ALTER TABLE ${table} ALTER ${column} ${fc.oneof(
    one(
      'SET NOT NULL',
      'DROP NOT NULL',
      'DROP DEFAULT',
      'SET STATISTICS 50',
      'SET STORAGE MAIN',
      'SET (n_distinct = 5)',
      'SET COMPRESSION pglz',
      'TYPE text',
      'TYPE bigint',
      'ADD GENERATED ALWAYS AS IDENTITY',
      'DROP IDENTITY IF EXISTS',
      'SET EXPRESSION AS (1)',
    ),
    sql`SET DEFAULT ${one('1', "'a'", 'app.twice(1)', "'{}'", "nextval('app.seq')")}`,
  )}`,
  sql`ALTER TABLE ${table} ${one('ENABLE ROW LEVEL SECURITY', 'FORCE ROW LEVEL SECURITY', 'REPLICA IDENTITY FULL', 'REPLICA IDENTITY NOTHING', 'SET (fillfactor = 70)', 'SET UNLOGGED', 'DROP COLUMN amount', 'DROP COLUMN n CASCADE', 'RENAME COLUMN id TO ident', 'DISABLE TRIGGER ALL', 'CLUSTER ON i1', 'SET SCHEMA app', 'NO INHERIT public.t0', 'INHERIT public.t1', 'REPLICA IDENTITY USING INDEX i2')}`,
  sql`CREATE ${one('', 'UNIQUE ')}INDEX ${fresh('i')} ON ${one('', '', 'ONLY ')}${table} ${fc.oneof(
    sql`(${one('id', 'n DESC NULLS LAST', 'status text_pattern_ops', 'status COLLATE "C" varchar_pattern_ops DESC', 'lower(status)', 'id, (n + 1) NULLS FIRST', 'status COLLATE app.ci', '(amount::integer)', 'app.twice(n)', "((doc ->> 'a'))", 'tags', 'mood', 'at')})${one('', ' INCLUDE (amount, tags)', ' NULLS NOT DISTINCT')}${one('', ' WITH (fillfactor = 40, deduplicate_items = off)')}`,
    one(
      'USING gin (tags)',
      'USING gin (doc jsonb_path_ops) WITH (fastupdate = off)',
      "USING gin (to_tsvector('english', status))",
      'USING hash (n)',
      'USING brin (id, at) WITH (pages_per_range = 5)',
      'USING brin (id int4_minmax_multi_ops (values_per_range = 8))',
      'USING gist (int4range(id, n))',
      'USING spgist (status)',
      "USING gist (to_tsvector('simple', status) tsvector_ops (siglen = 100))",
    ),
  )}${fc.oneof(one(''), sql` WHERE ${condition}`)}`,
  sql`CREATE ${one('', 'OR REPLACE ')}VIEW ${one('public.v0', 'public.v1', 'app.v2')}${one('', ' WITH (security_barrier)', ' WITH (security_invoker = true, check_option = local)')} AS ${query}`,
  sql`CREATE VIEW ${one('public.w0', 'app.w1')} AS SELECT * FROM ${one('public.v0', 'public.v1', 'app.v2', 'app.m1')} x`,
  sql`CREATE MATERIALIZED VIEW ${one('public.m0', 'app.m1')}${tableOptions} AS ${query}`,
  sql`CREATE INDEX ${fresh('mi')} ON app.m1 (id)`,
  sql`CREATE OR REPLACE ${one('FUNCTION')} ${schema}.${fc.oneof(fresh('f'), oddName)}(${one('', 'a integer', "a integer DEFAULT 1, b varchar DEFAULT 'x'", 'VARIADIC a text[]', 'a app.pair', 'INOUT a integer', 'a public.t0', 'OUT r integer, x "char"')}) RETURNS integer ${body}`,
  sql`CREATE FUNCTION ${schema}.${fresh('s')}(${one('', 'app.mood', 'x anyelement')}) RETURNS ${one('SETOF public.t0', 'TABLE (a integer, "b c" text)', 'SETOF record', 'app.span')} LANGUAGE plpgsql ${one('ROWS 5', '')} AS 'BEGIN RETURN; END'`,
  sql`CREATE PROCEDURE app.${fresh('p')}(${one('a integer', 'INOUT a integer DEFAULT 3', 'IN a text, OUT b integer')}) ${one("LANGUAGE plpgsql AS 'BEGIN END'", 'LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END')}`,
  sql`CREATE AGGREGATE app.${fresh('agg')}(${one('integer', '*', 'integer ORDER BY integer', 'VARIADIC "any" ORDER BY VARIADIC "any"')}) (SFUNC = ${one('int4pl', 'int8inc', 'int4larger')}, STYPE = ${one('int4', 'int8')}${one('', ", INITCOND = '0'", ', PARALLEL = safe, COMBINEFUNC = int4pl', ', SORTOP = >')})`,
  sql`CREATE TRIGGER ${fc.oneof(fresh('tr'), oddName)} ${one('BEFORE', 'AFTER')} ${one('INSERT', 'UPDATE OF n, status', 'INSERT OR DELETE OR UPDATE')} ON ${table} ${one('FOR EACH ROW', 'FOR EACH STATEMENT', 'REFERENCING NEW TABLE AS fresh_rows FOR EACH STATEMENT')} ${one('', "WHEN (pg_trigger_depth() < 1 AND 'a'::varchar IN ('a', 'b'))", 'WHEN (NEW.n BETWEEN 1 AND 2 AND NEW.n <> 5)', 'WHEN (OLD.* IS DISTINCT FROM NEW.*)')} EXECUTE FUNCTION app.on_row(${one('', "'a', 'it''s', 3")})`,
  sql`CREATE CONSTRAINT TRIGGER ${fresh('ct')} AFTER INSERT ON ${table} ${one('', 'FROM public.t0 ')}${one('', 'DEFERRABLE INITIALLY DEFERRED ')}FOR EACH ROW EXECUTE FUNCTION app.on_row()`,
  sql`CREATE TRIGGER instead INSTEAD OF INSERT ON ${one('public.v0', 'public.v1', 'app.v2')} FOR EACH ROW EXECUTE FUNCTION app.on_row()`,
  sql`ALTER TABLE ${table} ${one('DISABLE', 'ENABLE ALWAYS', 'ENABLE REPLICA')} TRIGGER ${fc.oneof(fresh('tr'), oddName)}`,
  sql`CREATE RULE ${fc.oneof(fresh('r'), oddName)} AS ON ${one('INSERT', 'UPDATE', 'DELETE')} TO ${table} ${one('', 'WHERE OLD.n BETWEEN 1 AND 2 AND OLD.n <> 3', "WHERE NEW.status IN ('a', 'b')")} DO ${one('ALSO NOTIFY changed', 'INSTEAD NOTHING', 'ALSO (DELETE FROM public.t1 WHERE id = 1; NOTIFY other)', "ALSO INSERT INTO public.t1 (id, status) VALUES (1, 'x') ON CONFLICT DO NOTHING", 'ALSO UPDATE public.t1 z SET (n, id) = (SELECT 1, 2) WHERE z.n IN (1, 2) RETURNING z.*', 'ALSO INSERT INTO public.t1 (id) SELECT NEW.id')}`,
  sql`CREATE POLICY ${fc.oneof(fresh('po'), oddName)} ON ${table} ${one('', 'AS RESTRICTIVE ')}${one('', 'FOR SELECT ', 'FOR ALL ')}TO ${role} USING (${condition})`,
  sql`CREATE POLICY ${fresh('pw')} ON ${table} FOR INSERT WITH CHECK (${condition})`,
  sql`CREATE STATISTICS ${schema}.${fresh('st')} ${one('', '(ndistinct) ', '(dependencies, mcv) ')}ON ${one('id, n', 'n, status', '(n + 1), id', '(n BETWEEN 1 AND 2 AND n <> 3), (lower(status))')} FROM ${table}`,
  sql`CREATE DOMAIN ${schema}.${fresh('d')} AS ${type}${one('', ' NOT NULL', ' COLLATE "C"', " DEFAULT 'x'", ' DEFAULT 1')} ${one('', "CHECK (VALUE::text IN ('a', 'b'))", "CONSTRAINT \"my check\" CHECK (VALUE::text BETWEEN 'a' AND 'c' AND length(VALUE::text) > 0)", 'CHECK (VALUE IS NOT NULL) CHECK (VALUE::text <> chr(3))')}`,
  sql`CREATE TYPE ${schema}.${fresh('ty')} AS ${one("ENUM ('a', 'it''s', 'B c')", 'ENUM ()', '(a integer, "b c" varchar(3) COLLATE "C", d app.mood[])', 'RANGE (SUBTYPE = numeric)', 'RANGE (SUBTYPE = text, COLLATION = "C", MULTIRANGE_TYPE_NAME = app.many_texts)', 'RANGE (SUBTYPE = app.label)', '()')}`,
  sql`ALTER TYPE app.mood ADD VALUE ${one("'fine' BEFORE 'ok'", "'great'", "'it''s' AFTER 'sad'")}`,
  sql`ALTER TYPE app.pair ${one('ADD ATTRIBUTE c text', 'DROP ATTRIBUTE b', 'ALTER ATTRIBUTE b TYPE varchar(9)', 'RENAME ATTRIBUTE a TO aa')}`,
  sql`ALTER DOMAIN app.label ${one('ADD CONSTRAINT short CHECK (length(VALUE) < 9) NOT VALID', "SET DEFAULT 'y'", 'SET NOT NULL', 'ADD CONSTRAINT nn NOT NULL', "ADD CHECK (VALUE NOT IN ('p', 'q'))")}`,
  sql`CREATE SEQUENCE ${schema}.${fc.oneof(fresh('sq'), oddName)}${one('', ' AS smallint', ' INCREMENT -1 MAXVALUE 100', ' MINVALUE 5 START 7 CACHE 2 CYCLE', ' AS integer MINVALUE -5 START 0')}${one('', ' OWNED BY public.t0.id', ' OWNED BY app.t2.n')}`,
  sql`CREATE OPERATOR app.${one('=%', '~~~')} (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq${one('', ', COMMUTATOR = OPERATOR(app.=%)', ', NEGATOR = OPERATOR(app.<+>)', ', RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES')})`,
  sql`CREATE OPERATOR app.<+> (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4ne${one('', ', COMMUTATOR = OPERATOR(app.<+>)')})`,
  sql`CREATE CAST (${one('app.mood AS integer', 'app.pair AS text', 'app.label AS integer')}) WITH ${one('INOUT', 'INOUT AS ASSIGNMENT', 'FUNCTION app.mood_n(app.mood)')}`,
  sql`CREATE COLLATION app.${fresh('co')} ${one('FROM "C"', "(provider = icu, locale = 'de-u-co-phonebk')", "(provider = icu, locale = 'und', deterministic = false)", "(provider = icu, locale = 'und', rules = '&a < b')", "(provider = builtin, locale = 'C.UTF-8')")}`,
  sql`CREATE TEXT SEARCH ${one('CONFIGURATION app.tc (COPY = english)', 'DICTIONARY app.td (TEMPLATE = snowball, LANGUAGE = german, STOPWORDS = german)', 'DICTIONARY app.te (TEMPLATE = synonym, SYNONYMS = synonym_sample)', 'CONFIGURATION app.tf (PARSER = default)')}`,
  sql`CREATE PUBLICATION ${fc.oneof(fresh('pub'), oddName)} ${fc.oneof(one('FOR ALL TABLES', '', 'FOR TABLES IN SCHEMA app', "FOR ALL TABLES WITH (publish = 'insert, delete')"), sql`FOR TABLE ${table}${one('', ' (id, n)')}${one('', ' WHERE (n BETWEEN 1 AND 9 AND n <> 4)', " WHERE (status IN ('a', 'b'))")}${one('', ' WITH (publish_via_partition_root)', ' WITH (publish_generated_columns = stored)')}`)}`,
  sql`COMMENT ON ${fc.oneof(sql`TABLE ${table}`, sql`COLUMN ${table}.${column}`, one('SCHEMA app', 'TYPE app.mood', 'DOMAIN app.label', 'FUNCTION app.twice(integer)', 'INDEX app.i1', 'SEQUENCE app.seq', 'VIEW public.v0', 'TYPE app.pair', 'COLUMN app.pair.a', 'CONSTRAINT x ON public.t0', 'TRIGGER x ON public.t0', 'RULE x ON public.t1', 'POLICY x ON public.t0', 'STATISTICS app.st1', 'MATERIALIZED VIEW app.m1', 'OPERATOR app.=% (integer, integer)', 'CONSTRAINT short ON DOMAIN app.label', 'COLLATION app.ci', 'PUBLICATION x', 'EXTENSION plpgsql', 'CAST (app.mood AS integer)', 'AGGREGATE app.agg1(*)', 'PROCEDURE app.p1(integer)', 'LARGE OBJECT 1', 'SCHEMA public'))} IS ${one("'a comment'", "'it''s -- x'", "E'two\\nlines  \\n  and $body$'", "'\\'", 'NULL')}`,
  sql`GRANT ${grantable} ON ${table} TO ${role}${maybe('WITH GRANT OPTION')}`,
  sql`REVOKE ${grantable} ON ${table} FROM ${role}`,
  sql`GRANT ${one('USAGE ON SCHEMA app', 'ALL ON SCHEMA "Odd ""S"', 'EXECUTE ON FUNCTION app.twice(integer)', 'USAGE ON TYPE app.mood', 'USAGE, SELECT ON SEQUENCE app.seq', 'USAGE ON LANGUAGE plpgsql', 'ALL ON ALL FUNCTIONS IN SCHEMA app')} TO ${role}`,
  sql`REVOKE ${one('ALL ON FUNCTION app.twice(integer)', 'USAGE ON TYPE app.mood', 'ALL ON SCHEMA public', 'SELECT ON public.t0')} FROM ${role}`,
  sql`ALTER DEFAULT PRIVILEGES ${one('', 'IN SCHEMA app ')}${one('GRANT SELECT ON TABLES TO PUBLIC', 'GRANT EXECUTE ON FUNCTIONS TO pg_read_all_data', 'REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC', 'GRANT USAGE ON TYPES TO PUBLIC', 'GRANT ALL ON SCHEMAS TO PUBLIC', 'GRANT SELECT ON LARGE OBJECTS TO PUBLIC')}`,
  sql`ALTER ${one('FUNCTION app.twice(integer) DEPENDS ON EXTENSION citext', 'INDEX app.i1 SET (fillfactor = 30)', 'INDEX public.i1 ALTER COLUMN 1 SET STATISTICS 10', 'VIEW public.v0 ALTER COLUMN id SET DEFAULT 5', 'STATISTICS app.st1 SET STATISTICS 20', 'MATERIALIZED VIEW app.m1 ALTER COLUMN id SET STATISTICS 3', 'FUNCTION app.twice(integer) SUPPORT generate_series_int4_support', 'SEQUENCE app.seq SET UNLOGGED')}`,
);

/** What the statements name. */
export const groundwork = [
  ...[
    'CREATE SCHEMA app',
    'CREATE SCHEMA "Odd ""S"',
    'CREATE EXTENSION citext SCHEMA app',
    "CREATE TYPE app.mood AS ENUM ('sad', 'ok', 'happy')",
  ],
  ...[
    "CREATE DOMAIN app.label AS varchar(10) CHECK (VALUE IN ('a', 'b', 'x'))",
    'CREATE TYPE app.pair AS (a integer, b text)',
    'CREATE TYPE app.span AS RANGE (SUBTYPE = double precision, SUBTYPE_DIFF = float8mi)',
  ],
  ...[
    'CREATE DOMAIN public.deep AS app.label[] NOT NULL',
    'CREATE SEQUENCE app.seq',
    "CREATE COLLATION app.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
  ],
  ...[
    'CREATE FUNCTION app.twice(integer) RETURNS integer LANGUAGE sql IMMUTABLE RETURN $1 * 2',
    'CREATE FUNCTION app.mood_n(app.mood) RETURNS integer LANGUAGE sql IMMUTABLE RETURN 1',
  ],
  ...[
    "CREATE FUNCTION app.on_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    `CREATE TABLE public.t0 (${common}, PRIMARY KEY (id))`,
    `CREATE TABLE public.t1 (${common}, UNIQUE (n, id))`,
  ],
];

/** The statements of a schema, in an order in which most of them run. */
export function randomSchema(length: number): fc.Arbitrary<string[]> {
  return fc.array(statement, { minLength: length, maxLength: length });
}
