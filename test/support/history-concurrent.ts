// Two commands at the same time, as two deployments or a person beside one: the database must be what one of the two orders
// gives, and each must end as it does in that order.
import { expect } from 'chai';
import fc from 'fast-check';
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

/** How one order ends; null where what the second does depends on how far a batch of the first came. */
function inOrder(model: HistoryModel, first: Action, second: Action) {
  const after = model.clone();
  const codes = [first.act(after, model)];
  if (after.unknown !== null) return null;
  codes.push(second.act(after, model));
  return { codes, after };
}

function orders(model: HistoryModel, one: Action, other: Action) {
  const ordered = inOrder(model, one, other);
  const reversed = inOrder(model, other, one);
  if (ordered === null || reversed === null) return null;
  return [ordered, { ...reversed, codes: reversed.codes.toReversed() }];
}

const fits = (model: HistoryModel, found: Found) =>
  model.learn(found) && JSON.stringify(model.expected()) === JSON.stringify(found);

function concurrently(one: Action, other: Action): Command {
  const argsOf = (model: HistoryModel) => [one, other].map(({ args }) => args(model));
  return {
    check: (model) => !argsOf(model).includes(null) && orders(model, one, other) !== null,
    run: async (model, real: Real) => {
      const typed = argsOf(model).map((args) => args ?? []);
      const possible = orders(model, one, other) ?? [];
      real.story.push('# at the same time');
      const ended = await Promise.all(
        typed.map((args) => runInProcess(real.tool.root, real.database.env(), args)),
      );
      for (const [i, each] of ended.entries()) tell(real, typed[i] ?? [], each);
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
    toString: () => `${one.name} beside ${other.name}`,
  };
}

export const concurrent: fc.Arbitrary<Command> = fc
  .tuple(fc.nat(actions.length - 1), fc.nat(actions.length - 1))
  .map(([one, other]) => concurrently(actions[one] as Action, actions[other] as Action));
