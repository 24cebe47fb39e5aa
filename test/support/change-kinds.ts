// Kinds of change that somebody makes by hand, each as one would type it on the base below; what `drift --write` records.
import { fewerKinds } from './change-kinds-apart.ts';

/** Rows in every table that matters, and something of every kind. */
export const baseOfKinds = `CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE addr AS (street text, zip integer);
CREATE TYPE fr AS RANGE (SUBTYPE = float8);
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN word AS text CONSTRAINT word_len CHECK (length(VALUE) < 100);
CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
CREATE FUNCTION thrice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n * 3';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION touch2() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE PROCEDURE noop(a integer) LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE mysum (integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0');
CREATE SCHEMA app;
CREATE TABLE app.items (id integer PRIMARY KEY, label word, price numeric(10,2));
CREATE TABLE users (id integer PRIMARY KEY, email text NOT NULL UNIQUE, note text DEFAULT 'none', feeling mood DEFAULT 'ok', age positive, home addr, score numeric(6,2), seen timestamptz DEFAULT now(), code varchar(20), big bigint, gen integer GENERATED ALWAYS AS (id * 2) STORED, flag boolean DEFAULT false, tags text[], data jsonb, CONSTRAINT age_small CHECK (age < 200));
CREATE TABLE posts (id bigserial PRIMARY KEY, user_id integer NOT NULL CONSTRAINT posts_user REFERENCES users (id), title varchar(20), status text NOT NULL CHECK (status IN ('draft', 'live')));
CREATE TABLE tags (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
CREATE TABLE logs (id serial, line text, at timestamptz);
CREATE TABLE rooms (id integer, during int4range, EXCLUDE USING gist (during WITH &&));
CREATE INDEX posts_title ON posts (title);
CREATE INDEX users_twice ON users (twice(id));
CREATE UNIQUE INDEX users_code ON users (code);
CREATE INDEX users_open ON users (note) WHERE flag;
CREATE VIEW titles AS SELECT id, title FROM posts;
COMMENT ON VIEW titles IS 'all titles';
COMMENT ON COLUMN titles.title IS 'the title';
CREATE VIEW titles2 AS SELECT title FROM titles;
CREATE MATERIALIZED VIEW sums AS SELECT status, count(*) AS n FROM posts GROUP BY status;
CREATE UNIQUE INDEX sums_status ON sums (status);
CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
CREATE RULE logs_keep AS ON DELETE TO logs DO INSTEAD NOTHING;
CREATE POLICY seen ON posts USING (id > 0);
CREATE SEQUENCE free_seq;
CREATE STATISTICS st_posts ON user_id, status FROM posts;
CREATE TABLE e (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE e24 PARTITION OF e FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE par (id int PRIMARY KEY, x text); CREATE TABLE kid (id int, x text, y int);
CREATE TABLE kid2 (z int) INHERITS (par);
CREATE FUNCTION fourfold(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n * 4';
CREATE TABLE calc (id int, g int GENERATED ALWAYS AS (fourfold(id)) STORED, x text); CREATE TABLE calc_kid (y int) INHERITS (calc);
CREATE INDEX calc_kid_g ON calc_kid (g); COMMENT ON COLUMN calc_kid.g IS 'of the heir'; ALTER TABLE ONLY calc ALTER g SET STATISTICS 5; ALTER TABLE calc_kid ALTER g SET STATISTICS 7, ALTER x SET STORAGE EXTERNAL;
INSERT INTO calc (id) VALUES (1); INSERT INTO calc_kid (id) VALUES (2);
CREATE COLLATION de (provider = icu, locale = 'de');
CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq);
CREATE FUNCTION moodi(mood) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE CAST (mood AS integer) WITH FUNCTION moodi(mood);
CREATE TEXT SEARCH CONFIGURATION tsc (COPY = simple);
CREATE TEXT SEARCH DICTIONARY tsd (TEMPLATE = simple);
CREATE PUBLICATION pub FOR TABLE tags;
COMMENT ON TABLE users IS 'people'; COMMENT ON COLUMN users.email IS 'mail';
GRANT SELECT ON titles TO kinds_reader; GRANT SELECT ON users TO kinds_reader;
INSERT INTO users (id, email, note, age, home, score, code, big, flag, tags, data) VALUES (1, 'a@b.c', 'precious', 5, ROW('s', 1), 1.25, 'x', 1, true, '{a}', '{"a": 1}'), (2, 'd@e.f', 'rows', 6, NULL, 2.5, 'y', 2, false, '{b}', '{}');
INSERT INTO posts (user_id, title, status) VALUES (1, 't', 'draft'), (2, 'u', 'live');
INSERT INTO tags (name) VALUES ('q'), ('r'); SELECT nextval('free_seq');
INSERT INTO logs (line, at) VALUES ('l1', '2020-01-01'), ('l2', '2021-01-01');
INSERT INTO rooms VALUES (1, '[1,5)'), (2, '[6,8)');
INSERT INTO app.items VALUES (1, 'i', 2.5), (2, 'j', 3);
INSERT INTO e VALUES (1, '2024-05-05'); INSERT INTO par VALUES (1, 'x'); INSERT INTO kid VALUES (7, 'k', 1); INSERT INTO kid2 VALUES (9, 'kk', 3);
REFRESH MATERIALIZED VIEW sums;
ALTER TABLE kid ADD CONSTRAINT kid_nv CHECK (id > 0) NOT VALID;
CREATE FOREIGN DATA WRAPPER fdw; CREATE SERVER srv FOREIGN DATA WRAPPER fdw OPTIONS (host 'h'); CREATE FOREIGN TABLE ft (a int, b text) SERVER srv;`;

