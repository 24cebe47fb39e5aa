// Takes the options that a program gives to a function, and what the function knows; tells what is wrong with them, for an
// option that is passed over does something else than is meant. Pure.
import { nearest } from './nearest.ts';

/** What a value must be, as a test and in words. */
export interface Shape {
  readonly fits: (value: unknown) => boolean;
  readonly words: string;
}

export type Shapes = Readonly<Record<string, Shape>>;

/** An object that has these methods; whose words the caller has. */
export const objectWith = (...methods: readonly string[]) => ({
  fits: (value: unknown) =>
    methods.every((name) => typeof (value as Record<string, unknown> | null)?.[name] === 'function'),
});

/** Null is none, as fetch has it. */
export const orNull = ({ fits, words }: Shape): Shape => ({
  fits: (value) => value === null || fits(value),
  words,
});

export const logger = orNull({
  ...objectWith('log', 'warn'),
  words: 'an object with log() and warn(), as console',
});

const isText = (value: unknown) => typeof value === 'string';
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

export const text: Shape = { fits: isText, words: 'a text' };
export const path: Shape = { fits: isText, words: 'a path' };
/** A switch: what only looks like one counts as a mistake. */
export const trueOrFalse: Shape = { fits: (value) => typeof value === 'boolean', words: 'true or false' };
/** NaN and Infinity too. */
export const number: Shape = { fits: (value) => typeof value === 'number', words: 'a number' };
export const variables: Shape = { fits: isObject, words: 'an object of variables' };
/** A text, or an object whose content somebody else checks. */
export const textOr = (words: string): Shape => ({
  fits: (value) => isText(value) || isObject(value),
  words,
});

/** The first thing that is wrong, in words, with what is known; null where all is right. @param caller as `up()` */
export function wrongOption(
  caller: string,
  options: unknown,
  shapes: Shapes,
): { readonly message: string; readonly hint: string } | null {
  // As of a factory that forgot its return.
  if (!isObject(options)) return { message: `${caller} takes an object of options`, hint: '' };
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
    if (shape?.fits(value) === true) continue;
    if (shape !== undefined)
      return { message: `The option "${name}" of ${caller} is ${shape.words}`, hint: '' };
    const near = nearest(name, Object.keys(shapes));
    const hint =
      near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `It knows ${Object.keys(shapes).join(', ')}.`;
    return { message: `${caller} knows no option "${name}"`, hint };
  }
  return null;
}
