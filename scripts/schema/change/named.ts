// Takes the names of many objects; gives those that a text mentions, without looking for each of them in it. Pure.
import { mentions } from './plan.ts';

const word = /[\w$]+/g;

/** @returns for a text of the server's the names in it, of those given */
export function namesIn(names: readonly string[]): (text: string) => readonly string[] {
  // What a text mentions has its last word there as a word.
  const byWord = new Map<string, string[]>();
  const wordless: string[] = [];
  for (const name of new Set(names)) {
    const end = name.indexOf('(');
    const last = (end < 0 ? name : name.slice(0, end)).match(word)?.at(-1);
    if (last === undefined) wordless.push(name);
    else byWord.set(last, [...(byWord.get(last) ?? []), name]);
  }
  return (text) => {
    const words = new Set(text.match(word));
    const candidates = [...wordless, ...[...words].flatMap((each) => byWord.get(each) ?? [])];
    return candidates.filter((name) => mentions(text, name));
  };
}
