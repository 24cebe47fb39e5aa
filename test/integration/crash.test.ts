// A run is killed at every one of its round trips, before the server gets the message and after. Then a plain `up` must lead
// to the same schema, tracking table and ledger every time.
import { expect } from 'chai';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';
import { many, pair } from '../support/migrations.ts';
import { proxyTo, severable } from '../support/proxy.ts';
import { fingerprintOf, queryOn } from '../support/schema.ts';

const transactional = {
  ...pair(
    1,
    'users',
    "CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);\nINSERT INTO users (name) VALUES ('first');",
  ),
  ...pair(
    2,
    'orders',
    'CREATE TABLE orders (id bigint PRIMARY KEY, "user" bigint REFERENCES users);\nINSERT INTO orders VALUES (1, 1);',
  ),
  ...pair(3, 'total', 'ALTER TABLE orders ADD COLUMN total numeric NOT NULL DEFAULT 0;'),
};

const outside = {
  ...pair(
    1,
    'users',
    "CREATE TABLE users (id bigint PRIMARY KEY, name text);\nINSERT INTO users SELECT i, 'user' FROM generate_series(1, 100) i;",
  ),
  ...pair(
    2,
    'index',
    "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY by_name ON users (name);\nCREATE UNIQUE INDEX CONCURRENTLY ON users (id, name);\nUPDATE users SET name = name || '!';\nREINDEX INDEX CONCURRENTLY by_name;",
  ),
  ...pair(
    3,
    'drop',
    '-- migrate: no-transaction\nALTER TABLE users ADD COLUMN extra int;\nVACUUM users;\nDROP INDEX CONCURRENTLY by_name;',
  ),
};

/** Enough of them that the next are sent before the last are answered. */
const inFlight = many(12, (n) => [
  n === 1
    ? 'CREATE TABLE users (id bigint PRIMARY KEY, name text);'
    : `INSERT INTO users SELECT i, 'user' FROM generate_series(${n}00, ${n}99) i;`,
  'SELECT 1;',
]);

/** Everything that counts, without times, sequence numbers and transaction ids. */
async function stateOf(database: TestDatabase): Promise<Record<string, unknown>> {
  const rows = (sql: string) => database.query(sql);
  const client = await database.client();
  const schema = await fingerprintOf(queryOn(client));
  await client.end();
  return {
    schema,
    data: await rows("SELECT md5(string_agg(u::text, ',' ORDER BY id)) AS users FROM users u"),
    tracking: await rows('SELECT name FROM pgmigrations ORDER BY id'),
    entries: await rows(
      'SELECT tracking, version, name, direction, kind, up_sql, down_sql, up_checksum, down_checksum, environment FROM migration_ledger.entries ORDER BY seq',
    ),
    applied: await rows(
      'SELECT a.tracking, a.id, e.version FROM migration_ledger.applied a JOIN migration_ledger.entries e USING (seq) ORDER BY seq',
    ),
    journal: await rows('SELECT id FROM migration_ledger.journal'),
    environment: await rows('SELECT name FROM migration_ledger.environment'),
    ledger: await rows('SELECT id, name, hash FROM migration_ledger.migrations ORDER BY id'),
    invalid: await rows('SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid'),
  };
}

interface Crash {
  /** False when the run ended before it came to this message. */
  readonly killed: boolean;
  readonly messages: number;
}

interface Point {
  /** The message at which the run is killed; it is on its way to the server, or not. */
  readonly k: number;
  readonly when: 'before' | 'after';
}

const never: Point = { k: Number.POSITIVE_INFINITY, when: 'before' };

/** Runs `up` in a process of its own and kills that. */
async function processKilledAt(tool: Project, database: TestDatabase, { k, when }: Point): Promise<Crash> {
  let kill: () => void = () => undefined;
  let killed = false;
  const proxy = await proxyTo(database, ({ number }) => {
    if (number !== k) return killed ? 'drop' : 'forward';
    kill();
    killed = true;
    return when === 'after' ? 'forward' : 'drop';
  });
  const run = tool.start(['up'], { env: { ...database.env(), DATABASE_URL: proxy.url(database) } });
  kill = () => run.kill('SIGKILL');
  const result = await run.result;
  if (!killed) expectExit(result, 0);
  return { killed, messages: proxy.count() };
}

/** Runs `up` in this process and cuts it off from the server, which sees the same of it: its last message, then the end. */
async function runCutOffAt(tool: Project, database: TestDatabase, { k: at, when }: Point): Promise<Crash> {
  const line = await severable(database, { at, when });
  const env = { ...database.env(), DATABASE_URL: line.url(database) };
  const { exitCode, said } = await runInProcess(tool.root, env, ['up'], line.signal);
  const killed = line.severed();
  if (!killed) expect(exitCode, said).to.equal(0);
  line.sever();
  return { killed, messages: line.count() };
}

/** The work on all items, some of them at a time. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
}

describe('after SIGKILL at any round trip', function () {
  this.timeout(240_000);

  // To the server, a kill before message k + 1 is a kill after message k that it had time to answer: both are shown for
  // every other message of one. Of the creation of the ledger, a chain of transactions of its own, every other trip is enough.
  type Moments = (k: number) => readonly ('before' | 'after')[];
  const cases: readonly [string, Record<string, string>, 'nothing' | 'a ledger', Moments][] = [
    ['of a very first run', transactional, 'nothing', (k) => (k % 2 ? ['after'] : [])],
    ['of a run in transactions', transactional, 'a ledger', (k) => (k % 2 ? ['after'] : ['before', 'after'])],
    ['of a run with migrations in flight', inFlight, 'a ledger', (k) => (k % 3 ? [] : ['before', 'after'])],
    ['of a no-transaction run', outside, 'a ledger', () => ['after']],
  ];
  for (const [what, files, from, moments] of cases) {
    it(`${what}, a plain up leads to the same schema, tracking table and ledger`, async () => {
      const tool = await project(files);
      const template = await createDatabase();
      if (from === 'a ledger') {
        const none = await project(pair(0, 'zero', 'SELECT 1;'));
        expectExit(await none.run(['up'], { env: template.env() }), 0);
        for (const [name, text] of Object.entries(pair(0, 'zero', 'SELECT 1;'))) tool.write(name, text);
      }
      const whole = await createDatabase({ from: template.name });
      const { messages } = await processKilledAt(tool, whole, never);
      const expected = await stateOf(whole);
      expect(messages).to.be.greaterThan(8);

      const numbers = Array.from({ length: messages }, (_, i) => i + 1);
      const points = numbers.flatMap((k) => moments(k).map((when) => ({ k, when })));
      let crashes = 0;
      // A process of its own at one point near the middle shows that a kill is no more than that.
      const real = points[Math.floor(points.length / 2)];
      await each(points, async (at) => {
        const database = await createDatabase({ from: template.name });
        const { killed } = await (at === real ? processKilledAt : runCutOffAt)(tool, database, at);
        if (killed) crashes += 1;
        const { exitCode, said } = await runInProcess(tool.root, database.env(), ['up']);
        const point = `killed ${at.when} message ${at.k} of ${messages}`;
        expect(exitCode, `${point}\n${said}`).to.equal(0);
        expect(await stateOf(database), point).to.deep.equal(expected);
        await database.drop();
      });
      // The number of messages may differ a little from run to run: a watcher looks only at what takes long.
      expect(crashes).to.be.greaterThan(points.length * 0.8);
    });
  }
});
