// Where secrets stand in SQL and in what quotes it: found in every way of writing, and in a number of steps that grows
// with the text's length alone.
import { expect } from 'chai';
import fc from 'fast-check';
import { maskSqlSecrets, withoutSecrets } from '../../scripts/base/redact.ts';
import { secretRanges } from '../../scripts/base/sql-secrets.ts';
import { loadParser } from '../../scripts/files/statements.ts';

const sql = [
  "SELECT dblink_connect('c', 'host=h password=s3cr3t user=u')",
  "SELECT dblink_connect('host=h password=''s3cr3t''')",
  "SELECT dblink_connect('postgres://app@h/d?sslmode=require&password=s3cr3t')",
  "SELECT dblink_connect('postgres://app:pa/s@s3cr3t@h/d')",
  "ALTER ROLE app PASSWORD 'first'\n  's3cr3t'",
  "SELECT format('ALTER ROLE %I PASSWORD %L', 'app', 's3cr3t')",
  "DO $do$ BEGIN EXECUTE format($f$ALTER ROLE app PASSWORD %1$L$f$, 's3cr3t'); END $do$",
  "DO $$ BEGIN EXECUTE 'ALTER ROLE app PASSWORD ' || quote_literal('s3cr3t'); END $$",
  "DO $$ BEGIN EXECUTE 'ALTER ROLE app PASSWORD ''' || 's3cr3t' || ''''; END $$",
  "DO $$ DECLARE pw CONSTANT text := 'x'; my_password text := 's3cr3t'; BEGIN END $$",
  "ALTER USER MAPPING FOR app SERVER s OPTIONS (SET password 's3cr3t', ADD \"passwd\" 's3cr3t')",
  "CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (secret_access_key 's3cr3t', api_key 's3cr3t')",
  "ALTER SERVER s OPTIONS (ADD token 's3cr3t', SET \"client-secret\" E's3cr3t\\'')",
  "ALTER SUBSCRIPTION s CONNECTION 'host=h user=u sslpassword=s3cr3t'",
  "SET my.password = 's3cr3t'",
  'SET LOCAL my.api_token TO s3cr3t',
  'ALTER DATABASE d SET my.password = s3cr3t',
  "SELECT set_config('my.password', 's3cr3t', false)",
  "UPDATE settings SET smtp_password = 's3cr3t'",
  "ALTER SUBSCRIPTION s CONNECTION E'host=h password=\\'s3cr3t\\''",
  "DO 'BEGIN EXECUTE ''ALTER ROLE app PASSWORD ''''s3cr3t'''' ''; END'",
  "DO $$ DECLARE pw text := 's3cr3t'; admin_pw text := 's3cr3t'; BEGIN END $$",
  "ALTER ROLE app PASSWORD U&'s3cr3t' UESCAPE '!'",
  "SELECT jsonb_build_object('user', 'u', 'password', 's3cr3t')",
  "UPDATE users SET password = crypt('s3cr3t', gen_salt('bf'))",
  "DO $$ BEGIN RAISE NOTICE 'password=%, %', 's3cr3t', 's3cr3t'; END $$",
  "CREATE TABLE c (id int, api_token varchar(20) NOT NULL DEFAULT 's3cr3t'::text)",
  "ALTER TABLE c ALTER COLUMN api_token SET DEFAULT 's3cr3t'",
  "CREATE FUNCTION f(password text DEFAULT 's3cr3t') RETURNS int LANGUAGE sql AS 'SELECT 1'",
  "CREATE POLICY p ON c USING (api_token <> 's3cr3t' OR token IN ('s3cr3t', 's3cr3t') OR secret LIKE 's3cr3t%')",
  "INSERT INTO users AS u (a, b, password) VALUES (concat('x', ',', 'y'), 1, 's3cr3t'), ('a', 2, crypt('s3cr3t', 'x'))",
  "SELECT set_config(setting_name => 'app.secret', new_value => 's3cr3t', is_local => false)",
  "SELECT set_config('app.secret', new_value := 's3cr3t', is_local := false), hstore('password', 's3cr3t')",
  "SELECT azure_ai.set_setting('azure_openai.subscription_key', 's3cr3t'), azure_storage.account_add('a', 's3cr3t')",
  "SELECT aws_commons.create_aws_credentials('AKIA', 's3cr3t', ''), hmac('x', 's3cr3t', 'sha256')",
  "SELECT crypt('s3cr3t', gen_salt('bf')), pgp_sym_encrypt('x', 's3cr3t'), vault.create_secret('s3cr3t', 'n')",
  `INSERT INTO settings VALUES ('{"smtp_pass": "s3cr3t"}', '{"pass": "s3cr3t"}')`,
  "INSERT INTO settings (key, value) VALUES ('smtp.password', 's3cr3t'), ('a', 'b'), ('api_key', 's3cr3t')",
  "INSERT INTO users SELECT 'a', 's3cr3t' AS password, 's3cr3t'::text as \"api_token\"",
  "DO $$ BEGIN EXECUTE concat('CREATE ROLE a PASSWORD ', quote_literal('s3cr3t')); END $$",
  "SELECT '<password>s3cr3t</password>'::xml, dblink('host=h pass=s3cr3t', 'SELECT 1')",
  `COPY t FROM PROGRAM 'PGPASSWORD=s3cr3t psql "host=x password=s3cr3t"'`,
  `SELECT http_header('Authorization', 'Bearer s3cr3ts3cr3t'), net.http_get('{"Authorization": "Bearer s3cr3ts3cr3t"}')`,
  "CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (encryption_key 's3cr3t')",
  ...['gho_', 'github_pat_', 'glpat-', 'npm_', 'sk_live_', 'rk_live_', 'xoxb-'].map(
    (opening) => `SELECT '${opening}s3cr3ts3cr3ts3cr3t'`,
  ),
  "SELECT 'eyJhbGciOiJI.eyJzdWIiOiIx.s3cr3t_s3cr3t', 'https://x.example/c?sv=1&sig=s3cr3ts3cr3t%3Ds3cr3t'",
  "SELECT '-----BEGIN RSA PRIVATE KEY-----\ns3cr3t\ns3cr3t\n-----END RSA PRIVATE KEY-----'",
];

