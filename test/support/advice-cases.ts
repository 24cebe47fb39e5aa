// The matrix: every rule whose advice is SQL, on every shape of table that makes a difference.
import type { AdviceCase } from './advice.ts';

const account = `CREATE TABLE account (id bigint PRIMARY KEY, email text, age int, status text);
  CREATE TABLE purchase (id bigint PRIMARY KEY, account_id bigint, total int);
  INSERT INTO account SELECT i, 'm' || i, i, 's' FROM generate_series(1, 10) i;
  INSERT INTO purchase SELECT i, i % 10 + 1, i - 5 FROM generate_series(1, 10) i;`;
const noRows = account.replace(/\n {2}INSERT[\s\S]*$/, '');
const odd = `CREATE SCHEMA "Odd One"; CREATE TABLE "Odd One"."Order Items" ("Id" bigint PRIMARY KEY, "größe" int, "select" text, ref bigint UNIQUE);
  INSERT INTO "Odd One"."Order Items" SELECT i, i, 's' || i, i FROM generate_series(1, 7) i;`;
const parted = `CREATE TABLE account (id bigint PRIMARY KEY);
  CREATE TABLE log (id bigint, day date NOT NULL, n int) PARTITION BY RANGE (day);
  CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
  CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
  CREATE TABLE log_old (id bigint, day date NOT NULL, n int);
  INSERT INTO account SELECT generate_series(1, 9);
  INSERT INTO log SELECT i, date '2024-12-28' + i, i FROM generate_series(1, 9) i;
  INSERT INTO log_old SELECT i, date '2020-03-01' + i, i FROM generate_series(1, 9) i;`;
const withDefault = `${parted} CREATE TABLE log_rest PARTITION OF log DEFAULT; INSERT INTO log VALUES (50, '2030-01-01', 1), (51, '2001-01-01', 1);`;
const keyed = `CREATE TABLE ev (id uuid PRIMARY KEY, n int) PARTITION BY HASH (id);
  CREATE TABLE ev_0 PARTITION OF ev FOR VALUES WITH (MODULUS 2, REMAINDER 0);
  CREATE TABLE ev_1 PARTITION OF ev FOR VALUES WITH (MODULUS 2, REMAINDER 1);
  INSERT INTO ev SELECT md5(i::text)::uuid, i FROM generate_series(1, 9) i;`;
const t = 'ALTER TABLE account';
const oddTable = 'ALTER TABLE "Odd One"."Order Items"';

function of(
  rule: string,
  cases: readonly (readonly [string, string, string, Partial<AdviceCase>?])[],
): AdviceCase[] {
  return cases.map(([shape, before, sql, more]) => ({ rule, shape, before, sql, ...more }));
}

const volatile = { volatile: true } as const;

