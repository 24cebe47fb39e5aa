// The commands of the history model: what a person and a pipeline may type and do to files, each with how the model
// predicts it. They are run in this process; what is killed is cut off from the server, which sees no more of a kill.
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import pg from 'pg';
import type { Project } from './cli.ts';
import type { TestDatabase } from './database.ts';
import { exit, type Found, type HistoryModel, lastKey, type Pair, takeOver } from './history-model.ts';
import { gateKey, type Kind, type Line, type Script, sqlOf } from './history-scripts.ts';
import { type Ended, runInProcess } from './in-process.ts';
import { severable } from './proxy.ts';
import { sessionsGone, toolSessions, until } from './runs.ts';

export interface Real {
  readonly tool: Project;
  readonly database: TestDatabase;
  /** Commands and what they said, for the message of a failing run. */
  readonly story: string[];
}

export type Command = fc.AsyncCommand<HistoryModel, Real>;

/** How often which command ended how: to see that the sequences reach everything. */
export const tally = new Map<string, number>();
export const idOf = (version: number) => `202501010000${String(version).padStart(2, '0')}_m${version}`;

function save({ tool }: Real, id: string, pair: Pair): void {
  tool.write(`${id}.up.sql`, sqlOf(pair.up));
  tool.write(`${id}.down.sql`, sqlOf(pair.down));
}

export function write(model: HistoryModel, real: Real, id: string, pair: Pair): void {
  model.files.set(id, pair);
  save(real, id, pair);
  real.story.push(`# ${id}`, sqlOf(pair.up), '-- down', sqlOf(pair.down));
}

const pathOf = ({ tool }: Real, id: string, direction: string) =>
  join(tool.root, 'db', 'migrations', `${id}.${direction}.sql`);

const look = `SELECT json_build_object(
  'log', (SELECT json_agg(said || '/' || context ORDER BY id) FROM public.log),
  'tracked', (SELECT json_agg(name ORDER BY name) FROM public.pgmigrations),
  'ledger', (SELECT json_agg(id ORDER BY id) FROM migration_ledger.applied),
  'half', (SELECT json_agg(h) FROM (SELECT id || ' ' || direction || ' ' || count(*) FILTER (WHERE done) AS h FROM migration_ledger.journal GROUP BY id, direction) j),
  'position', (SELECT max((batch ->> 'position')::int) FROM migration_ledger.journal)) AS found`;

export async function lookAt(database: TestDatabase, story: readonly string[]): Promise<Found> {
  const [row] = await database.query<{
    found: Record<string, string[] | null> & { position: number | null };
  }>(look);
  const { log, tracked, ledger, half, position } = row!.found;
  expect(ledger ?? [], story.join('\n')).to.deep.equal(tracked ?? []);
  return { log: log ?? [], tracked: tracked ?? [], half: half ?? [], position };
}

/** The database is what the model says: what was written, what counts, what is half done. */
async function compare(model: HistoryModel, { database, story }: Real): Promise<void> {
  const found = await lookAt(database, story);
  const known = model.learn(found);
  expect(found, story.join('\n')).to.deep.equal(model.expected());
  expect(known, `the batch may be at ${found.position}\n${story.join('\n')}`).to.equal(true);
}

export function tell(real: Real, args: readonly string[], { exitCode, said }: Ended): void {
  const what = `${args
    .join(' ')
    .replaceAll(/\d{14}/g, 'V')
    .replaceAll(/V_m\d+/g, 'V')} → ${exitCode}`;
  tally.set(what, (tally.get(what) ?? 0) + 1);
  real.story.push(`$ ${args.join(' ')} → ${exitCode}`, said.replaceAll(/^/gm, '    '));
}

/** Runs a command of the tool and notes what it said. */
export async function runTool(real: Real, args: readonly string[]): Promise<Ended> {
  const ended = await runInProcess(real.tool.root, real.database.env(), args);
  tell(real, args, ended);
  return ended;
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
      const ended = await runTool(real, argv);
      expect(ended.exitCode, `the model expects ${code}\n${real.story.join('\n')}`).to.equal(code);
      after(model, real, ended);
      await compare(model, real);
    },
    toString: () => name,
  };
}

/** Ends what the server still has of a run that was cut off. */
async function clearSessions(database: TestDatabase): Promise<void> {
  for (const { pid } of await toolSessions(database))
    await database.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1', [pid]);
  await sessionsGone(database);
}

