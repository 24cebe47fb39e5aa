// Takes a regular expression; gives the texts that could make it slow, and how many steps a backtracking matcher (as V8's
// is) takes for a text. Nothing here reads a clock.
import { type AST, RegExpParser } from '@eslint-community/regexpp';

type Continue = (at: number) => boolean;
type Match = (at: number, go: Continue) => boolean;

interface Compiled {
  readonly parts: readonly AST.Alternative[];
  readonly steps: (text: string) => number;
}

/** Steps are counted no further than this. */
export const most = 50_000;

class TooMany extends Error {}

/** @returns how many characters and assertions are tried for all matches in a text, `most` where it takes more */
export function matcher({ source, flags }: RegExp): Compiled {
  const parts = new RegExpParser().parsePattern(source, undefined, undefined, {
    unicode: flags.includes('u'),
    unicodeSets: flags.includes('v'),
  }).alternatives;
  const state = { units: [] as readonly string[], steps: 0, captures: new Map<AST.CapturingGroup, string>() };
  const whole = either(parts, flags, false, state);
  const steps = (text: string) => {
    state.units = /[uv]/.test(flags) ? Array.from(text) : text.split('');
    state.steps = 0;
    try {
      for (let from = 0; from <= state.units.length; ) {
        let end = -1;
        const isMatch = whole(from, (at) => {
          end = at;
          return true;
        });
        from = isMatch && end > from ? end : from + 1;
      }
    } catch (error) {
      if (!(error instanceof TooMany) && !(error instanceof RangeError)) throw error;
      return most;
    }
    return state.steps;
  };
  return { parts, steps };
}

interface State {
  units: readonly string[];
  steps: number;
  readonly captures: Map<AST.CapturingGroup, string>;
}

function either(parts: readonly AST.Alternative[], flags: string, back: boolean, state: State): Match {
  const ways = parts.map(({ elements }) => {
    const ordered = back ? elements.toReversed() : elements;
    return ordered
      .map((element) => matchOf(element, flags, back, state))
      .reduceRight<Match>(
        (rest, one) => (at, go) => one(at, (next) => rest(next, go)),
        (at, go) => go(at),
      );
  });
  return (at, go) => ways.some((way) => way(at, go));
}

function matchOf(element: AST.Element, flags: string, back: boolean, state: State): Match {
  switch (element.type) {
    case 'Group':
      return either(element.alternatives, flags, back, state);
    case 'CapturingGroup': {
      const inside = either(element.alternatives, flags, back, state);
      return (at, go) =>
        inside(at, (next) => {
          const [from, to] = back ? [next, at] : [at, next];
          state.captures.set(element, state.units.slice(from, to).join(''));
          return go(next);
        });
    }
    case 'Quantifier':
      return repeated(element, flags, back, state);
    case 'Assertion':
      return asserted(element, flags, state);
    case 'Backreference':
      return (at, go) => {
        const [group] = [element.resolved].flat();
        const wanted = (group === undefined ? undefined : state.captures.get(group)) ?? '';
        state.steps += wanted.length;
        const isThere = state.units.slice(at, at + wanted.length).join('') === wanted;
        return isThere && go(at + wanted.length);
      };
    default: {
      const takes = taker(element.raw, flags);
      return (at, go) => {
        count(state);
        const unit = state.units[back ? at - 1 : at];
        return unit !== undefined && takes(unit) && go(back ? at - 1 : at + 1);
      };
    }
  }
}

function repeated(
  { element, min, max, greedy }: AST.Quantifier,
  flags: string,
  back: boolean,
  state: State,
): Match {
  const one = matchOf(element, flags, back, state);
  const round =
    (done: number): Match =>
    (at, go) => {
      const more = () =>
        done < max && one(at, (next) => (next !== at || done < min) && round(done + 1)(next, go));
      if (done < min) return more();
      return greedy ? more() || go(at) : go(at) || more();
    };
  return round(0);
}

function asserted(element: AST.Assertion, flags: string, state: State): Match {
  if (element.kind === 'lookahead' || element.kind === 'lookbehind') {
    const inside = either(element.alternatives, flags, element.kind === 'lookbehind', state);
    return (at, go) => inside(at, () => true) !== element.negate && go(at);
  }
  const isWord = (at: number) => /\w/.test(state.units[at] ?? '');
  const isLineEnd = (at: number) => flags.includes('m') && /[\n\r\u2028\u2029]/.test(state.units[at] ?? '');
  return (at, go) => {
    count(state);
    if (element.kind === 'word') return (isWord(at - 1) !== isWord(at)) !== element.negate && go(at);
    const holds =
      element.kind === 'start' ? at === 0 || isLineEnd(at - 1) : at === state.units.length || isLineEnd(at);
    return holds && go(at);
  };
}

function count(state: State): void {
  state.steps += 1;
  if (state.steps >= most) throw new TooMany();
}

const takers = new Map<string, (unit: string) => boolean>();