/** A literal beside which another one is the name of a secret. */
const told = [
  `INSERT INTO s VALUES ($j\${"password": "s3cr3t"}$j$::jsonb)`,
  `INSERT INTO s VALUES ($\${"a":{"password": "s3cr3t"}}$$::jsonb)`,
  `SELECT 'smtp_password=>s3cr3t'::hstore, 'a=>b, "smtp_password"=>"s3cr3t"'::hstore`,
  `UPDATE s SET d = jsonb_set(d, '{smtp,password}', '"s3cr3t"')`,
  `UPDATE s SET d['smtp_password'] = '"s3cr3t"'`,
  "UPDATE s SET d = d || jsonb_build_object('a', 1, 'smtp_password', 's3cr3t')",
  "UPDATE s SET d = json_build_object('name', 'SMTP_PASSWORD', 'value', 's3cr3t')",
  "UPDATE settings SET value='s3cr3t' WHERE key='smtp_password'",
  "SELECT json_object(ARRAY['password','s3cr3t'])",
  "SELECT JSON_OBJECT('password': 's3cr3t'), JSON_OBJECT('password' VALUE 's3cr3t')",
  "INSERT INTO s (value, key) VALUES ('s3cr3t', 'smtp_password')",
  "INSERT INTO s SELECT 'smtp_password', 's3cr3t'",
  "INSERT INTO s (id, key, descr, value) VALUES (1, 'smtp_password', 'the mail server', 's3cr3t')",
  "INSERT INTO s VALUES (row('smtp_password', 's3cr3t'))",
  `INSERT INTO s VALUES ('<setting name="smtp_password" value="s3cr3t"/>')`,
  "INSERT INTO s VALUES (E'SMTP_PASSWORD=s3cr3t\\nOTHER=x')",
  `INSERT INTO settings (key, value) VALUES ('app', '{"name": "SMTP_PASSWORD", "value": "s3cr3t"}')`,
  'SELECT dblink_connect($$host=h password=s3cr3t$$)',
  "UPDATE settings SET value=$q$s3cr3t$q$, updated_by = 'ann' FROM x WHERE settings.key ILIKE '%smtp_password'",
  "UPDATE settings SET (value) = ROW('s3cr3t') WHERE key IN ('smtp_host', 'smtp_password')",
  "UPDATE settings SET value = CASE key WHEN 'smtp_host' THEN 'h' WHEN 'smtp_password' THEN 's3cr3t' END",
  "UPDATE settings s SET value = v.v FROM (VALUES ('s3cr3t', 'smtp_password'), ('x', 'host')) v (v, k) WHERE s.key = v.k",
  "INSERT INTO settings (key, value) VALUES ('smtp_password', DEFAULT) ON CONFLICT (key) DO UPDATE SET value = 's3cr3t'",
  "INSERT INTO settings SELECT 's3cr3t', 'x', 'smtp_password' UNION ALL SELECT 'plain', 'y', 'host'",
  "CREATE TABLE settings AS SELECT 'smtp_password'::text AS key, 's3cr3t'::text AS value",
  "WITH x AS (SELECT 'smtp_password' AS k, 's3cr3t' AS v) INSERT INTO settings SELECT k, v FROM x",
  "MERGE INTO settings s USING (SELECT 'smtp_password' AS k) x ON s.key = x.k WHEN MATCHED THEN UPDATE SET value = 's3cr3t' WHEN NOT MATCHED THEN INSERT VALUES (x.k, 's3cr3t')",
  "MERGE INTO settings s USING (VALUES ('smtp_password', 's3cr3t')) x (k, v) ON s.key = x.k WHEN MATCHED THEN UPDATE SET value = x.v",
  "DELETE FROM settings WHERE key = 'smtp_password' AND value = 's3cr3t'",
  "SELECT app.put_setting('mail', 'smtp_password', 's3cr3t')",
  "CALL app.anything('smtp_password', 's3cr3t')",
  "PREPARE p AS UPDATE settings SET value = $1 WHERE key = $2; EXECUTE p ('s3cr3t', 'smtp_password')",
  "DO $$ BEGIN UPDATE settings SET value = 's3cr3t' WHERE key = 'smtp_password'; END $$",
  "DO $$ BEGIN EXECUTE 'UPDATE settings SET value = ''s3cr3t'' WHERE key = ''smtp_password'''; END $$",
  "DO $$ BEGIN EXECUTE format('UPDATE settings SET value = %L WHERE key = %L', 's3cr3t', 'smtp_password'); END $$",
  "DO $$ BEGIN EXECUTE format('UPDATE settings SET value = %L WHERE key = ''smtp_password'';', 's3cr3t'); END $$",
  "DO $$ BEGIN EXECUTE 'UPDATE settings SET value = $1 WHERE key = $2' USING 's3cr3t', 'smtp_password'; END $$",
  "DO $$ BEGIN EXECUTE 'UPDATE settings SET value = ' || quote_literal('s3cr3t') || ' WHERE key = ' || quote_literal('smtp_password'); END $$",
  "DO $$ BEGIN IF name = 'smtp_password' THEN UPDATE settings SET value = 's3cr3t'; END IF; END $$",
  "INSERT INTO settings (key, value) SELECT unnest(ARRAY['smtp_host', 'smtp_password']), unnest(ARRAY['h', 's3cr3t'])",
  "INSERT INTO settings (key, value) SELECT * FROM unnest(ARRAY['smtp_host', 'smtp_password'], ARRAY['h', 's3cr3t'])",
  "UPDATE s SET d = jsonb_build_object('smtp_password', jsonb_build_object('value', 's3cr3t'))",
  "SELECT 1 FROM s WHERE d ->> 'smtp_password' = 's3cr3t' OR d #>> '{smtp,password}' <> 's3cr3t'",
  `INSERT INTO settings (key, value) VALUES ('app', '[{"value": "s3cr3t", "name": "SMTP_PASSWORD"}]')`,
  "UPDATE settings SET value = convert_to('s3cr3t', 'UTF8') WHERE key = 'smtp_password'",
  "UPDATE settings SET value = U&'s3cr3t' WHERE 'smtp_password' = key",
  "UPDATE settings SET value = 's3cr3t'\n  's3cr3t' WHERE key = 'smtp_password'",
  "UPDATE settings SET value = E's3cr3t\\'s3cr3t' WHERE key = E'smtp_password'",
  "UPDATE settings SET value = ('s3cr3t' || 's3cr3t')::text WHERE upper(key) = 'SMTP_PASSWORD'",
  "/* x */ UPDATE settings -- y\nSET value /* = */ = 's3cr3t' -- and\nWHERE key /* 'x' */ = 'smtp_password'",
  `UPDATE ONLY "app"."settings" AS s SET "value" = 's3cr3t' WHERE s."key" = 'smtp_password' RETURNING 'x'`,
  "CREATE FUNCTION f() RETURNS void LANGUAGE sql BEGIN ATOMIC UPDATE settings SET value = 's3cr3t' WHERE key = 'smtp_password'; END",
  `INSERT INTO settings VALUES ('app', '{"password": "s3\\"s3cr3t, }s3cr3t", "a": "b"}')`,
  `INSERT INTO settings VALUES ('app', E'{"password": "s3\\\\"s3cr3t}", "a": "b"}')`,
  `INSERT INTO settings VALUES ('app', '{"name": "SMTP_PASSWORD", "value": "a s3cr3t"}')`,
];

