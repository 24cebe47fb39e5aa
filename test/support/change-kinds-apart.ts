// Kinds of change to what stands on tables and beside them; and those that only a person can settle.

export const fewerKinds: Readonly<Record<string, string>> = {
  'index add': 'CREATE INDEX ui ON users (score DESC NULLS LAST, note text_pattern_ops)',
  'index drop': 'DROP INDEX posts_title',
  'index rename': 'ALTER INDEX posts_title RENAME TO posts_t',
  'index cluster': 'ALTER TABLE posts CLUSTER ON posts_title',
  'index options': 'ALTER INDEX posts_title SET (fillfactor = 50)',
  'index statistics': 'ALTER INDEX users_twice ALTER COLUMN 1 SET STATISTICS 100',
  'index unique include': 'CREATE UNIQUE INDEX ui ON users (id) INCLUDE (email) NULLS NOT DISTINCT',
  'index partial expression': 'CREATE INDEX ui ON users ((lower(email))) WHERE age > 3',
  'index gin': 'CREATE INDEX ui ON users USING gin (data jsonb_path_ops)',
  'index replaced': 'DROP INDEX posts_title; CREATE INDEX posts_title ON posts USING hash (title)',
  'index partitioned': 'CREATE INDEX e_at ON e (at)',
  'index on partition only': 'CREATE INDEX e24_at ON e24 (at)',
  'index attach':
    'CREATE INDEX e_at ON ONLY e (at); CREATE INDEX e24_at2 ON e24 (at); ALTER INDEX e_at ATTACH PARTITION e24_at2',
  'index on matview': 'CREATE INDEX sums_n ON sums (n)',
  'index unique to plain': 'DROP INDEX users_code; CREATE INDEX users_code ON users (code)',
  'index rename partitioned': 'ALTER INDEX e_pkey RENAME TO e_key',
  'sequence add': 'CREATE SEQUENCE s2 AS smallint INCREMENT 3 MINVALUE 3 START 6 CYCLE',
  'sequence drop': 'DROP SEQUENCE free_seq',
  'sequence rename owned': 'ALTER SEQUENCE posts_id_seq RENAME TO posts_id_s',
  'sequence rename identity': 'ALTER SEQUENCE tags_id_seq RENAME TO tags_s',
  'sequence owned by': 'ALTER SEQUENCE free_seq OWNED BY kid.y',
  'sequence owned by none': 'ALTER SEQUENCE posts_id_seq OWNED BY NONE',
  'sequence options': 'ALTER SEQUENCE free_seq INCREMENT 5 MAXVALUE 1000 CACHE 3',
  'sequence type': 'ALTER SEQUENCE free_seq AS integer',
  'sequence replaced':
    "CREATE SEQUENCE posts_new OWNED BY posts.id; ALTER TABLE posts ALTER id SET DEFAULT nextval('posts_new'); SELECT setval('posts_new', 2); DROP SEQUENCE posts_id_seq",
  'view add': 'CREATE VIEW v AS SELECT * FROM users',
  'view drop': 'DROP VIEW titles2',
  'view rename': 'ALTER VIEW titles RENAME TO titel',
  'view schema': 'ALTER VIEW titles2 SET SCHEMA app',
  'view column rename': 'ALTER VIEW titles2 RENAME COLUMN title TO heading',
  'view where': 'CREATE OR REPLACE VIEW titles AS SELECT id, title FROM posts WHERE id > 0',
  'view appended': 'CREATE OR REPLACE VIEW titles AS SELECT id, title, status FROM posts',
  'view middle':
    "DROP VIEW titles2, titles; CREATE VIEW titles AS SELECT id, status, title FROM posts; COMMENT ON VIEW titles IS 'all titles'; COMMENT ON COLUMN titles.title IS 'the title'; CREATE VIEW titles2 AS SELECT title FROM titles",
  'view middle grants':
    "DROP VIEW titles2, titles; CREATE VIEW titles AS SELECT id, status, title FROM posts; COMMENT ON VIEW titles IS 'all titles'; COMMENT ON COLUMN titles.title IS 'the title'; GRANT SELECT ON titles TO kinds_reader; CREATE VIEW titles2 AS SELECT title FROM titles",
  'view security barrier': 'ALTER VIEW titles SET (security_barrier = true)',
  'view security invoker': 'ALTER VIEW titles SET (security_invoker = true)',
  'view check option':
    'CREATE OR REPLACE VIEW titles AS SELECT id, title FROM posts WHERE id > 0 WITH LOCAL CHECK OPTION',
  'view recursive':
    'CREATE RECURSIVE VIEW nums (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM nums WHERE n < 5',
  'view default': "ALTER VIEW titles ALTER COLUMN title SET DEFAULT 'd'",
  'matview add': 'CREATE MATERIALIZED VIEW m2 AS SELECT * FROM users',
  'matview add no data': 'CREATE MATERIALIZED VIEW m2 AS SELECT * FROM users WITH NO DATA',
  'matview rename': 'ALTER MATERIALIZED VIEW sums RENAME TO summen',
  'matview query':
    'DROP MATERIALIZED VIEW sums; CREATE MATERIALIZED VIEW sums AS SELECT status, count(*) AS n, max(id) AS m FROM posts GROUP BY status; CREATE UNIQUE INDEX sums_status ON sums (status)',
  'matview to view':
    'DROP MATERIALIZED VIEW sums; CREATE VIEW sums AS SELECT status, count(*) AS n FROM posts GROUP BY status',
  'matview option': 'ALTER MATERIALIZED VIEW sums SET (fillfactor = 50)',
  'function add': "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = '' AS 'SELECT 1'",
  'function settings':
    "CREATE FUNCTION f2() RETURNS int LANGUAGE sql SET search_path = public, pg_temp SET work_mem = '5MB' AS 'SELECT 1'",
  'function settings that read as others':
    "CREATE FUNCTION f3() RETURNS int LANGUAGE sql SET app.x = 'a, search_path=evil' SET app.v2 = '50%, =b' SET search_path = \"a, b=c\", public AS 'SELECT 1'",
  'function body':
    "CREATE OR REPLACE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n + n'",
  'function volatility': 'ALTER FUNCTION thrice(integer) STABLE STRICT PARALLEL SAFE COST 5 LEAKPROOF',
  'function definer': 'ALTER FUNCTION thrice(integer) SECURITY DEFINER SET search_path = pg_catalog',
  'function result':
    "DROP INDEX users_twice; DROP FUNCTION twice; CREATE FUNCTION twice(n integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT n * 2::bigint'; CREATE INDEX users_twice ON users (twice(id))",
  'function default arg':
    "DROP FUNCTION thrice; CREATE FUNCTION thrice(n integer DEFAULT 1) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n * 3'",
  'function default arg dropped':
    "CREATE OR REPLACE FUNCTION thrice(n integer, m integer DEFAULT 4) RETURNS integer LANGUAGE sql AS 'SELECT n * m'",
  'function arg renamed':
    "DROP FUNCTION thrice; CREATE FUNCTION thrice(k integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT k * 3'",
  'function rename': 'ALTER FUNCTION twice(integer) RENAME TO doubled',
  'function schema': 'ALTER FUNCTION twice(integer) SET SCHEMA app',
  'function table':
    "CREATE FUNCTION ft2(OUT a int, OUT b text) RETURNS SETOF record LANGUAGE sql AS 'SELECT 1, ''x'''; CREATE FUNCTION ft3() RETURNS TABLE (x int) LANGUAGE sql RETURN 5",
  'function atomic body':
    'CREATE FUNCTION fa(i int) RETURNS int BEGIN ATOMIC SELECT id FROM users WHERE id = i; END',
  'function drop trigger': 'DROP FUNCTION touch() CASCADE',
  'function overload': "CREATE FUNCTION thrice(n numeric) RETURNS numeric LANGUAGE sql AS 'SELECT n * 3'",
  'procedure change': "CREATE OR REPLACE PROCEDURE noop(a integer) LANGUAGE sql AS 'SELECT 2'",
  'procedure drop': 'DROP PROCEDURE noop',
  'aggregate change':
    "DROP AGGREGATE mysum(integer); CREATE AGGREGATE mysum (integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '1')",
  'aggregate rename': 'ALTER AGGREGATE mysum(integer) RENAME TO yoursum',
  'enum add': "ALTER TYPE mood ADD VALUE 'meh' BEFORE 'ok'",
  'enum rename value': "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'",
  'enum remove':
    "DROP CAST (mood AS integer); DROP FUNCTION moodi(mood); ALTER TABLE users ALTER feeling DROP DEFAULT; ALTER TYPE mood RENAME TO old; CREATE TYPE mood AS ENUM ('sad', 'ok'); ALTER TABLE users ALTER feeling TYPE mood USING feeling::text::mood; DROP TYPE old; ALTER TABLE users ALTER feeling SET DEFAULT 'ok'",
  'enum new used':
    "CREATE TYPE colour AS ENUM ('red'); ALTER TABLE users ADD COLUMN colour colour DEFAULT 'red'",
  'type rename': 'ALTER TYPE mood RENAME TO feelings',
  'type schema': 'ALTER TYPE addr SET SCHEMA app',
  'composite add attribute': 'ALTER TYPE addr ADD ATTRIBUTE city text',
  'composite drop attribute': 'ALTER TYPE addr DROP ATTRIBUTE zip',
  'composite new': 'CREATE TYPE pair AS (a int, b text); ALTER TABLE tags ADD p pair',
  'domain check add': 'ALTER DOMAIN positive ADD CONSTRAINT le CHECK (VALUE < 1000)',
  'domain check rename': 'ALTER DOMAIN positive RENAME CONSTRAINT positive_check TO pc',
  'domain default': 'ALTER DOMAIN positive SET DEFAULT 3',
  'domain not null': 'ALTER DOMAIN word SET NOT NULL',
  'domain rename': 'ALTER DOMAIN positive RENAME TO pos',
  'domain new':
    "CREATE DOMAIN mail AS text CHECK (VALUE LIKE '%@%'); ALTER TABLE users ALTER email TYPE mail",
  'range new': 'CREATE TYPE tr AS RANGE (SUBTYPE = time, MULTIRANGE_TYPE_NAME = tmr)',
  'range rename': 'ALTER TYPE fr RENAME TO floatr',
  'extension add': 'CREATE EXTENSION citext; ALTER TABLE kid ALTER x TYPE citext',
  'extension schema': 'CREATE EXTENSION hstore SCHEMA app',
  'collation add': "CREATE COLLATION fr (provider = icu, locale = 'fr')",
  'collation drop': 'DROP COLLATION de',
  'collation rename': 'ALTER COLLATION de RENAME TO german',
  'operator add':
    'CREATE OPERATOR ==== (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq, COMMUTATOR = ====)',
  'operator drop': 'DROP OPERATOR === (integer, integer)',
  'operator class':
    'CREATE OPERATOR CLASS oc FOR TYPE integer USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(integer, integer)',
  'cast add':
    "CREATE FUNCTION tomood(integer) RETURNS mood LANGUAGE sql IMMUTABLE AS 'SELECT ''ok''::mood'; CREATE CAST (integer AS mood) WITH FUNCTION tomood(integer) AS ASSIGNMENT",
  'cast drop': 'DROP CAST (mood AS integer)',
  'conversion add': "CREATE CONVERSION conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
  'text search config add': 'CREATE TEXT SEARCH CONFIGURATION tsc2 (COPY = english)',
  'text search config mapping': 'ALTER TEXT SEARCH CONFIGURATION tsc ALTER MAPPING FOR asciiword WITH tsd',
  'text search config drop': 'DROP TEXT SEARCH CONFIGURATION tsc',
  'text search dict option': 'ALTER TEXT SEARCH DICTIONARY tsd (accept = false)',
  'server option': "ALTER SERVER srv OPTIONS (SET host 'i')",
  'foreign table column': 'ALTER FOREIGN TABLE ft ADD c integer',
  'foreign table drop': 'DROP FOREIGN TABLE ft',
  'publication add': 'CREATE PUBLICATION p2 FOR ALL TABLES',
  'publication table': 'ALTER PUBLICATION pub ADD TABLE logs',
  'publication where': 'ALTER PUBLICATION pub SET TABLE tags (id) WHERE (id > 0)',
  'publication rename': 'ALTER PUBLICATION pub RENAME TO pub2',
  'event trigger':
    'CREATE FUNCTION et() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$; CREATE EVENT TRIGGER ev ON sql_drop EXECUTE FUNCTION et()',
  'statistics add': 'CREATE STATISTICS st2 (dependencies) ON id, title FROM posts',
  'statistics expression': 'CREATE STATISTICS st3 ON lower(title), id FROM posts',
  'statistics rename': 'ALTER STATISTICS st_posts RENAME TO st_p',
  'statistics target': 'ALTER STATISTICS st_posts SET STATISTICS 300',
  'statistics drop': 'DROP STATISTICS st_posts',
  'comment add':
    "COMMENT ON TABLE tags IS 'Words; with \"q\" and ''q'''; COMMENT ON INDEX posts_title IS 'i'; COMMENT ON FUNCTION twice(integer) IS 'f'; COMMENT ON SCHEMA app IS 's'; COMMENT ON TYPE mood IS 'm'; COMMENT ON DOMAIN positive IS 'd'; COMMENT ON TRIGGER users_touch ON users IS 't'; COMMENT ON POLICY seen ON posts IS 'p'; COMMENT ON CONSTRAINT age_small ON users IS 'c'; COMMENT ON RULE logs_keep ON logs IS 'r'; COMMENT ON SEQUENCE free_seq IS 'q'; COMMENT ON COLUMN tags.name IS 'n'",
  'comment changed': "COMMENT ON COLUMN users.email IS E'a\\\\b'",
  'comment removed': 'COMMENT ON TABLE users IS NULL; COMMENT ON COLUMN titles.title IS NULL',
  'comment constraint':
    "COMMENT ON CONSTRAINT age_small ON users IS 'c'; ALTER TABLE users DROP CONSTRAINT age_small; ALTER TABLE users ADD CONSTRAINT age_small CHECK (age < 150)",
  'grant add': 'GRANT INSERT, UPDATE (note) ON users TO kinds_reader',
  'grant revoke': 'REVOKE SELECT ON users FROM kinds_reader',
  'grant schema':
    'GRANT USAGE ON SCHEMA app TO kinds_reader; GRANT EXECUTE ON FUNCTION twice(integer) TO kinds_reader; REVOKE EXECUTE ON FUNCTION twice(integer) FROM PUBLIC; GRANT USAGE ON SEQUENCE free_seq TO kinds_reader WITH GRANT OPTION',
  'grant new table': 'CREATE TABLE g (id int); GRANT SELECT ON g TO kinds_reader',
  'owner table': 'ALTER TABLE tags OWNER TO kinds_owner',
  'owner function':
    'ALTER FUNCTION twice(integer) OWNER TO kinds_owner; ALTER VIEW titles OWNER TO kinds_owner',
  'owner new': 'CREATE TABLE g (id int); ALTER TABLE g OWNER TO kinds_owner',
  'default privileges': 'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO kinds_reader',
  'default privileges of another role':
    'ALTER DEFAULT PRIVILEGES FOR ROLE kinds_owner IN SCHEMA app GRANT SELECT ON TABLES TO kinds_reader; ALTER DEFAULT PRIVILEGES FOR ROLE kinds_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC',
  'default privileges that keep something from their owner':
    'ALTER DEFAULT PRIVILEGES FOR ROLE kinds_owner REVOKE INSERT ON TABLES FROM kinds_owner; ALTER DEFAULT PRIVILEGES REVOKE ALL ON SEQUENCES FROM CURRENT_USER',
  'setting of a role':
    "DO $$ BEGIN EXECUTE format('ALTER ROLE kinds_reader IN DATABASE %I SET work_mem = %L', current_database(), '7MB'); END $$",
  'database setting':
    "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = %L', current_database(), '5MB'); END $$",
  'schema add': 'CREATE SCHEMA z; CREATE TABLE z.t (id int primary key)',
  'schema drop': 'DROP SCHEMA app CASCADE',
  'language transform am': 'CREATE ACCESS METHOD am2 TYPE TABLE HANDLER heap_tableam_handler',
  'foreign server and table added':
    "CREATE SERVER srv2 FOREIGN DATA WRAPPER fdw OPTIONS (host 'x'); CREATE FOREIGN TABLE ft2 (a int) SERVER srv2",
  'new partitioned table':
    "CREATE TABLE m (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at); CREATE TABLE m1 PARTITION OF m FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (id); CREATE TABLE m1a PARTITION OF m1 DEFAULT; CREATE INDEX m_at ON m (at)",
  'generated column under an index':
    'DROP INDEX IF EXISTS g; ALTER TABLE users DROP gen; ALTER TABLE users ADD gen bigint GENERATED ALWAYS AS (id * 5) STORED; CREATE INDEX ug ON users (gen)',
  'type under a generated column':
    'DROP INDEX users_twice; ALTER TABLE posts DROP CONSTRAINT posts_user; ALTER TABLE users DROP gen; ALTER TABLE users ALTER id TYPE bigint; ALTER TABLE users ADD gen integer GENERATED ALWAYS AS (id * 2) STORED; ALTER TABLE posts ADD CONSTRAINT posts_user FOREIGN KEY (user_id) REFERENCES users (id)',
};