export const adviceCases: readonly AdviceCase[] = [
  ...of('set-not-null', [
    ['plain', account, `${t} ALTER COLUMN email SET NOT NULL;`],
    ['empty', noRows, `${t} ALTER email SET NOT NULL`],
    ['two actions', account, `${t} ALTER COLUMN email SET NOT NULL, ALTER COLUMN age SET NOT NULL;`],
    ['beside another action', account, `${t} ADD COLUMN more int, ALTER COLUMN age SET NOT NULL;`],
    ['beside columns that are so already', account, `${t} ALTER id SET NOT NULL, ALTER age SET NOT NULL;`],
    ['quoted, other schema', odd, `${oddTable} ALTER "größe" SET NOT NULL, ALTER "select" SET NOT NULL`],
    ['partitioned', parted, 'ALTER TABLE log ALTER n SET NOT NULL'],
    ['partitioned with a default', withDefault, 'ALTER TABLE log ALTER n SET NOT NULL'],
    [
      'a name of 63 bytes',
      `CREATE TABLE ${'a'.repeat(40)} (${'b'.repeat(40)} int);`,
      `ALTER TABLE ${'a'.repeat(40)} ALTER ${'b'.repeat(40)} SET NOT NULL`,
    ],
    [
      'with children',
      `${account} CREATE TABLE kid () INHERITS (account); INSERT INTO kid VALUES (50, 'k', 5, 's');`,
      `${t} ALTER email SET NOT NULL`,
    ],
    [
      'twice, with a name that is taken',
      `${account} ${t} ADD CONSTRAINT account_email_not_null CHECK (email <> '');`,
      `ALTER TABLE IF EXISTS account * ALTER email SET NOT NULL, ALTER email SET NOT NULL`,
    ],
    [
      'beside a key',
      'CREATE TABLE t (a int, b int); INSERT INTO t VALUES (1, 1);',
      'ALTER TABLE t ALTER b SET NOT NULL, ADD PRIMARY KEY (a)',
    ],
  ]),
  ...of('add-check-validating', [
    ['plain', account, `${t} ADD CHECK (age > 0);`],
    [
      'named',
      account,
      `${t} ADD CONSTRAINT "Grown up" CHECK (age > 0 AND (id > 0 OR email <> 'a,b)' /* ) */));`,
    ],
    [
      'two actions',
      account,
      `${t} ADD CHECK (age > 0), ADD CHECK (age < 99 AND id > 0), ADD CONSTRAINT c CHECK (id > 0);`,
    ],
    ['an option', account, `${t} ADD CONSTRAINT c CHECK (age > 0) NO INHERIT;`],
    ['quoted, other schema', odd, `${oddTable} ADD CHECK ("größe" > 0)`],
    ['partitioned', parted, 'ALTER TABLE log ADD CHECK (n > 0)'],
    ['partitioned with a default', withDefault, 'ALTER TABLE log ADD CONSTRAINT c CHECK (n > 0)'],
    [
      'a name that is taken',
      `${account} ${t} ADD CONSTRAINT account_age_check CHECK (age > -9);`,
      `${t} ADD CHECK (age > 0)`,
    ],
    ['comments inside', account, `${t} /* why, */ ADD CONSTRAINT c -- , not this\n CHECK (age > 0 -- yes\n)`],
    ['two of one name', account, `${t} ADD CHECK (length(email) > 0), ADD CHECK (email <> $x$a), (b$x$)`],
    ['the whole row', account, `${t} ADD CHECK (account IS NOT NULL)`],
    [
      'names of 62 bytes beyond ASCII',
      `CREATE TABLE ${'ä'.repeat(31)} (${'ö'.repeat(31)} int);`,
      `ALTER TABLE ${'ä'.repeat(31)} ADD CHECK (${'ö'.repeat(31)} > 0)`,
    ],
  ]),
  ...of('add-foreign-key-validating', [
    ['plain', account, 'ALTER TABLE purchase ADD FOREIGN KEY (account_id) REFERENCES account;'],
    [
      'options',
      account,
      'ALTER TABLE purchase ADD CONSTRAINT fk FOREIGN KEY (account_id) REFERENCES account (id) MATCH FULL ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;',
    ],
    [
      'two actions',
      account,
      'ALTER TABLE purchase ADD FOREIGN KEY (account_id) REFERENCES account, ADD CONSTRAINT b FOREIGN KEY (account_id) REFERENCES account ON UPDATE CASCADE;',
    ],
    [
      'quoted, other schema',
      odd,
      `${oddTable} ADD FOREIGN KEY (ref) REFERENCES "Odd One"."Order Items" ("Id")`,
    ],
    [
      'two columns',
      'CREATE TABLE p (a int, b int, PRIMARY KEY (a, b)); CREATE TABLE c (a int, b int);',
      'ALTER TABLE c ADD FOREIGN KEY (a, b) REFERENCES p',
    ],
    [
      'to a partitioned table',
      'CREATE TABLE p (id int, d int, PRIMARY KEY (id, d)) PARTITION BY RANGE (d); CREATE TABLE p1 PARTITION OF p DEFAULT; CREATE TABLE c (a int, b int);',
      'ALTER TABLE c ADD FOREIGN KEY (a, b) REFERENCES p',
    ],
    [
      'to itself',
      `${account} ALTER TABLE purchase ADD parent bigint;`,
      'ALTER TABLE purchase ADD FOREIGN KEY (parent) REFERENCES purchase ON DELETE SET NULL (parent)',
    ],
  ]),
  ...of('add-unique', [
    ['plain', account, `${t} ADD UNIQUE (email);`],
    ['nulls', account, `${t} ADD CONSTRAINT email_u UNIQUE NULLS NOT DISTINCT (email);`],
    ['deferrable', account, `${t} ADD CONSTRAINT age_u UNIQUE (age) DEFERRABLE INITIALLY DEFERRED;`],
    ['included columns', account, `${t} ADD UNIQUE (email) INCLUDE (age);`],
    ['two actions', account, `${t} ADD UNIQUE (email), ADD UNIQUE (age, email);`],
    ['quoted, other schema', odd, `${oddTable} ADD UNIQUE ("größe", "select")`],
    ['the same twice', account, `${t} ADD UNIQUE (email), ADD UNIQUE (email)`],
    [
      'a name that is taken',
      `${account} CREATE TABLE account_email_key (i int);`,
      `${t} ADD UNIQUE (email), ADD CHECK (age > 0)`,
    ],
  ]),
  ...of('add-primary-key', [
    [
      'plain',
      'CREATE TABLE t (a int, b int NOT NULL); INSERT INTO t VALUES (1, 1), (2, 2);',
      'ALTER TABLE t ADD PRIMARY KEY (a);',
    ],
    [
      'two columns',
      'CREATE TABLE t (a int, b int, c int NOT NULL); INSERT INTO t VALUES (1, 1, 1);',
      'ALTER TABLE t ADD CONSTRAINT pk PRIMARY KEY (a, c, b)',
    ],
    [
      'quoted',
      'CREATE TABLE "T" ("A" int NOT NULL);',
      'ALTER TABLE "T" ADD PRIMARY KEY ("A") INCLUDE ("A")',
      {
        before: 'CREATE TABLE "T" ("A" int NOT NULL, b int);',
        sql: 'ALTER TABLE "T" ADD PRIMARY KEY ("A") INCLUDE (b)',
      },
    ],
    [
      'a name that is taken, deferrable',
      'CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY, b int); CREATE TABLE t_pkey (x int);',
      'ALTER TABLE t ADD PRIMARY KEY (a) DEFERRABLE, ADD UNIQUE (b)',
    ],
  ]),
  ...of('primary-key-nullable-column', [
    [
      'plain',
      'CREATE TABLE t (a int, b int); CREATE UNIQUE INDEX pk ON t (a, b); INSERT INTO t VALUES (1, 1);',
      'ALTER TABLE t ADD CONSTRAINT pk PRIMARY KEY USING INDEX pk',
    ],
  ]),
  ...of('add-column-volatile-default', [
    ['plain', account, `${t} ADD COLUMN uid uuid DEFAULT gen_random_uuid();`, volatile],
    ['not null', account, `${t} ADD COLUMN uid uuid NOT NULL DEFAULT gen_random_uuid();`, volatile],
    [
      'two actions',
      account,
      `${t} ADD a uuid NOT NULL DEFAULT gen_random_uuid(), ADD COLUMN b float8 DEFAULT random();`,
      volatile,
    ],
    [
      'options',
      account,
      `${t} ADD COLUMN uid uuid CHECK (uid IS NOT NULL) DEFAULT gen_random_uuid() UNIQUE NOT NULL;`,
      volatile,
    ],
    [
      'quoted, other schema',
      odd,
      `${oddTable} ADD COLUMN "Uid" uuid NOT NULL DEFAULT gen_random_uuid()`,
      volatile,
    ],
    [
      'partitioned by its key',
      keyed,
      'ALTER TABLE ev ADD COLUMN uid uuid NOT NULL DEFAULT gen_random_uuid()',
      volatile,
    ],
    ['empty', noRows, `${t} ADD COLUMN uid uuid NOT NULL DEFAULT gen_random_uuid();`],
    [
      'a default of many words',
      account,
      `${t} ADD uid text DEFAULT (md5(random()::text) || ',' || 'x') NOT NULL UNIQUE`,
      volatile,
    ],
    [
      'with children',
      `${account} CREATE TABLE kid () INHERITS (account); INSERT INTO kid VALUES (5, 'k', 5, 's');`,
      `${t} ADD uid uuid NOT NULL DEFAULT gen_random_uuid()`,
      volatile,
    ],
  ]),
  ...of('add-column-serial', [
    ['plain', account, `${t} ADD COLUMN no bigserial;`, volatile],
    ['quoted, other schema', odd, `${oddTable} ADD COLUMN "No" serial`, volatile],
    [
      'two, with a name that is taken',
      `${account} CREATE SEQUENCE account_a_seq;`,
      `${t} ADD a smallserial CHECK (a > 0), ADD b serial8 UNIQUE`,
      volatile,
    ],
  ]),
  ...of('add-column-check', [
    ['plain', account, `${t} ADD COLUMN points int DEFAULT 0 CHECK (points >= 0);`],
    [
      'not null, two checks, collation',
      account,
      `${t} ADD COLUMN IF NOT EXISTS code text COLLATE "C" NOT NULL DEFAULT 'x' CHECK (code <> '') CONSTRAINT "Short" CHECK (length(code) < 9);`,
      {
        sql: `${t} ADD COLUMN code text COLLATE "C" NOT NULL DEFAULT 'x' CHECK (code <> '') CONSTRAINT "Short" CHECK (length(code) < 9);`,
      },
    ],
    [
      'two actions',
      account,
      `${t} ADD COLUMN a int CHECK (a > 0), ADD COLUMN b int CHECK (b > 0), ADD c int;`,
    ],
    ['quoted, other schema', odd, `${oddTable} ADD "Points" int DEFAULT 1 CHECK ("Points" > 0)`],
    ['partitioned', parted, 'ALTER TABLE log ADD points int DEFAULT 1 CHECK (points > 0)'],
  ]),
  ...of('add-column-references', [
    [
      'plain',
      account,
      'ALTER TABLE purchase ADD COLUMN other bigint REFERENCES account (id) ON DELETE SET NULL;',
    ],
    [
      'named, deferrable',
      account,
      'ALTER TABLE purchase ADD other bigint CONSTRAINT fk REFERENCES account DEFERRABLE INITIALLY DEFERRED;',
    ],
  ]),
  ...of('add-column-references-default', [
    ['plain', account, 'ALTER TABLE purchase ADD COLUMN other bigint DEFAULT 1 REFERENCES account (id);'],
    [
      'not null, deferrable',
      account,
      'ALTER TABLE purchase ADD other bigint NOT NULL DEFAULT 1 CONSTRAINT fk REFERENCES account DEFERRABLE CHECK (other > 0);',
    ],
  ]),
  ...of('add-column-unique', [
    ['plain', account, `${t} ADD COLUMN code text UNIQUE;`],
    ['deferrable', account, `${t} ADD COLUMN code text UNIQUE DEFERRABLE;`],
    ['quoted, other schema', odd, `${oddTable} ADD COLUMN "Code" text CONSTRAINT "U" UNIQUE`],
  ]),
  ...of('attach-partition-scan', [
    [
      'plain',
      parted,
      "ALTER TABLE log ATTACH PARTITION log_old FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');",
    ],
    [
      'open at one end',
      parted,
      "ALTER TABLE log ATTACH PARTITION log_old FOR VALUES FROM (MINVALUE) TO ('2021-01-01')",
    ],
    [
      'with a default partition',
      withDefault,
      "ALTER TABLE log ATTACH PARTITION log_old FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
    ],
    [
      'with an index on the parent',
      `${parted} CREATE INDEX log_id ON log (id);`,
      "ALTER TABLE log ATTACH PARTITION log_old FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
    ],
    [
      'with a default partition and an index',
      `${withDefault} CREATE INDEX log_id ON log (id);`,
      "ALTER TABLE log ATTACH PARTITION log_old FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
    ],
    [
      'list, quoted',
      `CREATE TABLE "L" (a int, "K" text) PARTITION BY LIST ("K"); CREATE TABLE "L1" (a int, "K" text); INSERT INTO "L1" VALUES (1, 'x'), (2, 'y');`,
      `ALTER TABLE "L" ATTACH PARTITION "L1" FOR VALUES IN ('x', 'y')`,
    ],
    [
      'list of one',
      `CREATE TABLE l (a int) PARTITION BY LIST (a); CREATE TABLE l1 (a int); INSERT INTO l1 VALUES (-1);`,
      'ALTER TABLE l ATTACH PARTITION l1 FOR VALUES IN (-1)',
    ],
    [
      'open at both ends',
      'CREATE TABLE l (a int) PARTITION BY RANGE (a); CREATE TABLE l1 (a int); INSERT INTO l1 VALUES (1);',
      'ALTER TABLE l ATTACH PARTITION l1 FOR VALUES FROM (MINVALUE) TO (MAXVALUE)',
    ],
    [
      'other schema, unique index, a default',
      'CREATE SCHEMA s; CREATE TABLE s.l ("A b" int, b text) PARTITION BY RANGE ("A b"); CREATE UNIQUE INDEX ON s.l (b DESC NULLS LAST, "A b"); CREATE TABLE s.l1 ("A b" int, b text); INSERT INTO s.l1 VALUES (3); CREATE TABLE s.d PARTITION OF s.l DEFAULT; INSERT INTO s.l VALUES (100);',
      'ALTER TABLE s.l ATTACH PARTITION s.l1 FOR VALUES FROM (1) TO (5)',
    ],
  ]),
  ...of('detach-partition-blocking', [
    [
      'plain',
      parted,
      'ALTER TABLE log DETACH PARTITION log_1;',
      {
        instead:
          "ALTER TABLE log DETACH PARTITION log_1; ALTER TABLE log_1 ADD CONSTRAINT log_1_day_check CHECK (day IS NOT NULL AND day >= '2024-01-01' AND day < '2025-01-01')",
      },
    ],
  ]),
  ...of('create-index-blocking', [
    ['plain', account, 'CREATE INDEX account_email ON account (email);'],
    ['unnamed', account, 'CREATE INDEX ON account (lower(email), age) INCLUDE (status);'],
    [
      'options',
      account,
      'CREATE UNIQUE INDEX IF NOT EXISTS i ON account USING btree (email text_pattern_ops DESC) WITH (fillfactor = 70) WHERE age > 0;',
    ],
    ['quoted, other schema', odd, 'CREATE INDEX "I" ON "Odd One"."Order Items" ("größe")'],
    ['partitioned', parted, 'CREATE INDEX log_n ON log (n);'],
    ['partitioned, unnamed, expression', parted, 'CREATE INDEX ON log (abs(n), id)'],
    ['partitioned with a default', withDefault, 'CREATE INDEX log_n ON log (n) WHERE n > 1;'],
    [
      'expressions of every kind',
      `${account} ALTER TABLE account ADD j jsonb; CREATE INDEX ON account (email);`,
      `CREATE INDEX ON account ((email || 'x'), (age + 1), (CASE WHEN age > 1 THEN 1 END), (age::text), (coalesce(age, 0)), (email IS NULL), (ARRAY[age]), (greatest(age, 1)), (j ->> 'a'), (j['b']), (-age), (email COLLATE "C") text_pattern_ops)`,
    ],
    [
      'partitioned, names taken where the partitions are',
      'CREATE SCHEMA s; CREATE TABLE l (a int, b int) PARTITION BY RANGE (a); CREATE TABLE s.l1 PARTITION OF l FOR VALUES FROM (1) TO (9); CREATE TABLE s.l1_b_idx (a int); CREATE TABLE l2 PARTITION OF l DEFAULT; CREATE INDEX l2_b_idx ON s.l1 (a); INSERT INTO l VALUES (1, 1), (20, 2);',
      'CREATE INDEX ON l (b)',
    ],
    [
      'partitioned, unique, partitions elsewhere',
      'CREATE SCHEMA s; CREATE TABLE l (a int, b int) PARTITION BY RANGE (a); CREATE TABLE s.l1 PARTITION OF l FOR VALUES FROM (1) TO (9); CREATE TABLE "L2" PARTITION OF l DEFAULT; INSERT INTO l VALUES (1, 1), (20, 2);',
      'CREATE UNIQUE INDEX ON l (b, a) WITH (fillfactor = 80)',
    ],
  ]),
  ...of('concurrently-on-partitioned', [
    [
      'partitioned',
      parted,
      '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY log_n ON log (n);',
      { instead: 'CREATE INDEX log_n ON log (n)' },
    ],
  ]),
  ...of('concurrently-in-transaction', [
    [
      'index',
      account,
      'CREATE INDEX CONCURRENTLY i ON account (email);',
      { instead: 'CREATE INDEX i ON account (email)' },
    ],
    [
      'partitioned',
      parted,
      'CREATE INDEX CONCURRENTLY i ON log (n);',
      { instead: 'CREATE INDEX i ON log (n)' },
    ],
    [
      'drop',
      `${account} CREATE INDEX i ON account (email);`,
      'DROP INDEX CONCURRENTLY i;',
      { instead: 'DROP INDEX i' },
    ],
    ['reindex', account, 'REINDEX TABLE CONCURRENTLY account;', { instead: 'SELECT 1' }],
  ]),
  ...of('drop-index-blocking', [
    ['plain', `${account} CREATE INDEX i ON account (email);`, 'DROP INDEX i;'],
    [
      'several',
      `${account} CREATE INDEX i ON account (email); CREATE INDEX "J" ON account (age);`,
      'DROP INDEX IF EXISTS i, "J";',
    ],
    [
      'quoted, other schema',
      `${odd} CREATE INDEX "I" ON "Odd One"."Order Items" ("größe");`,
      'DROP INDEX "Odd One"."I"',
    ],
  ]),
  ...of('reindex-blocking', [
    ['table', account, 'REINDEX TABLE account;'],
    ['index', `${account} CREATE INDEX i ON account (email);`, 'REINDEX (VERBOSE) INDEX i'],
    ['partitioned', `${parted} CREATE INDEX i ON log (n);`, '-- migrate: no-transaction\nREINDEX TABLE log'],
  ]),
  ...of('refresh-blocking', [
    [
      'filled, with a key',
      `${account} CREATE MATERIALIZED VIEW mv AS SELECT id, age FROM account; CREATE UNIQUE INDEX ON mv (id); INSERT INTO account VALUES (99);`,
      'REFRESH MATERIALIZED VIEW mv;',
    ],
  ]),
  ...of('truncate', [
    ['plain', account, 'TRUNCATE account;'],
    ['quoted, other schema', odd, 'TRUNCATE TABLE "Odd One"."Order Items"'],
  ]),
  ...of('unbatched-update', [
    ['plain', account, 'UPDATE purchase SET total = 0;'],
    ['the condition stays true', account, 'UPDATE purchase SET total = total + 1 WHERE total > 0;'],
    ['alias', account, 'UPDATE purchase p SET total = 0 WHERE p.total < 3 OR p.total IS NULL;'],
    ['RETURNING', account, 'UPDATE purchase SET total = 0 WHERE total < 0 RETURNING id;'],
    ['FROM', account, 'UPDATE purchase SET total = a.age FROM account a WHERE a.id = account_id;'],
    [
      'sub-select, comments',
      account,
      'UPDATE ONLY purchase AS "P" SET total = (SELECT age FROM account WHERE id = account_id) -- all\nWHERE total > (SELECT min(age) FROM account) -- but few\n',
    ],
    ['quoted, other schema', odd, `UPDATE "Odd One"."Order Items" SET "größe" = 1, "select" = 'WHERE'`],
    ['partitioned by its key', keyed, 'UPDATE ev SET n = -n WHERE n > 2'],
    ['empty', noRows, 'UPDATE purchase SET total = 0;'],
    [
      'several columns at once',
      account,
      'UPDATE purchase * SET (total, account_id) = (SELECT age, id FROM account WHERE account.id = purchase.account_id)',
    ],
    [
      'with children',
      `${account} CREATE TABLE kid () INHERITS (account); INSERT INTO kid VALUES (500, 'k', 5, 's');`,
      "UPDATE account SET age = 0, email = ' where returning ' WHERE status = 's' OR status = 'where' AND id > 0",
    ],
  ]),
  ...of('unbatched-delete', [
    ['plain', account, 'DELETE FROM purchase WHERE total < 2;'],
    ['all rows', account, 'DELETE FROM purchase;'],
    ['USING', account, 'DELETE FROM purchase USING account a WHERE a.id = account_id AND a.age < 3;'],
    [
      'LIMIT in one value',
      account,
      'DELETE FROM purchase WHERE total < (SELECT age FROM account ORDER BY id LIMIT 1)',
    ],
    ['RETURNING, alias', account, 'DELETE FROM purchase AS p WHERE p.total < 2 RETURNING *;'],
    ['quoted, other schema', odd, 'DELETE FROM "Odd One"."Order Items" WHERE "größe" > 3'],
  ]),
  ...of('enum-add-used', [
    [
      'before another',
      `CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t (id bigint PRIMARY KEY, m mood);`,
      `ALTER TYPE mood ADD VALUE 'fine' BEFORE 'ok'; INSERT INTO t VALUES (1, 'fine');`,
      { instead: `ALTER TYPE mood ADD VALUE 'fine' BEFORE 'ok'` },
    ],
  ]),
  ...of('validate-in-same-transaction', [
    [
      'plain',
      `${account} ${t} ADD CONSTRAINT a CHECK (id > 0) NOT VALID;`,
      `${t} ADD CONSTRAINT c CHECK (age > 0) NOT VALID; ${t} VALIDATE CONSTRAINT c;`,
      {
        before: `${account} ${t} ADD CONSTRAINT c CHECK (age > 0) NOT VALID;`,
        sql: `${t} DROP CONSTRAINT c; ${t} ADD CONSTRAINT c CHECK (age > 0) NOT VALID; ${t} VALIDATE CONSTRAINT c;`,
        instead: `${t} VALIDATE CONSTRAINT c`,
      },
    ],
  ]),
];

