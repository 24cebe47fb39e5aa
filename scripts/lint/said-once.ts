// Takes what rules found in one statement, and its advice; gives it without saying the same twice. Pure.
import type { Advice } from './advice/series.ts';
import type { Hit, Rule } from './rules/rule.ts';
import { sqlName } from './statement/names.ts';

export interface RuleHit {
  readonly rule: Rule;
  readonly hit: Hit;
}

/** Hits of one rule that one series answers are one finding, with the name of each. */
export function sayOnce(
  hits: readonly RuleHit[],
  advice: (rule: string) => Advice | null,
): readonly RuleHit[] {
  const said = new Map<string, RuleHit>();
  hits.forEach((one, i) => {
    const given = one.hit.index === undefined ? advice(one.rule.id) : null;
    const key = given !== null && 'phases' in given ? one.rule.id : `${one.rule.id} ${i}`;
    const known = said.get(key);
    said.set(
      key,
      known === undefined
        ? one
        : { ...known, hit: { ...known.hit, effect: bothEffects(known.hit, one.hit) } },
    );
  });
  return [...said.values()];
}

/** "… of index a, b: …" where only the name is another, else one after the other. */
function bothEffects(first: Hit, second: Hit): string {
  const name = sqlName(second.table);
  const at = second.effect.indexOf(name);
  const [head, tail] = [second.effect.slice(0, at), second.effect.slice(at + name.length)];
  return at !== -1 && first.effect.startsWith(head) && first.effect.endsWith(tail)
    ? `${first.effect.slice(0, first.effect.length - tail.length)}, ${name}${tail}`
    : `${first.effect}; ${second.effect}`;
}