/** Renamed, or dropped and made anew: only a person knows. */
export const doubtfulKinds: Readonly<Record<string, string>> = {
  'column rename': 'ALTER TABLE users RENAME note TO remark',
  'column rename default':
    "ALTER TABLE users RENAME note TO remark; ALTER TABLE users ALTER remark SET DEFAULT 'x'",
  'column rename type':
    'ALTER TABLE users RENAME note TO remark; ALTER TABLE users ALTER remark TYPE varchar(100)',
  'column rename pk': 'ALTER TABLE users RENAME id TO uid',
  'column rename under view': 'ALTER TABLE posts RENAME title TO heading',
  'column rename partitioned': 'ALTER TABLE e RENAME id TO eid',
  'column rename serial': 'ALTER TABLE posts RENAME id TO pid',
  'column rename inherited': 'ALTER TABLE par RENAME x TO xx',
  'table rename': 'ALTER TABLE logs RENAME TO journal',
  'table rename with key':
    'ALTER TABLE tags RENAME TO words; ALTER INDEX tags_pkey RENAME TO words_pkey; ALTER SEQUENCE tags_id_seq RENAME TO words_id_seq',
  'table rename and column':
    'ALTER TABLE logs RENAME TO journal; ALTER TABLE journal RENAME line TO entry; ALTER TABLE journal ADD n integer',
  'table schema': 'ALTER TABLE logs SET SCHEMA app',
  'sequence rename free': 'ALTER SEQUENCE free_seq RENAME TO loose_seq',
  'sequence schema': 'ALTER SEQUENCE free_seq SET SCHEMA app',
  'composite rename attribute': 'ALTER TYPE addr RENAME ATTRIBUTE zip TO plz',
  'schema rename': 'ALTER SCHEMA app RENAME TO application',
};

