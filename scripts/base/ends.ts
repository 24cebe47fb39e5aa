// Takes texts that others wrote; gives them without what stands at their end. In place of patterns that end in `$`: those
// begin anew at every character of a long run. Pure.

/** The text without the characters of a set that stand at its end. */
export function withoutTrailing(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}
