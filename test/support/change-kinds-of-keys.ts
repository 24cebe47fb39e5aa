// Kinds of change to keys and indexes, and to what hangs on them: foreign keys, partitions, columns that may not be NULL; each
// with the tables that it needs beside the base of change-kinds.ts.

interface Kind {
  readonly given: string;
  readonly change: string;
}

const months = `CREATE TABLE m (id int NOT NULL, at date NOT NULL, n int) PARTITION BY RANGE (at);
  CREATE TABLE m1 PARTITION OF m FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
  INSERT INTO m VALUES (1, '2024-01-05', 7);`;

export const kindsOfKeys: Readonly<Record<string, Kind>> = {
  'foreign key that leads elsewhere': {
    given: `CREATE TABLE a (x int); CREATE UNIQUE INDEX a_x ON a (x); CREATE TABLE b (x int, own int); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1);
      CREATE TABLE r (x int CONSTRAINT r_x REFERENCES a (x)); INSERT INTO r VALUES (1);`,
    change:
      'ALTER TABLE r DROP CONSTRAINT r_x; DROP INDEX a_x; CREATE UNIQUE INDEX a_x ON b (x); ALTER TABLE r ADD CONSTRAINT r_x FOREIGN KEY (x) REFERENCES b (x)',
  },
  'key made anew under a foreign key': {
    given:
      'CREATE TABLE a (x int, y int, CONSTRAINT a_key UNIQUE (x)); CREATE TABLE r (x int REFERENCES a (x));',
    change:
      'ALTER TABLE r DROP CONSTRAINT r_x_fkey; ALTER TABLE a DROP CONSTRAINT a_key; ALTER TABLE a ADD CONSTRAINT a_key UNIQUE (x) INCLUDE (y); ALTER TABLE r ADD FOREIGN KEY (x) REFERENCES a (x)',
  },
  'key dropped whose foreign key takes another': {
    given: 'CREATE TABLE a (x int UNIQUE); CREATE TABLE r (x int REFERENCES a (x));',
    change:
      'ALTER TABLE a ADD CONSTRAINT other UNIQUE (x); ALTER TABLE r DROP CONSTRAINT r_x_fkey; ALTER TABLE a DROP CONSTRAINT a_x_key; ALTER TABLE r ADD FOREIGN KEY (x) REFERENCES a (x)',
  },
  'index that becomes another constraint of its name': {
    given: 'CREATE TABLE a (x int, y int); CREATE INDEX a_key ON a (x); INSERT INTO a VALUES (1, 2);',
    change: 'DROP INDEX a_key; ALTER TABLE a ADD CONSTRAINT a_key UNIQUE (x, y)',
  },
  'index of a partitioned table that becomes a constraint': {
    given: `${months} CREATE UNIQUE INDEX m_key ON m (id, at);`,
    change: 'DROP INDEX m_key; ALTER TABLE m ADD CONSTRAINT m_key PRIMARY KEY (id, at)',
  },
  'constraint of a partitioned table over a partition of its own key': {
    given: `${months} ALTER TABLE m1 ADD CONSTRAINT m1_key UNIQUE (id, at); CREATE UNIQUE INDEX m_key ON m (id, at);`,
    change: 'DROP INDEX m_key CASCADE; ALTER TABLE m ADD CONSTRAINT m_key UNIQUE (id, at)',
  },
  'index dropped that the key of a partition is attached to': {
    given: `${months} ALTER TABLE m1 ADD CONSTRAINT m1_key PRIMARY KEY (id, at); CREATE UNIQUE INDEX m_key ON m (id, at);`,
    change: 'DROP INDEX m_key CASCADE',
  },
  'index dropped, and the key of a partition kept': {
    given: `${months} ALTER TABLE m1 ADD CONSTRAINT m1_key PRIMARY KEY (id, at); CREATE UNIQUE INDEX m_key ON m (id, at);`,
    change: 'DROP INDEX m_key CASCADE; ALTER TABLE m1 ADD CONSTRAINT m1_key PRIMARY KEY (id, at)',
  },
  'index of a partition that becomes its key, where the whole may be NULL': {
    given: `${months} CREATE UNIQUE INDEX m1_key ON m1 (id, at);`,
    change:
      'ALTER TABLE m ALTER id DROP NOT NULL, ALTER at DROP NOT NULL; ALTER TABLE m1 ALTER id SET NOT NULL, ALTER at SET NOT NULL, ADD CONSTRAINT m1_key PRIMARY KEY USING INDEX m1_key',
  },
  'partition with keys and indexes under names of its own': {
    given: `${months} CREATE UNIQUE INDEX m_key ON m (id, at); CREATE INDEX m_n ON m (n);`,
    change: `CREATE TABLE m2 (id int NOT NULL, at date NOT NULL, n int, CONSTRAINT m2_pk PRIMARY KEY (id, at)); CREATE INDEX by_n ON m2 (n);
      ALTER TABLE m ATTACH PARTITION m2 FOR VALUES FROM ('2024-02-01') TO ('2024-03-01')`,
  },
  'index that is there for the one of the whole': {
    given: `${months} CREATE INDEX m1_at ON m1 (at);`,
    change: 'CREATE INDEX m_at ON m (at)',
  },
  'partition dropped that others refer to': {
    given: `${months} ALTER TABLE m ADD PRIMARY KEY (id, at); CREATE TABLE m2 PARTITION OF m FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
      CREATE TABLE r (id int, at date, FOREIGN KEY (id, at) REFERENCES m); INSERT INTO r VALUES (1, '2024-01-05');`,
    change: 'ALTER TABLE m DETACH PARTITION m2; DROP TABLE m2',
  },
  'partitioned tables that refer to each other': {
    given: `${months} ALTER TABLE m ADD PRIMARY KEY (id, at);
      CREATE TABLE "M" (id int, at date, PRIMARY KEY (id, at), FOREIGN KEY (id, at) REFERENCES m) PARTITION BY RANGE (at);
      CREATE TABLE a_m PARTITION OF "M" DEFAULT; INSERT INTO "M" VALUES (1, '2024-01-05');
      ALTER TABLE m ADD FOREIGN KEY (id, at) REFERENCES "M";`,
    change: 'DROP TABLE m, "M" CASCADE',
  },
  'enum whose default names a value that goes': {
    given:
      "CREATE TYPE tone AS ENUM ('low', 'mid', 'high'); CREATE TABLE a (t tone DEFAULT 'mid', u tone[] DEFAULT '{mid}'); INSERT INTO a VALUES ('low', '{high}');",
    change:
      "ALTER TABLE a ALTER t DROP DEFAULT, ALTER u DROP DEFAULT; ALTER TYPE tone RENAME TO old; CREATE TYPE tone AS ENUM ('low', 'high'); ALTER TABLE a ALTER t TYPE tone USING t::text::tone, ALTER u TYPE tone[] USING u::text[]::tone[]; DROP TYPE old; ALTER TABLE a ALTER u SET DEFAULT '{high}'",
  },
  'partition that leaves without its key and index': {
    given: `${months} ALTER TABLE m ADD PRIMARY KEY (id, at); CREATE INDEX m_n ON m (n);`,
    change: 'ALTER TABLE m DETACH PARTITION m1; ALTER TABLE m1 DROP CONSTRAINT m1_pkey; DROP INDEX m1_n_idx',
  },
  'partition that leaves, and keeps a foreign key': {
    given: `${months} UPDATE m SET n = 1; ALTER TABLE m ADD FOREIGN KEY (n) REFERENCES par (id);`,
    change: 'ALTER TABLE m DETACH PARTITION m1',
  },
  'partition that leaves without a foreign key and a check': {
    given: `${months} UPDATE m SET n = 1; ALTER TABLE m ADD CONSTRAINT m_par FOREIGN KEY (n) REFERENCES par (id), ADD CONSTRAINT m_id CHECK (id > 0);`,
    change: 'ALTER TABLE m DETACH PARTITION m1; ALTER TABLE m1 DROP CONSTRAINT m_par, DROP CONSTRAINT m_id',
  },
  'trigger of one partition disabled, and another one turned on': {
    given: `${months} CREATE TRIGGER seen AFTER INSERT ON m FOR EACH ROW EXECUTE FUNCTION touch(); ALTER TABLE users DISABLE TRIGGER users_touch;`,
    change: 'ALTER TABLE m1 DISABLE TRIGGER seen; ALTER TABLE users ENABLE TRIGGER users_touch',
  },
  'computed column made plain, over a column of another type': {
    given: `CREATE TABLE g (a integer, b integer GENERATED ALWAYS AS (a * 2) STORED, d json, j json GENERATED ALWAYS AS (d -> 'x') STORED); CREATE INDEX g_b ON g (b); INSERT INTO g (a, d) VALUES (1, '{"x": 1}'), (2, NULL);`,
    change:
      'ALTER TABLE g ALTER b DROP EXPRESSION, ALTER j DROP EXPRESSION; ALTER TABLE g ALTER a TYPE bigint',
  },
  'more digits, and fewer again': {
    given:
      "CREATE TABLE g (n numeric(8,2), t timestamp(3), o time(0), z timestamptz(0)); INSERT INTO g VALUES (1.25, now(), '10:00', now());",
    change:
      'ALTER TABLE g ALTER n TYPE numeric, ALTER t TYPE timestamp, ALTER o TYPE time(6), ALTER z TYPE timestamptz',
  },
  'sequence that is not logged': {
    given:
      "CREATE SEQUENCE apart; SELECT nextval('apart'); CREATE TABLE g (i integer GENERATED ALWAYS AS IDENTITY, s serial);",
    change: 'ALTER SEQUENCE apart SET UNLOGGED; ALTER TABLE g SET UNLOGGED',
  },
};

