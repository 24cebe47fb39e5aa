// Takes what a command printed; gives the commands that it tells a person to type. And follows them: each must work where
// it is printed, and lead to a database that is up to date.
import { expect } from 'chai';
import { respell } from '../../scripts/cli/spelling.ts';
import { change, follow, mended, type Real, runTool } from './history-commands.ts';
import { exit, type HistoryModel } from './history-model.ts';

const word = /^(?:--[a-z-]+|\d{14}(?:_[a-z0-9_-]+)?|applied|pending|0|…)$/;

/** The command lines in a text, without those that ask for a name or a version, and those that only look. */
export function remediesIn(said: string): string[][] {
  const text = respell(said, 'npx').replaceAll('"…"', '…');
  const found = text
    .split('npx migrate ')
    .slice(1)
    .flatMap((rest) => readCommand(rest));
  if (text.includes('run it with --allow-out-of-order'))
    found.push(['up', '--after-deploy', '--allow-out-of-order']);
  const unique = new Map(found.map((args) => [args.join(' '), args]));
  return [...unique.values()];
}

function readCommand(rest: string): string[][] {
  const isChoice = /^[^;\n]{0,80}?\(or pending\)/.test(rest);
  const [command = '', ...words] = rest.replace('(or pending) ', '').split(/\s/);
  const args = [command.replace(/[,;:.)]+$/, '')];
  let ended = args[0] !== command;
  for (const each of words) {
    const bare = each.replace(/[,;:.)]+$/, '');
    if (ended || !word.test(bare)) break;
    args.push(bare === '…' ? 'as it was printed' : bare);
    ended = bare !== each;
  }
  const needsMore = ['status', 'plan', 'drift', 'baseline'].includes(args[0] ?? '');
  if ((needsMore && args.length === 1) || args[0] === 'create' || args.at(-1) === '--write') return [];
  if (!isChoice) return [args];
  return [args, args.map((each) => (each === 'applied' ? 'pending' : each))];
}

/** Where nothing but the file helps. */
function mendFile(model: HistoryModel, real: Real, said: string): boolean {
  const [, id = '', side] = /db\/migrations\/(\d{14}_m\d+)\.(up|down)\.sql/.exec(said) ?? [];
  const pair = model.files.get(id);
  if (pair === undefined || (side !== 'up' && side !== 'down')) return false;
  const text = mended(pair[side]);
  const isWhole = text.lines.every((each, i) => each === pair[side].lines[i]);
  if (!isWhole) change(model, real, id, { ...pair, [side]: text });
  return !isWhole;
}

/**
 * Types `up`, and what it prints, until it says that everything is applied; what fails in a file is mended there.
 * Fails where a printed command is none, where all that was printed has been tried, and after so many
 * rounds that there is no end.
 */
export async function followRemedies(model: HistoryModel, real: Real): Promise<void> {
  const tried = new Map<string, Set<string>>();
  let args: readonly string[] = ['up', '--after-deploy'];
  for (let round = 0; round < 60; round += 1) {
    const ended = await runTool(real, args);
    const { exitCode, said } = ended;
    if (args[0] === 'rebase' && exitCode === exit.ok) follow(model, ended);
    const story = () => real.story.join('\n');
    expect(exitCode, `what is printed is no command\n${story()}`).not.to.be.oneOf([exit.usage, 1]);
    if (exitCode === exit.ok && args[0] === 'up' && args.includes('--after-deploy')) break;
    expect(round, `no end\n${story()}`).to.be.lessThan(59);
    if (exitCode === exit.ok) {
      args = ['up', '--after-deploy'];
      continue;
    }
    const isMended = exitCode === exit.failed && mendFile(model, real, said);
    // What is printed, apart from times and rates: who types the same answer to it for ever ends nowhere.
    const state = said.replaceAll(/\d+ ms|[\d.]+ keys\/s|\d+ rows/g, '');
    const before = tried.get(state) ?? new Set<string>();
    tried.set(state, before);
    const left = remediesIn(said).filter((each) => isMended || !before.has(each.join(' ')));
    if (left.length === 0 && args[0] === 'up' && !isMended)
      expect.fail(`a dead end: nothing that is printed leads on\n${story()}`);
    args = left[real.story.length % Math.max(1, left.length)] ?? ['up', '--after-deploy'];
    before.add(args.join(' '));
  }
  const { exitCode } = await runTool(real, ['status', '--check']);
  expect(exitCode, real.story.join('\n')).to.equal(exit.ok);
}