const others = [
  `up --reason "password='s3cr3t'"`,
  `SQL statement "CREATE ROLE app PASSWORD 's3cr3t'"\nPL/pgSQL function f() line 1 at EXECUTE`,
  "ALTER ROLE app PASSWORD 'first' -- and\n  's3cr3t'",
  "-- the password 's3cr3t' of old",
  '/* password=s3cr3t */ SELECT 1',
  `INSERT INTO settings VALUES ('{"smtp": {"password": "s3cr3t"}}')`,
  "INSERT INTO users (name, password) VALUES ('a', 's3cr3t'), ('b', 's3cr3t')",
  "CALL set_password('app', 's3cr3t')",
  "COMMENT ON COLUMN c.t IS 'Bearer token: s3cr3t'",
  "INSERT INTO kept VALUES ('DO $$ BEGIN RAISE NOTICE ''password=%'', ''s3cr3t''; END $$')",
  `SELECT net.http_post(headers := '{"Authorization": "Bearer s3cr3t"}')`,
  'Key (email, password)=(a@b.example, s3cr3t) already exists.',
  'connection to postgres://app:s3cr3t@h/d failed: cannot open',
  "can't log in: password=s3cr3t",
  "it's wrong, PASSWORD 's3cr3t'",
  "unknown option '--password='s3cr3t''",
  'Cannot read the migrations directory postgres:/u:s3cr3t@h/d: scandir postgresql:/u:s3cr3t/x@h/d',
  'There is no plan u:s3cr3t@h/d',
  'Key (tenant, setting_value)=(1, s3cr3t) already exists.',
  'Key (key, value)=(smtp_password, s3cr3t) already exists.',
  'Key (tenant, key, value)=(1, api.token, s3cr3t, s3cr3t) conflicts with existing key (a)=(s3cr3t).',
];

