// Statements on tables of a Citus cluster, and what Citus does with them: refuses them, or not. Lint is held to it without
// a cluster, and both to a real one.

/** Each table has another way to be spread; `apart` is not colocated with `accounts`. */
export const spreadTables = `CREATE TABLE accounts (id int PRIMARY KEY, name text);
SELECT create_distributed_table('accounts', 'id');
CREATE TABLE orders (tenant int, id int, note text, made date, PRIMARY KEY (tenant, id));
SELECT create_distributed_table('orders', 'tenant', colocate_with => 'accounts');
CREATE TABLE apart (id int PRIMARY KEY);
SELECT create_distributed_table('apart', 'id', colocate_with => 'none');
CREATE TABLE words (word text PRIMARY KEY);
SELECT create_distributed_table(table_name => 'words', distribution_column => 'word');
CREATE TABLE kinds (id int PRIMARY KEY);
SELECT create_reference_table('kinds');
CREATE TABLE single (id int PRIMARY KEY);
SELECT create_distributed_table('single', NULL);
CREATE TABLE own (id int PRIMARY KEY, other int UNIQUE, third int);
CREATE TABLE "Odd ""one""" ("The key" int PRIMARY KEY, b int);
SELECT create_distributed_table('public."Odd ""one"""', 'The key');
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';`;