/** Runs a command and cuts it off where it stands at a gate. */
function kill(args: readonly string[], predict: (model: HistoryModel) => number): Command {
  return {
    check: () => true,
    run: async (model, real) => {
      const { database } = real;
      const code = predict(model);
      const holder = new pg.Client({ connectionString: database.url });
      holder.on('error', () => undefined);
      await holder.connect();
      await holder.query('SELECT pg_advisory_lock($1)', [gateKey]);
      const line = await severable(database);
      const env = { ...database.env(), DATABASE_URL: line.url(database) };
      let over = false;
      const running = runInProcess(real.tool.root, env, args, line.signal).finally(() => {
        over = true;
      });
      const waiting = async () =>
        over || (await toolSessions(database)).some((one) => one.wait_event_type === 'Lock');
      await until('the run to end or to stand at a gate', waiting);
      const killed = !over;
      line.sever();
      if (killed) await clearSessions(database);
      await holder.end();
      const ended = await running;
      const exitCode = killed ? exit.killed : ended.exitCode;
      tell(real, ['kill -9', ...args], { ...ended, exitCode });
      expect(exitCode, `the model expects ${code}\n${real.story.join('\n')}`).to.equal(code);
      await compare(model, real);
    },
    toString: () => `kill ${args.join(' ')}`,
  };
}

/** Runs a command and cuts it off at its message `at`, before or after the server has it. */
function cut(
  args: readonly string[],
  at: number,
  when: 'before' | 'after',
  predict: (model: HistoryModel) => number,
): Command {
  return {
    check: () => true,
    run: async (model, real) => {
      const { database, story } = real;
      const states = model.cutOffs(predict);
      const line = await severable(database, { at, when });
      const env = { ...database.env(), DATABASE_URL: line.url(database) };
      const ended = await runInProcess(real.tool.root, env, args, line.signal);
      line.sever();
      await sessionsGone(database);
      tell(
        real,
        [`cut ${when} ${at}:`, ...args],
        line.severed() ? { ...ended, exitCode: exit.killed } : ended,
      );
      const found = await lookAt(database, story);
      const fits = states.filter(
        (state) => state.learn(found) && JSON.stringify(state.expected()) === JSON.stringify(found),
      );
      const fit = fits.at(-1);
      if (fit === undefined) {
        const possible = states.map((state) => state.expected());
        expect(found, `none of ${JSON.stringify(possible, null, 1)}\n${story.join('\n')}`).to.equal(null);
        return;
      }
      takeOver(model, fit);
      Object.assign(model, { unknown: null, unsettled: true });
    },
    toString: () => `cut ${when} ${at}: ${args.join(' ')}`,
  };
}

/** What a person does to the files, or to the schema. */
function edit(
  name: string,
  change: (model: HistoryModel, real: Real) => void | Promise<void>,
  possible: (model: HistoryModel) => boolean,
): Command {
  return {
    check: possible,
    run: async (model, real) => {
      real.story.push(`# ${name}`);
      await change(model, real);
    },
    toString: () => name,
  };
}

const kinds: readonly Kind[] = [
  ...([
    'insert',
    'insert',
    'insert',
    'insert',
    'gate',
    'boom',
    'boom',
    'set',
    'setcmd',
    'local',
    'path',
  ] as const),
  ...(['lock', 'temp', 'usetemp', 'orphan', 'adopt', 'adopt', 'immediate'] as const),
];
const anyKind = fc.oneof(
  { weight: 40, arbitrary: fc.constantFrom(...kinds) },
  { weight: 1, arbitrary: fc.constant<Kind>('table') },
);
const key = fc.option(fc.integer({ min: 1, max: lastKey }), { nil: undefined });

/** A script without its tokens, which are new each time that it is written. */
const shape = fc.record({
  mode: fc.constantFrom<Script['mode']>(
    'inside',
    'inside',
    'inside',
    'outside',
    'outside',
    'outside',
    'batch',
  ),
  kinds: fc.array(anyKind, { minLength: 1, maxLength: 4 }),
  at: key,
  gate: key,
  flag: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
});
type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never;

let tokens = 0;

function newLine(kind: Kind, above: readonly Line[] = []): Line {
  tokens += 1;
  const token = `t${tokens}`;
  const needed = kind === 'usetemp' ? 'temp' : kind === 'adopt' ? 'orphan' : null;
  const of = needed === null ? undefined : above.findLast((line) => line.kind === needed)?.token;
  return { kind, token, ...(of === undefined ? {} : { of }) };
}

