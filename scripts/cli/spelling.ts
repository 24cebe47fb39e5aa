// Takes what a run says; gives it with its commands in the form of the place, their options as the table of commands has
// them. It decides nothing about places: that is base/place.
import { type Place, respelled, respelledError } from '../base/place.ts';
import type { Output } from '../report/output.ts';
import { commandLines } from './command-lines.ts';
import { variablesOf } from './make-variables.ts';

/** The text as it is where make's targets are; elsewhere each command in the form that works there. */
export function respell(text: string, place: Place): string {
  return respelled(text, place, optionsOf);
}

/** `to=V dry_run=1` → `--to V --dry-run`; punctuation that a sentence put behind the last value stays behind it. */
function optionsOf(command: string, variables: string): string[] {
  const line = commandLines.find(({ name }) => name === command);
  const known = line === undefined ? new Map() : variablesOf(line);
  return [...variables.matchAll(/ ([a-z_]+)=("[^"]*"|[^\s"]*)/g)].map(([, name = '', value = '']) => {
    if (name === 'args') return value.replaceAll('"', '');
    const meaning = known.get(name);
    if (meaning === undefined) return value;
    let end = value.length;
    while (end > 0 && ',;:.)'.includes(value.charAt(end - 1))) end -= 1;
    const [bare, punctuation] = [value.slice(0, end), value.slice(end)];
    return meaning.takes === 'switch'
      ? `${meaning.flag}${punctuation}`
      : `${meaning.flag} ${bare}${punctuation}`;
  });
}

/** The error with its own words respelled; what the database said stays as it is. */
export function respellError(error: unknown, place: Place): unknown {
  return place === 'make' ? error : respelledError(error, (text) => respell(text, place));
}

/** The output with every line for people respelled; a JSON document (`json`) stays as it is. */
export function respelling(output: Output, place: Place, json: boolean): Output {
  if (place === 'make') return output;
  const spell = (write: (text: string) => void) => (text: string) => write(respell(text, place));
  return {
    ...output,
    say: spell(output.say),
    live: spell(output.live),
    detail: spell(output.detail),
    warn: spell(output.warn),
    result: json ? output.result : spell(output.result),
  };
}
