// Text that is about to be shown, without the secrets in it.
import { expect } from 'chai';
import fc from 'fast-check';
import { visible, visibleLines } from '../../scripts/base/foreign-text.ts';
import { hideSecrets, maskSqlSecrets, secretsToFind } from '../../scripts/base/redact.ts';
import { keepSecret } from '../../scripts/base/secrets.ts';
import { onGithub } from '../../scripts/cli/github-log.ts';

describe('Secrets in SQL', () => {
  const texts = [
    "CREATE ROLE app LOGIN PASSWORD 's3cr3t'",
    "CREATE ROLE app LOGIN ENCRYPTED PASSWORD 's3cr3t'",
    "ALTER USER app WITH password E's3cr3t\\' it'",
    'ALTER ROLE app PASSWORD $$s3cr3t$$',
    'ALTER ROLE app PASSWORD $x$s3cr3t$x$ VALID UNTIL $y$2027-01-01$y$',
    "ALTER ROLE app PASSWORD\n  's3cr3t'",
    "ALTER ROLE app PASSWORD -- the new one\n  's3cr3t'",
    "ALTER ROLE app PASSWORD /* new */ 's3cr3t'",
    "ALTER ROLE app PASSWORD U&'s3cr3t'",
    "ALTER ROLE app PASSWORD 's3cr3t with no end",
    "DO $$ BEGIN EXECUTE 'CREATE ROLE app PASSWORD ''s3cr3t'' LOGIN'; END $$",
    "CREATE USER MAPPING FOR app SERVER s OPTIONS (user 'app', password 's3cr3t')",
    "CREATE SUBSCRIPTION s CONNECTION 'host=h user=u password=s3cr3t dbname=d' PUBLICATION p",
    "CREATE SUBSCRIPTION s CONNECTION 'postgres://u:s3cr3t@h/d' PUBLICATION p",
    "SELECT dblink_connect('host=h password=s3cr3t')",
    "SELECT dblink('postgresql://app:s3cr3t@db.example.com:5432/x', 'SELECT 1')",
  ];
  for (const text of texts) {
    it(`are masked in: ${text.replaceAll('\n', ' ')}`, () => {
      const masked = maskSqlSecrets(text);
      expect(masked).not.to.include('s3cr3t');
      expect(masked, 'positions stay').to.have.length(text.length);
      expect(masked.split('\n'), 'lines stay').to.have.length(text.split('\n').length);
    });
  }

  it('leave ordinary text as it is', () => {
    const text = "CREATE TABLE users (password_hash text NOT NULL DEFAULT '', token uuid); SELECT 'a';";
    expect(maskSqlSecrets(text)).to.equal(text);
  });
});

describe('Known secrets', () => {
  const hidden = (text: string, secrets: readonly string[]) => hideSecrets(text, secretsToFind(secrets));

  it('are hidden wherever they stand, also URL-encoded and in JSON', () => {
    const secret = 'p@ss/w"ord';
    const text = `${secret} ${encodeURIComponent(secret)} ${JSON.stringify({ secret })}`;
    expect(hidden(text, [secret])).to.equal('*** *** {"secret":"***"}');
  });

  it('are hidden also where one holds another', () => {
    expect(hidden('longsecret-tail', ['longsecret', 'longsecret-tail'])).not.to.include('tail');
  });

  it('are hidden also in hex and in base64, wherever in it they stand', () => {
    const secret = 'hünter2?hünter2>';
    const pieces = ['', 'u:', 'us:', 'use:'].flatMap((before) =>
      ['', '@h', '@ho', '@hos'].flatMap((behind) => {
        const bytes = Buffer.from(`${before}${secret}${behind}`);
        return [bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')];
      }),
    );
    for (const piece of pieces)
      expect(hidden(`Basic ${piece}.`, [secret]), piece).to.match(/^Basic \S{0,10}\*{3}\S{0,10}$/);
  });

  it('that are words by which others are told, or pieces of them, let none of those be seen', () => {
    const text = `SELECT set_config('app.secret', 'Zq7Hunter', true); ALTER ROLE r PASSWORD 'Zq7Hunter';
      ALTER SUBSCRIPTION s CONNECTION 'host=h password=Zq7Hunter'; postgres://u:Zq7Hunter@h/d?sslpassword=Zq7Hunter`;
    for (const known of [
      'secret',
      'PASSWORD',
      'password',
      'app.',
      'set_config',
      "r PASSWORD '",
      'host=h',
      'unter',
      '://u',
      'Zq7',
    ])
      expect(hidden(text, [known]), known).not.to.match(/Zq7|unter/);
  });

  it('of up to three characters are hidden where they are the whole of what is quoted, and spoil no other text', () => {
    const text = `VALUES ('ab', 'cab', E'ab', $$ab$$, $$abc$$, '$1''') -- {"k":"ab"} about \`ab\``;
    expect(hidden(text, ['ab', "$1'"])).to.equal(
      `VALUES ('***', 'cab', E'***', $$***$$, $$abc$$, '***') -- {"k":"***"} about \`***\``,
    );
    for (const place of ['postgres://u:ab@h/d', 'host=h password=ab', "PASSWORD 'ab'", '?sslpassword=ab&x=1'])
      expect(maskSqlSecrets(place), place).not.to.include('ab');
  });

  it('are each hidden where tens of thousands begin alike', () => {
    const secrets = Array.from({ length: 30_000 }, (_, i) => `token-of-${i}-mine`);
    const found = secretsToFind(secrets);
    for (const secret of [secrets[0], secrets[29_999]])
      expect(hideSecrets(`it was ${secret}.`, found)).to.equal('it was ***.');
  });

  it('stay hidden when others go, also those that are written alike', () => {
    const word = fc
      .array(fc.constantFrom('a', 'b', ' ', '%20', "'", '"', 'é', 'zz'), { minLength: 4, maxLength: 8 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(
        fc.uniqueArray(word, { minLength: 2, maxLength: 6 }),
        fc.nat(5),
        word,
        (secrets, n, around) => {
          const found = secretsToFind(secrets);
          const gone = secrets.splice(n % secrets.length, 1);
          for (const each of gone) found.remove(each);
          for (const each of secrets)
            for (const written of [each, encodeURIComponent(each), JSON.stringify(each).slice(1, -1)])
              expect(hideSecrets(`${around}${written}${around}`, found)).not.to.include(written);
        },
      ),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 300) },
    );
  });

  it('are hidden also where their control characters were made visible', () => {
    const secret = 'a\tsecret\u200bof\u001bmine';
    expect(hidden(visibleLines(`${secret} ${visible(secret)}`), [secret])).to.equal('*** ***');
  });

  it('are hidden at GitHub before anything in the text is changed', () => {
    const secrets = ['##[secret##[', '::set-secret::'];
    keepSecret(secrets);
    const told: string[] = [];
    const note = (text: string) => void told.push(text);
    const inner = { say: note, live: note, detail: note, warn: note, result: note, error: note };
    const output = onGithub(inner as never, false, { GITHUB_ACTIONS: 'true' });
    for (const secret of secrets)
      for (const tell of [output.say, output.live, output.detail, output.warn, output.result, output.error])
        tell(`\n${secret}`);
    expect(told).to.have.length(12);
    expect(told.join('').replaceAll('\u200d', '')).not.to.include('secret');
  });
});