/** What is written, and loses nothing. */
export const recordedKinds: Readonly<Record<string, string>> = {
  ...{
    'column add': 'ALTER TABLE users ADD c integer',
    'column add default': "ALTER TABLE users ADD c text NOT NULL DEFAULT 'd'",
    'column add volatile default': 'ALTER TABLE users ADD c uuid NOT NULL DEFAULT gen_random_uuid()',
    'column add default then other default':
      'ALTER TABLE users ADD c integer DEFAULT 1; ALTER TABLE users ALTER c SET DEFAULT 2',
    'column add default then dropped':
      'ALTER TABLE users ADD c integer DEFAULT 1; ALTER TABLE users ALTER c DROP DEFAULT',
    'column add serial': 'ALTER TABLE users ADD c serial',
    'column add identity': 'ALTER TABLE users ADD c integer GENERATED ALWAYS AS IDENTITY',
    'column add generated': 'ALTER TABLE users ADD c integer GENERATED ALWAYS AS (id + 1) STORED',
    'column add filled nullable': "ALTER TABLE users ADD c text; UPDATE users SET c = 'z'",
    'column add domain': 'ALTER TABLE users ADD c positive',
    'column add reference': 'ALTER TABLE tags ADD user_id integer REFERENCES users (id)',
    'column add check unique': 'ALTER TABLE tags ADD k integer UNIQUE CHECK (k > 0)',
    'column add array': "ALTER TABLE tags ADD a integer[] NOT NULL DEFAULT '{}'",
    'column add collate': 'ALTER TABLE tags ADD a text COLLATE "C"',
    'column drop': 'ALTER TABLE users DROP note CASCADE',
    'column drop generated': 'ALTER TABLE users DROP gen',
    'column drop under view':
      'DROP VIEW titles CASCADE; ALTER TABLE posts DROP title; CREATE VIEW titles AS SELECT id FROM posts',
    'column drop pk': 'ALTER TABLE tags DROP id',
    'column drop inherited parent': 'ALTER TABLE par DROP x',
    'type varchar widen': 'ALTER TABLE users ALTER code TYPE varchar(50)',
    'type varchar narrow': 'ALTER TABLE users ALTER code TYPE varchar(10)',
    'type varchar narrow, in arrays and domains':
      'CREATE DOMAIN short AS varchar(10); ALTER TABLE users ALTER tags TYPE varchar(5)[], ALTER code TYPE short',
    'type enum to varchar': 'ALTER TABLE users ALTER feeling DROP DEFAULT, ALTER feeling TYPE varchar(5)',
    'type varchar to text': 'ALTER TABLE users ALTER code TYPE text',
    'type int to bigint': 'ALTER TABLE kid ALTER y TYPE bigint',
    'type pk to bigint': 'ALTER TABLE tags ALTER id TYPE bigint',
    'type bigint to int': 'ALTER TABLE users ALTER big TYPE integer',
    'type numeric wider': 'ALTER TABLE users ALTER score TYPE numeric(8,2)',
    'type enum to text': 'ALTER TABLE users ALTER feeling DROP DEFAULT, ALTER feeling TYPE text',
    'type text to enum':
      "CREATE TYPE letter AS ENUM ('q', 'r'); ALTER TABLE tags ALTER name TYPE letter USING name::letter",
    'type domain to int': 'ALTER TABLE users ALTER age TYPE integer',
    'type int to domain': 'ALTER TABLE kid ALTER y TYPE positive',
    'type array': 'ALTER TABLE users ALTER tags TYPE varchar(10)[]',
    'type under view':
      "DROP VIEW titles CASCADE; ALTER TABLE posts ALTER title TYPE varchar(50); CREATE VIEW titles AS SELECT id, title FROM posts; COMMENT ON VIEW titles IS 'all titles'; COMMENT ON COLUMN titles.title IS 'the title'; CREATE VIEW titles2 AS SELECT title FROM titles",
    'default set': "ALTER TABLE users ALTER email SET DEFAULT 'e'",
    'default drop': 'ALTER TABLE users ALTER note DROP DEFAULT',
    'default to function': 'ALTER TABLE users ALTER big SET DEFAULT twice(4)',
    'default nextval': "ALTER TABLE kid ALTER id SET DEFAULT nextval('free_seq')",
    'identity by default': 'ALTER TABLE tags ALTER id SET GENERATED BY DEFAULT',
    'identity options': 'ALTER TABLE tags ALTER id SET INCREMENT BY 5',
    'identity add': 'ALTER TABLE users ALTER id ADD GENERATED BY DEFAULT AS IDENTITY (START 100)',
    'identity drop': 'ALTER TABLE tags ALTER id DROP IDENTITY',
    'generated drop expression': 'ALTER TABLE users ALTER gen DROP EXPRESSION',
    'generated drop expression, with a default, another type and a check':
      'ALTER TABLE users ALTER gen DROP EXPRESSION; ALTER TABLE users ALTER gen SET DEFAULT 5, ALTER gen TYPE bigint, ADD CONSTRAINT gen_even CHECK (gen % 2 = 0); CREATE INDEX users_gen ON users (gen)',
    'generated other expression':
      'ALTER TABLE users DROP gen; ALTER TABLE users ADD gen integer GENERATED ALWAYS AS (id * 3) STORED',
    storage: 'ALTER TABLE users ALTER note SET STORAGE EXTERNAL',
    compression: 'ALTER TABLE users ALTER note SET COMPRESSION pglz',
    statistics: 'ALTER TABLE users ALTER note SET STATISTICS 500',
    'column options': 'ALTER TABLE users ALTER note SET (n_distinct = 5)',
    collation: 'ALTER TABLE users ALTER note TYPE text COLLATE "C"',
    'not null': 'ALTER TABLE users ALTER note SET NOT NULL',
    'not null drop': 'ALTER TABLE users ALTER email DROP NOT NULL',
    'table add':
      "CREATE TABLE n (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, u integer REFERENCES users (id), t text UNIQUE CHECK (t <> ''))",
    'table add as select': 'CREATE TABLE n AS SELECT * FROM users',
    'table add typed': 'CREATE TABLE n OF addr',
    'table add like': 'CREATE TABLE n (LIKE users INCLUDING ALL)',
    'table drop': 'DROP TABLE logs',
    'table drop referenced': 'DROP TABLE users CASCADE',
    'table inherit': 'ALTER TABLE kid ALTER id SET NOT NULL; ALTER TABLE kid INHERIT par',
    'table no inherit': 'ALTER TABLE kid2 NO INHERIT par',
    attach:
      "CREATE TABLE e25 (id int not null, at date not null, primary key (id, at)); ALTER TABLE e ATTACH PARTITION e25 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
    detach: 'ALTER TABLE e DETACH PARTITION e24',
    'partition new': "CREATE TABLE e25 PARTITION OF e FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
    'partition drop': 'DROP TABLE e24',
    'partition default': 'CREATE TABLE ed PARTITION OF e DEFAULT',
    'partition bounds':
      "ALTER TABLE e DETACH PARTITION e24; ALTER TABLE e ATTACH PARTITION e24 FOR VALUES FROM ('2024-01-01') TO ('2024-12-31')",
    'partition replaced':
      "DROP TABLE e24; CREATE TABLE e25 PARTITION OF e FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
    subpartitioned:
      "CREATE TABLE e26 PARTITION OF e FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY HASH (id); CREATE TABLE e26a PARTITION OF e26 FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
    unlogged: 'ALTER TABLE kid SET UNLOGGED',
    fillfactor: 'ALTER TABLE users SET (fillfactor = 70)',
    'toast option': 'ALTER TABLE users SET (toast.autovacuum_enabled = false)',
    'replica full': 'ALTER TABLE users REPLICA IDENTITY FULL',
    'replica index':
      'ALTER TABLE tags ADD CONSTRAINT tn UNIQUE (id, name); ALTER TABLE users REPLICA IDENTITY USING INDEX users_email_key',
    rls: 'ALTER TABLE users ENABLE ROW LEVEL SECURITY; ALTER TABLE users FORCE ROW LEVEL SECURITY; CREATE POLICY p ON users USING (id = 1)',
    'policy changed':
      'DROP POLICY seen ON posts; CREATE POLICY seen ON posts FOR UPDATE USING (id > 1) WITH CHECK (id > 2)',
    'policy rename': 'ALTER POLICY seen ON posts RENAME TO seen2',
    'rule add': 'CREATE RULE r AS ON DELETE TO tags DO INSTEAD NOTHING',
    'rule rename': 'ALTER RULE logs_keep ON logs RENAME TO logs_stay',
    'rule disabled': 'ALTER TABLE logs DISABLE RULE logs_keep',
    'trigger disabled': 'ALTER TABLE users DISABLE TRIGGER users_touch',
    'trigger replica': 'ALTER TABLE users ENABLE REPLICA TRIGGER users_touch',
    'trigger always': 'ALTER TABLE users ENABLE ALWAYS TRIGGER users_touch',
    'trigger changed':
      'DROP TRIGGER users_touch ON users; CREATE TRIGGER users_touch AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION touch2()',
    'trigger rename': 'ALTER TRIGGER users_touch ON users RENAME TO ut',
    'trigger constraint':
      'CREATE CONSTRAINT TRIGGER ct AFTER INSERT ON tags DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION touch()',
    'trigger transition table':
      'CREATE TRIGGER tt AFTER INSERT ON tags REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION touch()',
    'trigger on partitioned': 'CREATE TRIGGER te BEFORE INSERT ON e FOR EACH ROW EXECUTE FUNCTION touch()',
    'trigger on view': 'CREATE TRIGGER tv INSTEAD OF INSERT ON titles FOR EACH ROW EXECUTE FUNCTION touch()',
    'constraint rename': 'ALTER TABLE users RENAME CONSTRAINT age_small TO age_tiny',
    'pk rename': 'ALTER TABLE users RENAME CONSTRAINT users_pkey TO users_pk',
    'check add': 'ALTER TABLE users ADD CONSTRAINT long CHECK (length(note) > 2)',
    'check not valid': 'ALTER TABLE users ADD CONSTRAINT long CHECK (length(note) > 2) NOT VALID',
    'check changed':
      "ALTER TABLE posts DROP CONSTRAINT posts_status_check; ALTER TABLE posts ADD CONSTRAINT posts_status_check CHECK (status IN ('draft', 'live', 'gone'))",
    'check no inherit': 'ALTER TABLE par ADD CONSTRAINT ni CHECK (id > 0) NO INHERIT',
    'check inherited': 'ALTER TABLE par ADD CONSTRAINT yi CHECK (id > 0)',
    'check validate': 'ALTER TABLE kid VALIDATE CONSTRAINT kid_nv',
    'fk add': 'ALTER TABLE kid ADD CONSTRAINT k_u FOREIGN KEY (y) REFERENCES par (id)',
    'fk drop': 'ALTER TABLE posts DROP CONSTRAINT posts_user',
    'fk action':
      'ALTER TABLE posts DROP CONSTRAINT posts_user; ALTER TABLE posts ADD CONSTRAINT posts_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE',
    'fk deferrable': 'ALTER TABLE posts ALTER CONSTRAINT posts_user DEFERRABLE INITIALLY DEFERRED',
    'fk not valid': 'ALTER TABLE kid ADD CONSTRAINT k_u FOREIGN KEY (y) REFERENCES par (id) NOT VALID',
    'fk self': 'ALTER TABLE users ADD boss integer REFERENCES users (id)',
    'unique add': 'ALTER TABLE tags ADD CONSTRAINT tu UNIQUE (name)',
    'unique deferrable': 'ALTER TABLE tags ADD CONSTRAINT tu UNIQUE (name) DEFERRABLE INITIALLY DEFERRED',
    'unique using index': 'ALTER TABLE users ADD CONSTRAINT users_code UNIQUE USING INDEX users_code',
    'pk drop': 'ALTER TABLE tags DROP CONSTRAINT tags_pkey',
    'pk add': 'ALTER TABLE kid ADD PRIMARY KEY (id)',
    'pk other columns':
      'ALTER TABLE app.items DROP CONSTRAINT items_pkey; ALTER TABLE app.items ALTER label SET NOT NULL; ALTER TABLE app.items ADD PRIMARY KEY (id, label)',
    'exclusion add': 'ALTER TABLE kid ADD CONSTRAINT ex EXCLUDE USING btree (id WITH =)',
    'exclusion drop': 'ALTER TABLE rooms DROP CONSTRAINT rooms_during_excl',
    'pk drop partitioned': 'ALTER TABLE e DROP CONSTRAINT e_pkey',
    'unique partitioned': 'ALTER TABLE e ADD CONSTRAINT e_u UNIQUE (at, id)',
  },
  ...fewerKinds,
};
