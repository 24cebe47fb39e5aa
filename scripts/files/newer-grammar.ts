// Takes texts that the configured grammar refuses; gives the first newer version of PostgreSQL that would take them, and the
// words that name the line to change.
import { type Grammar, grammarOf, grammars } from '../base/postgres-major.ts';
import { loadParser } from './statements.ts';

/** @returns the first version newer than `major` whose grammar takes all of the texts; null where none does */
export async function takenBy(texts: readonly string[], major: number): Promise<Grammar | null> {
  for (const newer of grammars.filter((grammar) => grammar > grammarOf(major))) {
    const parse = await loadParser(newer);
    if (texts.every((text) => parse(text).ok !== false)) return newer;
  }
  return null;
}

/** What to do, in a sentence, about texts that only a newer version takes. */
export function wouldTake(newer: Grammar): string {
  return `PostgreSQL ${newer} would take it: if that is what your servers are, write "postgres": ${newer} into db/config.json; if not, mend the file.`;
}