function scriptOf({ mode, kinds: wanted, at, gate, flag }: Shape, side: 'up' | 'down'): Script {
  const lines: Line[] = [];
  for (const kind of wanted) lines.push(newLine(kind, lines));
  const range = {
    ...newLine('range'),
    ...(at === undefined ? {} : { at }),
    ...(gate === undefined || gate === at ? {} : { gate }),
  };
  // What is irreversible holds no statement.
  if (flag && side === 'down') return { mode: 'inside', lines: [], irreversible: true };
  return { mode, lines: mode === 'batch' ? [range] : lines, ...(flag ? { afterDeploy: true } : {}) };
}

const pick = (model: HistoryModel, n: number): string | undefined =>
  model.ids()[n % Math.max(1, model.ids().length)];

const failing: ReadonlySet<Kind> = new Set(['boom', 'orphan', 'usetemp']);

/** Without what can fail. */
export function mended(script: Script): Script {
  const lines = script.lines.map((each) => {
    if (each.kind !== 'range') return failing.has(each.kind) ? newLine('insert') : each;
    if (script.mode !== 'batch') return newLine('insert');
    return each.at === undefined ? each : newLine('range');
  });
  return { ...script, lines };
}

const isRange = ({ lines }: Script) => lines[0]?.kind === 'range';

/** Ways in which a script is edited. */
const changes: Readonly<Record<string, (script: Script, side: 'up' | 'down') => Script>> = {
  mend: mended,
  append: (script) =>
    script.mode === 'batch' || script.irreversible
      ? script
      : { ...script, lines: [...script.lines, newLine('insert')] },
  shorten: (script) => (script.lines.length > 1 ? { ...script, lines: script.lines.slice(0, -1) } : script),
  begin: (script) =>
    script.mode === 'batch' || script.irreversible
      ? script
      : { ...script, lines: [newLine('insert'), ...script.lines] },
  toggle: (script) => {
    const { mode, lines, irreversible } = script;
    if (irreversible) return script;
    if (mode !== 'inside') return { ...script, mode: 'inside' };
    return { ...script, mode: isRange(script) && lines.length === 1 ? 'batch' : 'outside' };
  },
  'other kind': ({ mode, irreversible: _, ...script }) => ({
    ...script,
    mode: mode === 'batch' ? 'outside' : 'batch',
    lines: [newLine(mode === 'batch' ? 'insert' : 'range')],
  }),
  flag: (script, side) => {
    if (side === 'up') return { ...script, afterDeploy: !script.afterDeploy };
    if (script.irreversible) return { mode: 'inside', lines: [newLine('insert')] };
    return { mode: 'inside', lines: [], irreversible: true };
  },
};

export function change(model: HistoryModel, real: Real, id: string, pair: Pair): void {
  model.files.set(id, pair);
  save(real, id, pair);
  real.story.push(id, sqlOf(pair.up), '-- down', sqlOf(pair.down));
}

const index = fc.nat(5);
const direction = fc.constantFrom('up' as const, 'down' as const);

const add = fc.tuple(fc.integer({ min: 1, max: 6 }), shape, shape).map(([version, up, down]) =>
  edit(
    `write ${idOf(version)}`,
    (model, real) => write(model, real, idOf(version), pairOf(up, down)),
    (model) =>
      !model.files.has(idOf(version)) &&
      model.half?.id !== idOf(version) &&
      !model.applied.has(idOf(version)),
  ),
);

function pairOf(up: Shape, down: Shape): Pair {
  return { up: scriptOf(up, 'up'), down: scriptOf(down, 'down') };
}

const edited = fc.tuple(index, direction, fc.constantFrom(...Object.keys(changes))).map(([n, side, how]) =>
  edit(
    `${how} ${side} of file ${n}`,
    (model, real) => {
      const id = pick(model, n) ?? '';
      const pair = model.files.get(id) as Pair;
      change(model, real, id, { ...pair, [side]: changes[how]!(pair[side], side) });
    },
    (model) => pick(model, n) !== undefined,
  ),
);

const kept = new Map<HistoryModel, Map<string, Pair>>();

function takeAway(model: HistoryModel, real: Real, id: string): void {
  const removed = kept.get(model) ?? new Map<string, Pair>();
  kept.set(model, removed.set(id, model.files.get(id) as Pair));
  model.files.delete(id);
  real.story.push(id);
  for (const each of ['up', 'down']) rmSync(pathOf(real, id, each));
}