/** Names that two have exchanged; only a person knows. */
export const kindsInDoubt: Readonly<Record<string, Kind>> = {
  'tables that exchange their names': {
    given:
      'CREATE TABLE a (x int PRIMARY KEY, y text); CREATE TABLE b (x int PRIMARY KEY, z date); CREATE TABLE r (x int REFERENCES a); INSERT INTO a VALUES (1); INSERT INTO b VALUES (2); INSERT INTO r VALUES (1);',
    change: 'ALTER TABLE a RENAME TO renamed; ALTER TABLE b RENAME TO a; ALTER TABLE renamed RENAME TO b',
  },
  'tables alike that exchange their names with their indexes': {
    given:
      'CREATE TABLE a (x int); CREATE INDEX a_x ON a (x); CREATE TABLE b (x int); INSERT INTO a VALUES (1);',
    change: 'ALTER TABLE a RENAME TO renamed; ALTER TABLE b RENAME TO a; ALTER TABLE renamed RENAME TO b',
  },
  'partitions that exchange their names': {
    given: `${months} CREATE TABLE m2 PARTITION OF m FOR VALUES FROM ('2024-02-01') TO ('2024-03-01'); CREATE INDEX m_n ON m (n);`,
    change: 'ALTER TABLE m1 RENAME TO renamed; ALTER TABLE m2 RENAME TO m1; ALTER TABLE renamed RENAME TO m2',
  },
};

/** No statement leads back: nothing detaches an index. */
export const kindsOfKeysForAPerson: Readonly<Record<string, Kind>> = {
  'index attached': {
    given: `${months} CREATE INDEX m_n ON ONLY m (n); CREATE INDEX m1_n ON m1 (n);`,
    change: 'ALTER INDEX m_n ATTACH PARTITION m1_n',
  },
};
