// Takes what a run says; gives it with its commands as they are called where one stands, their options as the table of commands has
// them. How that is, base/call-style decides.
import { type CallStyle, respelled, respelledError } from '../base/call-style.ts';
import type { Output } from '../report/output.ts';
import { commandLines } from './command-lines.ts';
import { variablesOf } from './make-variables.ts';

/** The text as it is where make's targets are; elsewhere each command in the form that works there. */
export function respell(text: string, style: CallStyle): string {
  return respelled(text, style, optionsOf);
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
export function respellError(error: unknown, style: CallStyle): unknown {
  return style === 'make' ? error : respelledError(error, (text) => respell(text, style));
}

/** The output with every line for people respelled; a JSON document (`json`) stays as it is. */
export function respelling(output: Output, style: CallStyle, json: boolean): Output {
  if (style === 'make') return output;
  const spell = (write: (text: string) => void) => (text: string) => write(respell(text, style));
  return {
    ...output,
    say: spell(output.say),
    live: spell(output.live),
    detail: spell(output.detail),
    warn: spell(output.warn),
    result: json ? output.result : spell(output.result),
  };
}
