// Two commands at the same time, as two deployments or a person beside one, also of two releases: the database must be what one of the two orders
// gives, and each must end as it does in that order.
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { project } from './cli.ts';
import { type Command, lookAt, type Real, tell } from './history-commands.ts';
import { type Found, type HistoryModel, takeOver } from './history-model.ts';
import { runInProcess } from './in-process.ts';

interface Action {
  readonly name: string;
  /** Null where the state has nothing to do it with. */
  readonly args: (model: HistoryModel) => readonly string[] | null;
  /** Changes the model; gives the exit code. `before` is the state in which the command was typed. */
  readonly act: (model: HistoryModel, before: HistoryModel) => number;
}

const why = ['--reason', 'beside another'];
const newest = (model: HistoryModel) => model.newestApplied() ?? '';
const pending = (model: HistoryModel) => model.ids().find((id) => !model.applied.has(id)) ?? '';
const half = (model: HistoryModel) => model.half?.id ?? '';

function about(
  option: string,
  subject: (model: HistoryModel) => string,
  act: (model: HistoryModel, id: string) => number,
  state: readonly string[] = [],
): Action {
  return {
    name: `${option} ${state.join(' ')}`,
    args: (model) =>
      subject(model) === '' ? null : ['repair', option, subject(model).slice(0, 14), ...state, ...why],
    act: (model, before) => act(model, subject(before)),
  };
}

const always = (args: readonly string[], act: (model: HistoryModel) => number): Action => ({
  name: args.join(' '),
  args: () => args,
  act,
});

const actions: readonly Action[] = [
  always(['up'], (model) => model.up({})),
  always(['up', '--after-deploy'], (model) => model.up({ afterDeploy: true })),
  always(['up', '--n', '1'], (model) => model.up({ count: 1 })),
  always(['up', '--single-transaction'], (model) => model.up({ together: true })),
  always(['down'], (model) => model.down({})),
  always(['down', '--to', '0'], (model) => model.down({ to: '' })),
  always(['redo'], (model) => model.redo()),
  about('--resolve', half, (model, id) => model.resolve(id, 'applied'), ['applied']),
  about('--resolve', half, (model, id) => model.resolve(id, 'pending'), ['pending']),
  about('--record', newest, (model, id) => model.record(id, 'pending'), ['pending']),
  about('--record', pending, (model, id) => model.record(id, 'applied'), ['applied']),
  {
    name: 'baseline',
    args: (model) => (pending(model) === '' ? null : ['baseline', '--to', pending(model).slice(0, 14)]),
    act: (model, before) => model.baseline(pending(before)),
  },
];

interface Typed {
  readonly action: Action;
  /** The newest that its checkout has; everything where it is null. */
  readonly upTo: string | null;
}

/** Does something to the model as whoever has a checkout without the newest files. */
function seenFrom<T>(model: HistoryModel, upTo: string | null, act: (model: HistoryModel) => T): T {
  const files = [...model.files];
  for (const [id] of files) if (upTo !== null && id > upTo) model.files.delete(id);
  const result = act(model);
  for (const [id, pair] of files) model.files.set(id, pair);
  return result;
}

const argsOf = (model: HistoryModel, { action, upTo }: Typed) => seenFrom(model, upTo, action.args);

/** How one order ends; null where what the second does depends on how far a batch of the first came. */
function inOrder(model: HistoryModel, typed: readonly Typed[]) {
  const after = model.clone();
  const codes: number[] = [];
  for (const { action, upTo } of typed) {
    if (after.unknown !== null) return null;
    const before = seenFrom(model, upTo, (each) => each.clone());
    codes.push(seenFrom(after, upTo, (each) => action.act(each, before)));
  }
  return { codes, after };
}

function orders(model: HistoryModel, typed: readonly Typed[]) {
  const ordered = inOrder(model, typed);
  const reversed = inOrder(model, typed.toReversed());
  if (ordered === null || reversed === null) return null;
  return [ordered, { ...reversed, codes: reversed.codes.toReversed() }];
}

const fits = (model: HistoryModel, found: Found) =>
  model.learn(found) && JSON.stringify(model.expected()) === JSON.stringify(found);

/** The folder of the project, or a second one as an older release has it. */
async function checkoutOf({ tool }: Real, upTo: string | null): Promise<string> {
  if (upTo === null) return tool.root;
  const other = await project();
  cpSync(tool.root, other.root, { recursive: true });
  const folder = join(other.root, 'db', 'migrations');
  for (const name of readdirSync(folder))
    if (name.slice(0, 14) > upTo.slice(0, 14)) rmSync(join(folder, name));
  return other.root;
}

function concurrently(one: Action, other: Action, older: number): Command {
  /** Half of the time the second is typed in the checkout of an older release. */
  const typedIn = (model: HistoryModel): Typed[] => [
    { action: one, upTo: null },
    { action: other, upTo: model.ids()[older] ?? null },
  ];
  return {
    check: (model) =>
      typedIn(model).every((each) => argsOf(model, each) !== null) && orders(model, typedIn(model)) !== null,
    run: async (model, real: Real) => {
      const both = typedIn(model);
      const lines = both.map((each) => argsOf(model, each) ?? []);
      const possible = orders(model, both) ?? [];
      const folders = await Promise.all(both.map(({ upTo }) => checkoutOf(real, upTo)));
      real.story.push(`# at the same time, the second with files up to ${both[1]?.upTo}`);
      const ended = await Promise.all(
        lines.map((args, i) => runInProcess(folders[i] ?? '', real.database.env(), args)),
      );
      for (const [i, each] of ended.entries()) tell(real, lines[i] ?? [], each);
      const codes = ended.map(({ exitCode }) => exitCode);
      const found = await lookAt(real.database, real.story);
      const order = possible.find(
        (each) => JSON.stringify(each.codes) === JSON.stringify(codes) && fits(each.after, found),
      );
      const told = possible.map((each) => ({ codes: each.codes, ...each.after.expected() }));
      if (order === undefined)
        expect({ codes, ...found }, real.story.join('\n')).to.deep.equal({ eitherOf: told });
      else takeOver(model, order.after);
    },
    toString: () => `${one.name} beside ${other.name} of ${older}`,
  };
}

export const concurrent: fc.Arbitrary<Command> = fc
  .tuple(fc.nat(actions.length - 1), fc.nat(actions.length - 1), fc.nat(7))
  .map(([one, other, older]) => concurrently(actions[one] as Action, actions[other] as Action, older));