const harmless = [
  "COMMENT ON COLUMN users.password IS 'bcrypt, see the wiki'",
  "CREATE TABLE users (password text, kind text DEFAULT 'a' CHECK (kind IN ('password', 'oauth')))",
  "INSERT INTO labels VALUES ('Enter your password', 'Bitte Passwort eingeben')",
  'CREATE FUNCTION f(p text) RETURNS bool AS $$ SELECT u.password = crypt(p, u.password) FROM users u $$',
  "ALTER TABLE users RENAME COLUMN pwd TO password; SELECT 'x'",
  'UPDATE users SET password = new_password WHERE token = $1',
  'at 10:30 to a@b.example, 12:30:10 @ noon, x::text@>y, git@github.com:a/b, image@sha256:ab, d[1:2]',
  'syntax error: unexpected token: identifier near x1',
  "CREATE TABLE users (password varchar(20), size numeric(10, 2) DEFAULT '7', kind text DEFAULT 'plain')",
  'postgres://user@host:5432/database, https://example.com/a:b',
  "CREATE TYPE kind AS ENUM ('password', 'oauth'); SELECT 'password', 'b'; SELECT 'a' AS passage",
  "INSERT INTO routes VALUES ('bypass', 'north'), ('the password ', 1), ('compass', 'x')",
  "SELECT 'eyJ', 'sk_live_', 'npm_run_all', 'the bearer of this letter', '?sig=short'",
  "UPDATE settings SET value = 'mail.example.com' WHERE key = 'smtp_host'; SELECT 'password'",
  "INSERT INTO credential_types (id, name) SELECT '78c1b41d', 'password' WHERE NOT EXISTS (SELECT 1 FROM x)",
  "INSERT INTO flows (id, method, style) VALUES ('8f32', 'password', 'api')",
  "INSERT INTO customer VALUES (101, 'regress_alice', '+81-12', 'passwd123')",
  "CREATE TRIGGER t BEFORE UPDATE ON c FOR EACH ROW EXECUTE PROCEDURE immutable_columns('serial_number', 'private_key', 'x')",
  "UPDATE identities SET provider = 'email' WHERE provider = 'password'",
  "CREATE TABLE t (a int REFERENCES b ON UPDATE SET NULL, kind text DEFAULT 'password', x text DEFAULT 'y')",
  "DO $$ BEGIN EXECUTE format('ALTER TABLE %I DROP COLUMN %I', 'users', 'password'); END $$",
  "SELECT has_column_privilege('users', 'password', 'SELECT'), replace(x, 'password', 'pw') FROM t",
  "CREATE VIEW v AS SELECT CASE kind WHEN 'password' THEN 'Login' ELSE 'SSO' END, 'token' AS kind, 'a' AS b FROM t",
  "INSERT INTO kinds (name) VALUES ('password'), ('oauth'); SELECT 'password', 'b'",
  `INSERT INTO forms VALUES ('{"type": "password", "label": "Enter it", "name": "pin"}')`,
  'Key (id, name)=(1, compass) already exists.',
  "COMMENT ON TABLE t IS 'Bearer tokens are never kept here'; SELECT hmac(a, b, c) FROM t",
];