const remove = index.map((n) =>
  edit(
    `remove file ${n}`,
    (model, real) => takeAway(model, real, pick(model, n) ?? ''),
    (model) => pick(model, n) !== undefined,
  ),
);

const olderCheckout = index.map((n) =>
  edit(
    `check out the release of file ${n}`,
    (model, real) => {
      const newest = pick(model, n) ?? '';
      for (const id of model.ids().filter((each) => each > newest)) takeAway(model, real, id);
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

let byHand = 0;
/** A half-done migration, and a run that was cut off, leave a state that nobody can tell from such a change. */
const handChange = edit(
  'change the schema by hand',
  async (model, { database }) => {
    byHand += 1;
    await database.query(`CREATE TABLE public.by_hand_${byHand} (id int)`);
    model.drifted = true;
  },
  (model) => model.half === null && model.applied.size > 0 && !model.unsettled,
);

const fixed = (args: readonly string[], predict: (model: HistoryModel) => number): fc.Arbitrary<Command> =>
  fc.constant(tool(() => args, predict, undefined, args.join(' ')));

const why = ['--reason', 'the model says so'];

/** A command about one of the migrations that `among` gives. */
function about(
  name: string,
  among: (model: HistoryModel) => readonly string[],
  args: (id: string) => readonly string[],
  predict: (model: HistoryModel, id: string) => number,
): fc.Arbitrary<Command> {
  return index.map((n) => {
    const chosen = (model: HistoryModel) => among(model)[n % Math.max(1, among(model).length)];
    return tool(
      (model) => (chosen(model) === undefined ? null : args(chosen(model) ?? '')),
      (model) => predict(model, chosen(model) ?? ''),
      undefined,
      `${name} ${n}`,
    );
  });
}

const version = (id: string) => id.slice(0, 14);
const files = (model: HistoryModel) => model.ids();
const recorded = (model: HistoryModel) => [...model.applied.keys()].sort();
const gone = (model: HistoryModel) =>
  [...recorded(model), ...(model.half ? [model.half.id] : [])].filter((id) => !model.files.has(id));
const half = (model: HistoryModel) => (model.half === null ? [] : [model.half.id]);
const either = (model: HistoryModel) => [...new Set([...files(model), ...recorded(model)])].sort();
const changed = (model: HistoryModel) =>
  files(model).filter((id, i) => i === 0 || (model.states().get(id) ?? '').startsWith('modified'));
const renamed = (model: HistoryModel) =>
  recorded(model).filter((id) => model.twinOf(id) !== undefined && model.half?.id !== id);

const repairs: fc.Arbitrary<Command>[] = [
  ...(['applied', 'pending'] as const).flatMap((state) => [
    about(
      `resolve ${state}`,
      half,
      (id) => ['repair', '--resolve', version(id), state, ...why],
      (model, id) => model.resolve(id, state),
    ),
    about(
      `record ${state}`,
      state === 'applied' ? files : either,
      (id) => ['repair', '--record', version(id), state, ...why],
      (model, id) => model.record(id, state),
    ),
  ]),
  about(
    'accept',
    changed,
    (id) => ['repair', '--accept', version(id), ...why],
    (model, id) => model.accept(id, 'up'),
  ),
  about(
    'accept down',
    changed,
    (id) => ['repair', '--accept-down', version(id), ...why],
    (model, id) => model.accept(id, 'down'),
  ),
  about(
    'forget',
    gone,
    (id) => ['repair', '--forget', version(id), ...why],
    (model, id) => model.forget(id),
  ),
  index.map((n) => {
    const chosen = (model: HistoryModel) => renamed(model)[n % Math.max(1, renamed(model).length)];
    const args = (model: HistoryModel) => {
      const id = chosen(model);
      const twin = id === undefined ? undefined : model.twinOf(id);
      if (id === undefined || twin === undefined || model.half?.id === twin) return null;
      return ['repair', '--forget', version(id), '--record', version(twin), 'applied', ...why];
    };
    return tool(args, (model) => model.followRename(chosen(model) ?? ''), undefined, 'follow the renaming');
  }),
  about(
    'baseline',
    files,
    (id) => ['baseline', '--to', version(id)],
    (model, id) => model.baseline(id),
  ),
];

/** As `rebase` says that it has renamed them. */
export function follow(model: HistoryModel, { document }: Ended): void {
  for (const { from, to } of document.renames as { from: string; to: string }[]) {
    model.files.set(to, model.files.get(from) as Pair);
    model.files.delete(from);
  }
}

const rebase = fc.constant(
  tool(
    () => ['rebase'],
    () => exit.ok,
    (model, real, ended) => {
      for (const { from } of ended.document.renames as { from: string }[])
        expect(model.states().get(from), real.story.join('\n')).to.equal('out of order');
      follow(model, ended);
    },
    'rebase',
  ),
);

const status = fc.constant(
  tool(
    () => ['status'],
    (model) => {
      const stuck = model.stuck() || model.half?.direction === 'down';
      return model.broken([]) || stuck ? exit.history : model.drifted ? exit.drift : exit.ok;
    },
    (model, real, { document }) => {
      const { migrations } = document as { migrations: { version: string; name: string; state: string }[] };
      const told = migrations.map((each) => [`${each.version}_${each.name}`, each.state]);
      const states = [...model.states()].sort(([a], [b]) => (a < b ? -1 : 1));
      const shown = states.map(([id, state]) => [id, state === 'modified down' ? 'modified' : state]);
      expect(told, real.story.join('\n')).to.deep.equal(shown);
    },
    'status',
  ),
);

/** What would happen, without letting it: refusals are told by the preview as by the run. */
function preview(args: readonly string[], act: (model: HistoryModel) => number): fc.Arbitrary<Command> {
  const told: readonly number[] = [exit.history, exit.drift, exit.usage, exit.refused];
  return fixed(args, (model) => {
    const code = act(model.clone());
    return told.includes(code) ? code : exit.ok;
  });
}

const drift = [
  fixed(['drift'], (model) => (model.drifted ? exit.drift : exit.ok)),
  fixed(['drift', '--accept', ...why], (model) => {
    model.drifted = false;
    return exit.ok;
  }),
];

const up = (options: Parameters<HistoryModel['up']>[0]) => (model: HistoryModel) => model.up(options);
const down = (options: Parameters<HistoryModel['down']>[0]) => (model: HistoryModel) => model.down(options);

const cuts = fc
  .tuple(fc.integer({ min: 2, max: 30 }), fc.constantFrom('before' as const, 'after' as const), fc.nat(3))
  .map(([at, when, which]) => {
    const ways: [readonly string[], (model: HistoryModel) => number][] = [
      [['up', '--after-deploy'], up({ afterDeploy: true })],
      [['down'], down({})],
      [['down', '--to', '0'], down({ to: '' })],
      [['redo'], (model) => model.redo()],
    ];
    const [args, predict] = ways[which]!;
    return cut(args, at, when, predict);
  });

export const commands: readonly fc.Arbitrary<Command>[] = [
  add,
  add,
  add,
  edited,
  edited,
  edited,
  edited,
  remove,
  olderCheckout,
  fc.constant(restore),
  rename,
  fc.constant(handChange),
  fixed(['up'], up({})),
  fixed(['up'], up({})),
  fixed(['up', '--after-deploy'], up({ afterDeploy: true })),
  fixed(['up', '--n', '1'], up({ count: 1 })),
  fixed(['up', '--allow-out-of-order'], up({ outOfOrder: true })),
  fixed(['up', '--single-transaction'], up({ together: true })),
  about(
    'up to',
    files,
    (id) => ['up', '--to', version(id)],
    (model, id) => model.up({ to: id }),
  ),
  fixed(['down'], down({})),
  fixed(['down', '--n', '2'], down({ count: 2 })),
  fixed(['down', '--to', '0'], down({ to: '' })),
  about(
    'down to',
    recorded,
    (id) => ['down', '--to', version(id)],
    (model, id) => model.down({ to: id }),
  ),
  fixed(['down', '--from-disk'], down({ fromDisk: true })),
  fixed(['redo'], (model) => model.redo()),
  ...repairs,
  rebase,
  status,
  preview(['down', '--dry-run'], down({})),
  ...drift,
  fc.constant(kill(['up'], up({ killed: true }))),
  fc.constant(kill(['down'], down({ killed: true }))),
  cuts,
  cuts,
];

export const pairs = fc.array(
  fc.record({ up: shape, down: shape }).map(
    ({ up: a, down: b }) =>
      () =>
        pairOf(a, b),
  ),
  {
    minLength: 1,
    maxLength: 3,
  },
);