/** [statements, the rule that refuses them as Citus does; null where Citus takes them] */
export const spreadCases: readonly (readonly [string, string | null])[] = [
  ['CREATE UNIQUE INDEX ON orders (id)', 'key-without-distribution-column'],
  ['CREATE UNIQUE INDEX ON orders (lower(note))', 'key-without-distribution-column'],
  ['CREATE UNIQUE INDEX ON orders (note) INCLUDE (tenant)', 'key-without-distribution-column'],
  ['CREATE UNIQUE INDEX ON orders (note, tenant)', null],
  ['CREATE UNIQUE INDEX ON orders (tenant, lower(note)) WHERE note IS NOT NULL', null],
  ['CREATE INDEX ON orders (note)', null],
  ['ALTER TABLE orders ADD CONSTRAINT u UNIQUE (id)', 'key-without-distribution-column'],
  ['ALTER TABLE orders ADD COLUMN extra int UNIQUE', 'key-without-distribution-column'],
  ['ALTER TABLE orders ADD EXCLUDE USING btree (note WITH =)', 'key-without-distribution-column'],
  ['ALTER TABLE orders ADD EXCLUDE USING btree (tenant WITH =, note WITH =)', null],
  ['CREATE UNIQUE INDEX ON kinds ((id % 7))', null],
  ['ALTER TABLE single ADD COLUMN extra int UNIQUE', null],
  ['ALTER TABLE own ADD UNIQUE (third)', null],
  ['CREATE UNIQUE INDEX ON public."Odd ""one""" (b)', 'key-without-distribution-column'],
  ['CREATE UNIQUE INDEX ON "Odd ""one""" (b, "The key")', null],
  [
    "CREATE TABLE n (a int PRIMARY KEY, b int); SELECT create_distributed_table('n', 'b')",
    'key-without-distribution-column',
  ],
  [
    "CREATE TABLE n (a int, b int); ALTER TABLE n ADD PRIMARY KEY (a); SELECT create_distributed_table('n', 'b')",
    'key-without-distribution-column',
  ],
  ["CREATE TABLE n (a int, b int, UNIQUE (b, a)); SELECT create_distributed_table('n', 'b')", null],
  ["SELECT create_distributed_table('own', 'id')", 'key-without-distribution-column'],
  ["SELECT create_distributed_table('own', NULL)", null],
  ["SELECT create_reference_table('own')", null],
  ['ALTER TABLE orders RENAME COLUMN tenant TO t; CREATE UNIQUE INDEX ON orders (t)', null],
  ['ALTER TABLE orders ADD FOREIGN KEY (tenant) REFERENCES accounts', null],
  ['ALTER TABLE orders ADD FOREIGN KEY (tenant) REFERENCES accounts (id)', null],
  ['ALTER TABLE orders ADD FOREIGN KEY (id) REFERENCES accounts', 'foreign-key-not-colocated'],
  ['ALTER TABLE orders ADD FOREIGN KEY (tenant) REFERENCES apart', 'foreign-key-not-colocated'],
  ['ALTER TABLE orders ADD FOREIGN KEY (note) REFERENCES words', 'foreign-key-not-colocated'],
  ['ALTER TABLE orders ADD FOREIGN KEY (id) REFERENCES kinds', null],
  ['ALTER TABLE orders ADD COLUMN kind int REFERENCES kinds', null],
  ['ALTER TABLE orders ADD COLUMN a int REFERENCES accounts', 'foreign-key-not-colocated'],
  ['ALTER TABLE orders ADD FOREIGN KEY (id) REFERENCES own', 'foreign-key-not-colocated'],
  ['ALTER TABLE orders ADD FOREIGN KEY (id) REFERENCES single', 'foreign-key-not-colocated'],
  ['ALTER TABLE kinds ADD FOREIGN KEY (id) REFERENCES accounts', 'foreign-key-not-colocated'],
  ['ALTER TABLE own ADD FOREIGN KEY (id) REFERENCES kinds', null],
  [
    "CREATE TABLE n (t int, id int, PRIMARY KEY (t, id), FOREIGN KEY (t, id) REFERENCES orders (tenant, id)); SELECT create_distributed_table('n', 't', colocate_with => 'orders')",
    null,
  ],
  [
    "CREATE TABLE n (t int, id int, PRIMARY KEY (t, id), FOREIGN KEY (t, id) REFERENCES orders (tenant, id)); SELECT create_distributed_table('n', 't', colocate_with => 'none')",
    'foreign-key-not-colocated',
  ],
  [
    "CREATE TABLE n (id int PRIMARY KEY REFERENCES own); SELECT create_distributed_table('n', 'id')",
    'foreign-key-not-colocated',
  ],
  ["CREATE TABLE n (id int PRIMARY KEY REFERENCES n); SELECT create_distributed_table('n', 'id')", null],
  [
    'CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()',
    'trigger-on-distributed-table',
  ],
  [
    'CREATE TRIGGER t AFTER DELETE ON kinds FOR EACH STATEMENT EXECUTE FUNCTION f()',
    'trigger-on-distributed-table',
  ],
  ['CREATE TRIGGER t BEFORE INSERT ON own FOR EACH ROW EXECUTE FUNCTION f()', null],
  [
    "CREATE TABLE n (id int); CREATE TRIGGER t BEFORE INSERT ON n FOR EACH ROW EXECUTE FUNCTION f(); SELECT create_distributed_table('n', 'id')",
    'trigger-on-distributed-table',
  ],
  [
    "CREATE TABLE n (id int); CREATE TRIGGER t BEFORE INSERT ON n FOR EACH ROW EXECUTE FUNCTION f(); DROP TRIGGER t ON n; SELECT create_distributed_table('n', 'id')",
    null,
  ],
  ['ALTER TABLE orders ALTER COLUMN tenant TYPE bigint', 'change-distribution-column'],
  ['ALTER TABLE orders DROP COLUMN tenant', 'change-distribution-column'],
  ['ALTER TABLE orders ALTER COLUMN note TYPE varchar(9)', null],
  ['ALTER TABLE orders RENAME COLUMN tenant TO t', null],
  [
    'ALTER TABLE orders RENAME COLUMN tenant TO t; ALTER TABLE orders DROP COLUMN t',
    'change-distribution-column',
  ],
  ['UPDATE orders SET tenant = 3', 'change-distribution-column'],
  ['UPDATE orders SET note = tenant', null],
  [
    'INSERT INTO orders (tenant, id) VALUES (1, 1) ON CONFLICT (tenant, id) DO UPDATE SET tenant = 2',
    'change-distribution-column',
  ],
];