describe('A secret', () => {
  for (const text of [...sql, ...told, ...others])
    it(`is masked, place for place, in: ${text.replaceAll('\n', ' ')}`, () => {
      const masked = maskSqlSecrets(text);
      expect(masked).not.to.include('s3cr3t');
      expect(masked).to.have.length(text.length);
      expect(masked.split('\n')).to.have.length(text.split('\n').length);
    });

  for (const text of harmless)
    it(`is not seen in: ${text.slice(0, 70)}`, () => {
      expect(maskSqlSecrets(text)).to.equal(text);
      expect(withoutSecrets(text)).to.equal(text);
    });

  it('is three stars in SQL that is kept, whatever it was, and that SQL still parses', async () => {
    const parse = await loadParser(16);
    for (const text of [...sql, ...told]) {
      const kept = withoutSecrets(text);
      expect(kept).not.to.include('s3cr3t');
      expect(parse(kept).ok, kept).to.equal(true);
      expect(withoutSecrets(kept)).to.equal(kept);
    }
    expect(
      withoutSecrets(
        "INSERT INTO users (name, password) VALUES ('an', 's3cr3t'), ('bo', 's3cr3t'); SELECT 'x'",
      ),
    ).to.equal("INSERT INTO users (name, password) VALUES ('an', '***'), ('bo', '***'); SELECT 'x'");
    expect(withoutSecrets("ALTER ROLE app PASSWORD 'one'")).to.equal(
      withoutSecrets("ALTER ROLE app PASSWORD 'another'"),
    );
  });
});

describe('The search for secrets', () => {
  const attacks = [
    ...['password /**/', 'a.', 'a.a://', '://', "'", "''", '$$', '$a$ ', '$$--$$', '$$://$$', '/*', '*/'],
    ...['/* password ', '-- password ', 'password=', '"', 'password "', "e'\\", "password '", '(password)='],
    ...[
      'Key (password)=(',
      'postgres://a:b@',
      'postgres://a:b',
      ' \t\n',
      'eyJ.',
      '-----BEGIN PRIVATE KEY-----',
      '&sig=',
      'bearer ',
      "values('token',",
      "' as ",
      'set a.token to ',
      "'--",
      '$a',
      'x',
    ],
    ...[
      "set('token',",
      "row('x',",
      '{"value": "',
      "values ('token',",
      "update t set a='x',",
      "where k='token' ",
    ],
    ...[
      '\\\\"',
      "select 'token', 'x', (",
      ')=(x, token',
      "execute using 'x', ",
      "'update ''",
      "then 'x' else ",
    ],
  ];
  const steps = (text: string) => {
    const meter = { steps: 0 };
    secretRanges(`password ${text}`, true, meter);
    return meter.steps;
  };
  for (const attack of attacks)
    it(`takes twice the steps for twice the text: ${JSON.stringify(attack)}`, () => {
      const [once, twice] = [steps(attack.repeat(2000)), steps(attack.repeat(4000))];
      expect(twice).to.be.at.most(2 * once + 1000);
      expect(once).to.be.at.most(12 * (attack.length * 2000 + 10));
    });

  const words = ["PASSWORD 'x'", 'CONNECTION ', "format('%L password %L', ", '%L', 'x', ':=', '(', ')', '||'];
  it('takes steps in proportion to the length whatever it reads, and keeps that length', () =>
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...attacks, ...words, ' ', ';')), fc.string(), (parts, more) => {
        const text = `${parts.join('')}${more}`.repeat(20);
        expect(steps(text)).to.be.at.most(12 * (text.length + 10));
        expect(maskSqlSecrets(text)).to.have.length(text.length);
      }),
    ));

  it('ends for a row whose value once kept a process busy beyond SIGTERM', () => {
    const detail = `Key (note)=(${'password /**/'.repeat(40)}) already exists.`;
    expect(maskSqlSecrets(detail)).to.include('already exists');
    expect(maskSqlSecrets('a.'.repeat(500_000))).to.have.length(1_000_000);
  });
});