/** Values were computed, or a position goes, in a way that is not in the schema. */
export const incompleteKinds: Readonly<Record<string, string>> = {
  'column add notnull filled':
    "ALTER TABLE users ADD c text; UPDATE users SET c = 'z'; ALTER TABLE users ALTER c SET NOT NULL",
  'type numeric scale down': 'ALTER TABLE users ALTER score TYPE numeric(6,1)',
  'type int to numeric using': 'ALTER TABLE users ALTER big TYPE numeric(10,2) USING big / 100.0',
  'type text to int': 'ALTER TABLE users ALTER note DROP DEFAULT, ALTER note TYPE integer USING length(note)',
  'type timestamptz to date': 'ALTER TABLE logs ALTER at TYPE date',
  'type timestamptz to timestamp': "ALTER TABLE logs ALTER at TYPE timestamp USING at AT TIME ZONE 'UTC'",
  'type jsonb to json': 'ALTER TABLE users ALTER data TYPE json',
  'type bool to int':
    'ALTER TABLE users ALTER flag DROP DEFAULT; DROP INDEX users_open; ALTER TABLE users ALTER flag TYPE integer USING flag::int; CREATE INDEX users_open ON users (note) WHERE flag = 1',
  'identity drop': 'ALTER TABLE tags ALTER id DROP IDENTITY',
  'identity from serial':
    "ALTER TABLE posts ALTER id DROP DEFAULT; DROP SEQUENCE posts_id_seq; ALTER TABLE posts ALTER id ADD GENERATED ALWAYS AS IDENTITY; SELECT setval('posts_id_seq', 2)",
  'generated drop expression': 'ALTER TABLE users ALTER gen DROP EXPRESSION',
  'generated from plain':
    'ALTER TABLE users DROP big; ALTER TABLE users ADD big bigint GENERATED ALWAYS AS (id * 3) STORED',
  'partitioned made of plain':
    'ALTER TABLE logs RENAME TO logs_old; CREATE TABLE logs (id int, line text, at timestamptz) PARTITION BY RANGE (at); DROP TABLE logs_old',
  'matview to table':
    'DROP MATERIALIZED VIEW sums; CREATE TABLE sums AS SELECT status, count(*) AS n FROM posts GROUP BY status',
  'table to view': 'ALTER TABLE par DROP x; DROP TABLE logs; CREATE VIEW logs AS SELECT 1 AS id',
  'user mapping': "CREATE USER MAPPING FOR CURRENT_USER SERVER srv OPTIONS (user 'u', password 'p')",
};