/** Rule, reason, schema and statement: what has no rewrite that is proven gets words and no SQL. */
export const wordsOnly: readonly (readonly [rule: string, why: RegExp, before: string, sql: string])[] = [
  ['set-not-null', /says ONLY/, noRows, 'ALTER TABLE ONLY account ALTER email SET NOT NULL'],
  ['set-not-null', /depend on one another/, noRows, `${t} DROP COLUMN status, ALTER email SET NOT NULL`],
  ['set-not-null', /depend on one another/, noRows, `${t} ALTER age TYPE bigint, ALTER age SET NOT NULL`],
  ['set-not-null', /sets something/, noRows, `SET search_path = public; ${t} ALTER email SET NOT NULL`],
  ['set-not-null', /inside a block/, noRows, `DO $$ BEGIN ${t} ALTER email SET NOT NULL; END $$`],
  [
    'add-check-validating',
    /depend on one another/,
    noRows,
    `${t} DROP CONSTRAINT IF EXISTS c, ADD CHECK (age > 0)`,
  ],
  [
    'add-check-validating',
    /depend on one another/,
    noRows,
    `${t} ADD CHECK (age > 0) NOT VALID, ADD CHECK (age > 1)`,
  ],
  [
    'add-unique',
    /depend on one another/,
    'CREATE TABLE t (a int, b int);',
    'ALTER TABLE t ADD UNIQUE (a), ADD FOREIGN KEY (b) REFERENCES t (a)',
  ],
  ['add-unique', /storage options/, noRows, `${t} ADD UNIQUE (email) WITH (fillfactor = 70)`],
  ['add-unique', /partitioned/, parted, 'ALTER TABLE log ADD UNIQUE (id, day)'],
  [
    'add-foreign-key-validating',
    /partitioned/,
    parted,
    'ALTER TABLE log ADD FOREIGN KEY (id) REFERENCES account',
  ],
  ['add-column-unique', /storage options/, noRows, `${t} ADD code text UNIQUE WITH (fillfactor = 50)`],
  [
    'add-column-volatile-default',
    /no key of one column/,
    'CREATE TABLE t (a int, b int, PRIMARY KEY (a, b));',
    'ALTER TABLE t ADD uid uuid DEFAULT gen_random_uuid()',
  ],
  [
    'add-column-volatile-default',
    /IF NOT EXISTS/,
    noRows,
    `${t} ADD COLUMN IF NOT EXISTS uid uuid DEFAULT gen_random_uuid()`,
  ],
  [
    'add-column-volatile-default',
    /triggers or rules on UPDATE/,
    `${noRows} CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER tr BEFORE UPDATE ON account FOR EACH ROW EXECUTE FUNCTION f();`,
    `${t} ADD uid uuid DEFAULT gen_random_uuid()`,
  ],
  [
    'attach-partition-scan',
    /bound/,
    'CREATE TABLE r (a int, b int) PARTITION BY RANGE (a, b); CREATE TABLE r1 (a int, b int);',
    'ALTER TABLE r ATTACH PARTITION r1 FOR VALUES FROM (0, 0) TO (5, 5)',
  ],
  [
    'attach-partition-scan',
    /bound/,
    'CREATE TABLE l (a int) PARTITION BY LIST (a); CREATE TABLE l1 (a int);',
    'ALTER TABLE l ATTACH PARTITION l1 FOR VALUES IN (1, NULL)',
  ],
  [
    'attach-partition-scan',
    /keys of the partitioned table/,
    'CREATE TABLE l (a int PRIMARY KEY) PARTITION BY RANGE (a); CREATE TABLE l1 (a int NOT NULL);',
    'ALTER TABLE l ATTACH PARTITION l1 FOR VALUES FROM (1) TO (5)',
  ],
  [
    'detach-partition-blocking',
    /default partition/,
    `${parted} CREATE TABLE log_rest PARTITION OF log DEFAULT;`,
    'ALTER TABLE log DETACH PARTITION log_1',
  ],
  [
    'create-index-blocking',
    /itself partitioned/,
    'CREATE TABLE l (a int, b int) PARTITION BY RANGE (a); CREATE TABLE l1 PARTITION OF l DEFAULT PARTITION BY RANGE (b); CREATE TABLE l11 PARTITION OF l1 DEFAULT;',
    'CREATE INDEX ON l (b)',
  ],
  [
    'create-index-blocking',
    /has an index over these columns/,
    `${parted} CREATE INDEX ON log_1 (n);`,
    'CREATE INDEX i ON log (n)',
  ],
  ['drop-index-blocking', /partitioned table/, `${parted} CREATE INDEX i ON log (n);`, 'DROP INDEX i'],
  ['reindex-blocking', /by itself/, noRows, 'REINDEX (CONCURRENTLY false) TABLE account'],
  [
    'refresh-blocking',
    /unique index/,
    `${noRows} CREATE MATERIALIZED VIEW mv AS SELECT status FROM account;`,
    'REFRESH MATERIALIZED VIEW mv',
  ],
  ['truncate', /RESTART IDENTITY/, noRows, 'TRUNCATE account RESTART IDENTITY'],
  [
    'truncate',
    /triggers or rules/,
    `${noRows} CREATE RULE r AS ON DELETE TO account DO INSTEAD NOTHING;`,
    'TRUNCATE account',
  ],
  [
    'unbatched-update',
    /reads the table/,
    noRows,
    'UPDATE purchase SET total = (SELECT max(total) FROM purchase)',
  ],
  [
    'unbatched-update',
    /reads the table/,
    `${noRows} CREATE VIEW v AS SELECT sum(total) AS s FROM purchase;`,
    'UPDATE purchase SET total = (SELECT s FROM v)',
  ],
  [
    'unbatched-update',
    /calls tot\(\)/,
    `${noRows} CREATE FUNCTION tot() RETURNS int STABLE LANGUAGE sql AS 'SELECT sum(total)::int FROM purchase';`,
    'UPDATE purchase SET total = tot()',
  ],
  [
    'unbatched-update',
    /rules/,
    `${noRows} CREATE RULE r AS ON UPDATE TO purchase DO ALSO SELECT 1;`,
    'UPDATE purchase SET total = 1',
  ],
  [
    'unbatched-update',
    /unique index/,
    'CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE DEFERRABLE);',
    'UPDATE t SET u = 10 - u',
  ],
  [
    'unbatched-update',
    /exclusion/,
    'CREATE TABLE t (id int PRIMARY KEY, a int, EXCLUDE (a WITH =) DEFERRABLE);',
    'UPDATE t SET a = 10 - a',
  ],
  [
    'unbatched-update',
    /triggers of this one may change/,
    `${noRows} CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM purchase; RETURN NEW; END'; CREATE TRIGGER tr AFTER UPDATE ON account FOR EACH ROW EXECUTE FUNCTION f();`,
    'UPDATE account SET age = 0 WHERE id IN (SELECT account_id FROM purchase)',
  ],
  [
    'unbatched-delete',
    /ON DELETE CASCADE or SET/,
    `${noRows} ALTER TABLE purchase ADD FOREIGN KEY (account_id) REFERENCES account ON DELETE CASCADE;`,
    'DELETE FROM account a USING purchase p WHERE p.total = a.age',
  ],
  [
    'unbatched-delete',
    /no key of one column/,
    'CREATE TABLE t (k text NOT NULL, c text NOT NULL, a int); CREATE UNIQUE INDEX ON t (k text_pattern_ops); CREATE UNIQUE INDEX ON t (c COLLATE "C");',
    'DELETE FROM t',
  ],
  [
    'add-column-volatile-default',
    /may be a domain/,
    `CREATE DOMAIN key AS uuid NOT NULL; ${noRows}`,
    `${t} ADD uid key DEFAULT gen_random_uuid()`,
  ],
  [
    'unbatched-delete',
    /refer to one another/,
    'CREATE TABLE t (id int PRIMARY KEY, p int REFERENCES t ON DELETE CASCADE);',
    'DELETE FROM t',
  ],
  [
    'unbatched-delete',
    /reads the table/,
    noRows,
    'DELETE FROM purchase a USING purchase b WHERE a.id > b.id AND a.account_id = b.account_id',
  ],
];
