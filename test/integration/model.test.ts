// A generated state machine: random sequences of commands, edits and kills over small files, against a plain model of what
// must be in the database. Nothing twice, nothing skipped, nothing lost. MODEL_SECONDS makes it run longer, MODEL_SEED
// repeats a run.
import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import pg from 'pg';
import { type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { exit, HistoryModel, type Line, type Pair, type Script } from '../support/history-model.ts';
import { type Ended, runInProcess } from '../support/in-process.ts';
import { sessionsGone, toolSessions, until } from '../support/runs.ts';

const gateKey = 4711;
const seconds = Number(process.env.MODEL_SECONDS ?? 20);
const seed = Number(process.env.MODEL_SEED ?? Date.now() % 2 ** 31);

interface Real {
  readonly tool: Project;
  readonly database: TestDatabase;
  /** Commands and what they said, for the message of a failing run. */
  readonly story: string[];
}

type Command = fc.AsyncCommand<HistoryModel, Real>;

let tokens = 0;
/** How often which command ended how: shown with MODEL_SECONDS, to see that the sequences reach everything. */
const tally = new Map<string, number>();
const idOf = (version: number) => `202501010000${String(version).padStart(2, '0')}_m${version}`;

function sqlOf({ outside, lines }: Script): string {
  const statements = lines.map(({ kind, token }) => {
    if (kind === 'boom') return `SELECT 1/0 AS ${token};`;
    if (kind === 'set') return `SELECT set_config('model.setting', '${token}', false);`;
    if (kind === 'table') return `CREATE TABLE IF NOT EXISTS public.${token} (id int);`;
    if (kind === 'insert') return `INSERT INTO public.log (token) VALUES ('${token}');`;
    return `INSERT INTO public.log (token) SELECT '${token}' FROM pg_advisory_xact_lock_shared(${gateKey});`;
  });
  return `${outside ? '-- migrate: no-transaction\n' : ''}${statements.join('\n')}\n`;
}

function save({ tool }: Real, id: string, pair: Pair): void {
  tool.write(`${id}.up.sql`, sqlOf(pair.up));
  tool.write(`${id}.down.sql`, sqlOf(pair.down));
}

function write(model: HistoryModel, real: Real, id: string, pair: Pair): void {
  model.files.set(id, pair);
  save(real, id, pair);
  real.story.push(`# ${id}`, sqlOf(pair.up), '-- down', sqlOf(pair.down));
}

const pathOf = ({ tool }: Real, id: string, direction: string) =>
  join(tool.root, 'db', 'migrations', `${id}.${direction}.sql`);

/** The database is what the model says: what was written, what counts, what is half done. */
async function compare(model: HistoryModel, { database, story }: Real): Promise<void> {
  const log = await names(
    database,
    "SELECT token || '/' || coalesce(setting, '') AS name FROM public.log ORDER BY id",
  );
  const tracked = await names(database, 'SELECT name FROM public.pgmigrations ORDER BY name');
  const ledger = await names(database, 'SELECT id AS name FROM migration_ledger.applied ORDER BY id');
  const journal = await names(
    database,
    "SELECT id || ' ' || direction || ' ' || count(*) FILTER (WHERE done) AS name FROM migration_ledger.journal GROUP BY id, direction",
  );
  const { half } = model;
  const expected = {
    log: model.log,
    tracked: [...model.applied.keys()].sort(),
    half: half === null ? [] : [`${half.id} ${half.direction} ${half.done.length}`],
  };
  const found = { log, tracked, half: journal };
  expect(found, story.join('\n')).to.deep.equal(expected);
  expect(ledger, story.join('\n')).to.deep.equal(tracked);
}

async function names(database: TestDatabase, sql: string): Promise<string[]> {
  const rows = await database.query<{ name: string }>(sql).catch((error: unknown) => {
    if ((error as { code?: string }).code === '42P01') return [];
    throw error;
  });
  return rows.map(({ name }) => name);
}

function tell(real: Real, args: readonly string[], code: number, { exitCode, said }: Ended): void {
  const what = `${args
    .join(' ')
    .replaceAll(/\d{14}/g, 'V')
    .replaceAll(/V_m\d+/g, 'V')} → ${exitCode}`;
  tally.set(what, (tally.get(what) ?? 0) + 1);
  real.story.push(`$ ${args.join(' ')} → ${exitCode}`, said.replaceAll(/^/gm, '    '));
  expect(exitCode, `the model expects ${code}\n${real.story.join('\n')}`).to.equal(code);
}

/** A command of the tool, and how it changes the model and must end. */
function tool(
  args: (model: HistoryModel) => readonly string[] | null,
  predict: (model: HistoryModel) => number,
  after: (model: HistoryModel, real: Real, ended: Ended) => void = () => undefined,
  name = '',
): Command {
  return {
    check: (model) => args(model) !== null,
    run: async (model, real) => {
      const argv = args(model) ?? [];
      const code = predict(model);
      const ended = await runInProcess(real.tool.root, real.database.env(), argv);
      tell(real, argv, code, ended);
      after(model, real, ended);
      await compare(model, real);
    },
    toString: () => name,
  };
}

/** Runs a command in a process of its own and kills that where it stands at a gate. */
function kill(args: readonly string[], predict: (model: HistoryModel) => number): Command {
  return {
    check: () => true,
    run: async (model, real) => {
      const { tool: work, database } = real;
      const code = predict(model);
      const holder = new pg.Client({ connectionString: database.url });
      holder.on('error', () => undefined);
      await holder.connect();
      await holder.query('SELECT pg_advisory_lock($1)', [gateKey]);
      const running = work.start(args, { env: database.env() });
      let over = false;
      const result = running.result.finally(() => {
        over = true;
      });
      const waiting = async () =>
        over || (await toolSessions(database)).some((one) => one.wait_event_type === 'Lock');
      await until('the run to end or to stand at a gate', waiting);
      running.kill('SIGKILL');
      const { exitCode, all } = await result;
      const left = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1';
      for (const { pid } of await toolSessions(database)) await holder.query(left, [pid]);
      await sessionsGone(database);
      await holder.end();
      tell(real, ['kill -9', ...args], code, { exitCode, said: all, document: {} });
      await compare(model, real);
    },
    toString: () => `kill ${args.join(' ')}`,
  };
}

/** What a person does to the files. */
function edit(
  name: string,
  change: (model: HistoryModel, real: Real) => void,
  possible: (model: HistoryModel) => boolean,
): Command {
  return {
    check: possible,
    run: async (model, real) => {
      real.story.push(`# ${name}`);
      change(model, real);
    },
    toString: () => name,
  };
}

const line = fc
  .constantFrom<Line['kind']>('insert', 'insert', 'insert', 'gate', 'boom', 'boom', 'set', 'table')
  .map((kind) => ({ kind }));
const shape = fc.record({
  outside: fc.boolean(),
  lines: fc.array(line, { minLength: 1, maxLength: 4 }),
});
type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never;

function scriptOf({ outside, lines }: Shape): Script {
  return { outside, lines: lines.map(({ kind }) => newLine(kind)) };
}

function newLine(kind: Line['kind']): Line {
  tokens += 1;
  return { kind, token: `t${tokens}` };
}

const pick = (model: HistoryModel, n: number): string | undefined =>
  model.ids()[n % Math.max(1, model.ids().length)];

/** Ways in which a script is edited. */
const changes: Readonly<Record<string, (script: Script) => Script>> = {
  mend: ({ outside, lines }) => ({
    outside,
    lines: lines.map((each) => (each.kind === 'boom' ? newLine('insert') : each)),
  }),
  append: ({ outside, lines }) => ({ outside, lines: [...lines, newLine('insert')] }),
  shorten: ({ outside, lines }) => ({ outside, lines: lines.length > 1 ? lines.slice(0, -1) : lines }),
  toggle: ({ outside, lines }) => ({ outside: !outside, lines }),
  begin: ({ outside, lines }) => ({ outside, lines: [newLine('insert'), ...lines] }),
};

const index = fc.nat(5);
const direction = fc.constantFrom('up' as const, 'down' as const);

const add = fc.tuple(fc.integer({ min: 1, max: 6 }), shape, shape).map(([version, up, down]) =>
  edit(
    `write ${idOf(version)}`,
    (model, real) => write(model, real, idOf(version), { up: scriptOf(up), down: scriptOf(down) }),
    (model) =>
      !model.files.has(idOf(version)) &&
      model.half?.id !== idOf(version) &&
      !model.applied.has(idOf(version)),
  ),
);

const change = fc.tuple(index, direction, fc.constantFrom(...Object.keys(changes))).map(([n, side, how]) =>
  edit(
    `${how} ${side} of file ${n}`,
    (model, real) => {
      const id = pick(model, n) ?? '';
      const pair = model.files.get(id) as Pair;
      const changed = { ...pair, [side]: changes[how]!(pair[side]) };
      model.files.set(id, changed);
      save(real, id, changed);
      real.story.push(id, sqlOf(changed[side]));
    },
    (model) => pick(model, n) !== undefined,
  ),
);

const kept = new Map<HistoryModel, Map<string, Pair>>();

const remove = index.map((n) =>
  edit(
    `remove file ${n}`,
    (model, real) => {
      const id = pick(model, n) ?? '';
      const removed = kept.get(model) ?? new Map<string, Pair>();
      kept.set(model, removed.set(id, model.files.get(id) as Pair));
      model.files.delete(id);
      real.story.push(id);
      for (const each of ['up', 'down']) rmSync(pathOf(real, id, each));
    },
    (model) => pick(model, n) !== undefined,
  ),
);

const restore = edit(
  'put back what was removed',
  (model, real) => {
    for (const [id, pair] of kept.get(model) ?? []) {
      model.files.set(id, pair);
      save(real, id, pair);
    }
    kept.delete(model);
  },
  (model) =>
    [...(kept.get(model) ?? [])].length > 0 &&
    ![...(kept.get(model)?.keys() ?? [])].some((id) => model.files.has(id)),
);

const rename = fc.tuple(index, fc.integer({ min: 1, max: 9 })).map(([n, version]) =>
  edit(
    `rename file ${n} to ${idOf(version)}`,
    (model, real) => {
      const id = pick(model, n) ?? '';
      model.files.set(idOf(version), model.files.get(id) as Pair);
      model.files.delete(id);
      real.story.push(id);
      for (const each of ['up', 'down'])
        renameSync(pathOf(real, id, each), pathOf(real, idOf(version), each));
    },
    (model) =>
      pick(model, n) !== undefined &&
      !model.files.has(idOf(version)) &&
      !model.applied.has(idOf(version)) &&
      model.half?.id !== idOf(version),
  ),
);

const fixed = (args: readonly string[], predict: (model: HistoryModel) => number): fc.Arbitrary<Command> =>
  fc.constant(tool(() => args, predict, undefined, args.join(' ')));

const why = ['--reason', 'the model says so'];

const resolve = fc.constantFrom('applied' as const, 'pending' as const).map((state) =>
  tool(
    ({ half }) => (half === null ? null : ['repair', '--resolve', half.id.slice(0, 14), state, ...why]),
    (model) => model.resolve(model.half?.id ?? '', state),
    undefined,
    `resolve ${state}`,
  ),
);

const forget = fc.constant(
  tool(
    (model) => {
      const gone = goneOf(model);
      return gone === undefined ? null : ['repair', '--forget', gone, ...why];
    },
    (model) => model.forget(goneOf(model) ?? ''),
    undefined,
    'forget',
  ),
);

function goneOf(model: HistoryModel): string | undefined {
  const recorded = [...model.applied.keys(), ...(model.half ? [model.half.id] : [])];
  return recorded.sort().find((id) => !model.files.has(id));
}

const baseline = index.map((n) =>
  tool(
    (model) => {
      const id = pick(model, n);
      return id === undefined ? null : ['baseline', '--to', id.slice(0, 14)];
    },
    (model) => model.baseline(pick(model, n) ?? ''),
    undefined,
    `baseline ${n}`,
  ),
);

const rebase = fc.constant(
  tool(
    () => ['rebase'],
    () => exit.ok,
    (model, real, { document }) => {
      for (const { from, to } of document.renames as { from: string; to: string }[]) {
        expect(model.states().get(from), real.story.join('\n')).to.equal('out of order');
        model.files.set(to, model.files.get(from) as Pair);
        model.files.delete(from);
      }
    },
    'rebase',
  ),
);

const status = fc.constant(
  tool(
    () => ['status'],
    (model) => {
      const stuck = model.stuck() || model.half?.direction === 'down';
      return model.broken([]) || stuck ? exit.history : exit.ok;
    },
    (model, real, { document }) => {
      const { migrations } = document as { migrations: { version: string; name: string; state: string }[] };
      const told = migrations.map(({ version, name, state }) => [`${version}_${name}`, state]);
      const states = [...model.states()].sort(([a], [b]) => (a < b ? -1 : 1));
      const shown = states.map(([id, state]) => [id, state === 'modified down' ? 'modified' : state]);
      expect(told, real.story.join('\n')).to.deep.equal(shown);
    },
    'status',
  ),
);

/** What would happen, without letting it: refusals are told by the preview as by the run. */
function preview(args: readonly string[], act: (model: HistoryModel) => number): fc.Arbitrary<Command> {
  const predict = (model: HistoryModel) => {
    const copy = new HistoryModel();
    for (const [id, pair] of model.files) copy.files.set(id, pair);
    for (const [id, pair] of model.applied) copy.applied.set(id, pair);
    copy.half = model.half;
    return act(copy) === exit.history ? exit.history : exit.ok;
  };
  return fixed(args, predict);
}

const commands: fc.Arbitrary<Command>[] = [
  add,
  add,
  add,
  change,
  change,
  change,
  remove,
  fc.constant(restore),
  rename,
  fixed(['up'], (model) => model.up({})),
  fixed(['up'], (model) => model.up({})),
  fixed(['up', '--n', '1'], (model) => model.up({ count: 1 })),
  fixed(['up', '--allow-out-of-order'], (model) => model.up({ outOfOrder: true })),
  fixed(['down'], (model) => model.down({})),
  fixed(['down', '--from-disk'], (model) => model.down({ fromDisk: true })),
  fixed(['redo'], (model) => model.redo()),
  resolve,
  forget,
  baseline,
  rebase,
  status,
  preview(['down', '--dry-run'], (model) => model.down({})),
  fc.constant(kill(['up'], (model) => model.up({ killed: true }))),
  fc.constant(kill(['down'], (model) => model.down({ killed: true }))),
];

const pairs = fc.array(fc.record({ up: shape, down: shape }), { minLength: 1, maxLength: 3 });
const sequences = fc.commands(commands, { maxCommands: 40, size: 'max' });

/** The table that migrations write to is there before them, and the ledger knows it. */
async function prepare(work: Project, database: TestDatabase): Promise<void> {
  work.write(
    `${idOf(0)}.up.sql`,
    "CREATE TABLE public.log (id serial, token text, setting text DEFAULT current_setting('model.setting', true));",
  );
  work.write(`${idOf(0)}.down.sql`, 'DROP TABLE public.log;');
  const { exitCode, said } = await runInProcess(work.root, database.env(), ['up']);
  expect(exitCode, said).to.equal(0);
}

async function startAnew(work: Project, database: TestDatabase): Promise<void> {
  const folder = join(work.root, 'db', 'migrations');
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { force: true, recursive: true });
  await database.query(
    'DELETE FROM public.log; DELETE FROM public.pgmigrations; DELETE FROM migration_ledger.applied; DELETE FROM migration_ledger.journal',
  );
}

describe('any sequence of commands, edits and kills', function () {
  this.timeout((seconds + 60) * 1000);

  it(`leaves in the database what the model says (MODEL_SEED=${seed})`, async () => {
    const database = await createDatabase();
    const work = await project();
    await prepare(work, database);
    const deadline = Date.now() + seconds * 1000;
    const property = fc.asyncProperty(fc.tuple(pairs, sequences), async ([files, sequence]) => {
      if (Date.now() > deadline) return;
      await startAnew(work, database);
      const setup = () => {
        const model = new HistoryModel();
        const real = { tool: work, database, story: [] as string[] };
        files.forEach(({ up, down }, i) => {
          write(model, real, idOf(i * 2 + 2), { up: scriptOf(up), down: scriptOf(down) });
        });
        return { model, real };
      };
      await fc.asyncModelRun(setup, sequence);
    });
    await fc.assert(property, {
      seed,
      numRuns: 100_000,
      interruptAfterTimeLimit: seconds * 1000,
      endOnFailure: process.env.MODEL_SHRINK === undefined,
    });
    if (process.env.MODEL_SECONDS !== undefined) console.table([...tally].sort());
  });
});
