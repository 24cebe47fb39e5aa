// Kinds of change to tables that others INHERIT from or are partitions of, and to what must make room for another; as one would
// type them on the base of change-kinds.ts.

export const kindsOfHeirs: Readonly<Record<string, string>> = {
  'heir leaves without a column': 'ALTER TABLE kid2 NO INHERIT par; ALTER TABLE kid2 DROP x',
  'heir keeps its default': "ALTER TABLE ONLY par ALTER x SET DEFAULT 'q'",
  'heir gets another default':
    "ALTER TABLE par ALTER x SET DEFAULT 'a'; ALTER TABLE kid2 ALTER x SET DEFAULT 'b'",
  'heir new, with its own default':
    "CREATE TABLE kid6 () INHERITS (kid2); ALTER TABLE ONLY kid2 ALTER x SET DEFAULT 'm'",
  'heir keeps its NULL': 'ALTER TABLE ONLY par ALTER x SET NOT NULL',
  'heir keeps its storage': 'ALTER TABLE ONLY par ALTER x SET STORAGE MAIN',
  'heir keeps its column': 'ALTER TABLE ONLY par DROP COLUMN x',
  'heir of two columns and checks':
    'ALTER TABLE kid2 ADD c int, ADD CONSTRAINT mk CHECK (id > 0); ALTER TABLE par ADD c int, ADD CONSTRAINT mk CHECK (id > 0)',
  'heirs of a column dropped': 'ALTER TABLE calc DROP x',
  'heirs of a computed column':
    'ALTER TABLE ONLY calc ALTER g SET STATISTICS 8; ALTER TABLE calc_kid ALTER g SET STATISTICS 9',
  'heirs of a computed column made anew':
    'ALTER TABLE calc DROP g; ALTER TABLE calc ADD g int GENERATED ALWAYS AS (id * 5) STORED; ALTER TABLE calc_kid ALTER g SET STATISTICS 9',
  'heirs of a computed column over another type':
    'ALTER TABLE calc DROP g; ALTER TABLE calc ALTER id TYPE bigint; ALTER TABLE calc ADD g int GENERATED ALWAYS AS (id * 5) STORED; ALTER TABLE ONLY calc ALTER g SET STATISTICS 6; CREATE INDEX calc_kid_g ON calc_kid (g)',
  'heirs of a computed column over another function':
    "DROP FUNCTION fourfold CASCADE; CREATE FUNCTION fourfold(n integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT n * 4::bigint'; ALTER TABLE calc ADD g int GENERATED ALWAYS AS (fourfold(id)) STORED; ALTER TABLE ONLY calc ALTER g SET STATISTICS 6",
  'heir named before its parent':
    'CREATE TABLE a_kid (r int); CREATE TABLE z_par (r int); ALTER TABLE a_kid INHERIT z_par',
  'partition and column':
    "ALTER TABLE e ADD w int; CREATE TABLE e25 PARTITION OF e FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
  'partition split':
    "ALTER TABLE e DETACH PARTITION e24; CREATE TABLE e24b PARTITION OF e FOR VALUES FROM ('2024-07-01') TO ('2025-01-01'); ALTER TABLE e ATTACH PARTITION e24 FOR VALUES FROM ('2024-01-01') TO ('2024-07-01')",
  'partition and what refers to its table':
    "CREATE TABLE e25 PARTITION OF e FOR VALUES FROM ('2025-01-01') TO ('2026-01-01'); CREATE TABLE r3 (a int, b date, FOREIGN KEY (a, b) REFERENCES e)",
  'foreign keys to partitioned':
    'CREATE TABLE r2 (a int, b date, c int, d date, FOREIGN KEY (a, b) REFERENCES e, FOREIGN KEY (c, d) REFERENCES e)',
  'type under a generated column with it':
    'ALTER TABLE posts DROP CONSTRAINT posts_user; ALTER TABLE users DROP gen; DROP INDEX users_twice; ALTER TABLE users ALTER id TYPE bigint, ADD gen bigint GENERATED ALWAYS AS (id * 2) STORED; ALTER TABLE posts ALTER user_id TYPE bigint; ALTER TABLE posts ADD CONSTRAINT posts_user FOREIGN KEY (user_id) REFERENCES users (id)',
  'function and check over a new generated column':
    'ALTER TABLE tags ADD twice integer GENERATED ALWAYS AS (id * 2) STORED CHECK (twice > 0); CREATE FUNCTION all_twice() RETURNS SETOF integer BEGIN ATOMIC SELECT twice FROM tags; END',
  'functions of a new view':
    'CREATE VIEW act AS SELECT id FROM users; CREATE FUNCTION get_act(u users) RETURNS SETOF act LANGUAGE sql STABLE AS $$ SELECT id FROM users $$; CREATE FUNCTION count_act() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM act; END; CREATE VIEW act2 AS SELECT count_act() AS n',
  'domain over a new function':
    "CREATE FUNCTION is_fine(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'; CREATE DOMAIN fine AS text CHECK (is_fine(VALUE)); ALTER TABLE tags ADD f fine",
};