/** Whether what stands for one character takes that character. */
function taker(raw: string, flags: string): (unit: string) => boolean {
  const key = `${flags}/${raw}`;
  const found = takers.get(key);
  if (found !== undefined) return found;
  const pattern = new RegExp(`^(?:${raw})$`, flags.replaceAll(/[gymd]/g, ''));
  const known = new Map<string, boolean>();
  const takes = (unit: string) => {
    const answer = known.get(unit) ?? pattern.test(unit);
    known.set(unit, answer);
    return answer;
  };
  takers.set(key, takes);
  return takes;
}

const common = [...'aA0_-.,;"\'()[]{}=:/\\* \t\n\r@%$#<>+|&!~`', 'é', '\u2028', '\u200b', '\ue000'];

/** One character of each kind that a pattern tells apart. */
function kindsOf(parts: readonly AST.Alternative[], flags: string): string[] {
  const leaves = new Set<string>();
  const visit = (element: AST.Element): void => {
    if (element.type === 'Quantifier') visit(element.element);
    else if ('alternatives' in element) for (const part of element.alternatives) part.elements.forEach(visit);
    else if (element.type !== 'Assertion' && element.type !== 'Backreference') leaves.add(element.raw);
  };
  for (const part of parts) part.elements.forEach(visit);
  const tests = [...leaves].map((raw) => taker(raw, flags));
  const literals = [...leaves].filter((raw) => raw.length === 1);
  const kinds = new Map<string, string>();
  for (const unit of [...common, ...literals]) {
    const isLineEnd = flags.includes('m') && /[\n\r\u2028\u2029]/.test(unit);
    const key = tests.map((takes) => (takes(unit) ? '1' : '0')).join('') + isLineEnd;
    if (!kinds.has(key)) kinds.set(key, unit);
  }
  return [...kinds.values()];
}

/** Some texts that an element matches; for each repetition as few rounds as it may have, and one or two more. */
function samples(element: AST.Element, kinds: readonly string[], flags: string): string[] {
  if (element.type === 'Quantifier') {
    const once = samples(element.element, kinds, flags);
    if (element.max === 0) return [''];
    const few = element.min === 0 ? ['', ...once] : once.map((text) => text.repeat(element.min));
    return few.slice(0, 8);
  }
  if (element.type === 'Assertion' || element.type === 'Backreference') return [''];
  if ('alternatives' in element)
    return element.alternatives.flatMap(({ elements }) => sequence(elements, kinds, flags)).slice(0, 12);
  const takes = taker(element.raw, flags);
  return kinds.filter(takes).slice(0, 10);
}

function sequence(elements: readonly AST.Element[], kinds: readonly string[], flags: string): string[] {
  let texts = [''];
  for (const element of elements) {
    const next = samples(element, kinds, flags);
    texts = next.length === 0 ? [] : texts.flatMap((text) => next.map((more) => text + more)).slice(0, 16);
  }
  return texts;
}

export interface Attack {
  readonly prefix: string;
  readonly pump: string;
  readonly suffix: string;
}

/** Prefixes, what is repeated behind them, and what ends the text, for a pattern's own repetitions. */
export function attacks(regex: RegExp): Attack[] {
  const { parts } = matcher(regex);
  const { flags } = regex;
  const kinds = kindsOf(parts, flags);
  const pumps = new Set<string>();
  const prefixes = new Set(['']);
  const visit = (elements: readonly AST.Element[], before: string): void => {
    elements.forEach((element, i) => {
      const [ahead = ''] = sequence(elements.slice(0, i), kinds, flags);
      const prefix = before + ahead;
      if (element.type === 'Quantifier' && element.max > 50) {
        prefixes.add(prefix);
        const bodies = samples(element.element, kinds, flags);
        for (const body of bodies) pumps.add(body);
        for (const body of bodies.slice(0, 3)) {
          pumps.add(prefix + body);
          for (const end of sequence(elements.slice(i + 1), kinds, flags).slice(0, 2)) pumps.add(body + end);
        }
      }
      const inner = element.type === 'Quantifier' ? element.element : element;
      if ('alternatives' in inner) for (const part of inner.alternatives) visit(part.elements, prefix);
    });
  };
  for (const { elements } of parts) visit(elements, '');
  const suffixes = [...new Set(['', ...kinds.slice(0, 3), '\n', '\u0000'])];
  return [...pumps]
    .filter((pump) => pump !== '' && pump.length <= 60)
    .flatMap((pump) =>
      [...prefixes].slice(0, 4).flatMap((prefix) => suffixes.map((suffix) => ({ prefix, pump, suffix }))),
    );
}

/** The attack under which the steps grow faster than the text, or null. */
export function slowUnder(regex: RegExp): Attack | null {
  const { steps } = matcher(regex);
  const text = ({ prefix, pump, suffix }: Attack, rounds: number) => prefix + pump.repeat(rounds) + suffix;
  const grows = (attack: Attack) => {
    const rounds = Math.max(10, Math.min(40, Math.floor(64 / attack.pump.length)));
    const short = text(attack, rounds);
    const once = steps(short);
    if (once < 4 * short.length) return false;
    const long = text(attack, 4 * rounds);
    return once >= most || steps(long) > 2 * once * (long.length / short.length);
  };
  const all = attacks(regex);
  const stride = Math.ceil(all.length / 250);
  return all.filter((_, i) => i % stride === 0).find(grows) ?? null;
}
