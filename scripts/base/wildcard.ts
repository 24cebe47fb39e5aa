// Takes patterns as people write them in db/config.json; tells which texts they mean. Pure.

/** Whether a pattern means more than one text. */
export function hasWildcard(pattern: string): boolean {
  return /[*?]/.test(pattern);
}

/**
 * @param wildcards `*` stands for any characters, also none; with `*?` a `?` stands for any one
 * @returns a test of the whole text, which takes at most as many steps as both lengths multiplied
 */
export function wildcard(pattern: string, wildcards: '*' | '*?'): (text: string) => boolean {
  const stands = (unit: string, other: string) => unit === other || (unit === '?' && wildcards === '*?');
  return (text) => {
    let [at, here] = [0, 0];
    // The last star, and how far the text has been given to it: a longer share for an earlier one could not help.
    let star = -1;
    let shared = 0;
    while (here < text.length) {
      if (pattern[at] === '*') {
        star = at;
        shared = here;
        at += 1;
      } else if (at < pattern.length && stands(pattern.charAt(at), text.charAt(here))) {
        at += 1;
        here += 1;
      } else if (star === -1) return false;
      else {
        at = star + 1;
        shared += 1;
        here = shared;
      }
    }
    while (pattern[at] === '*') at += 1;
    return at === pattern.length;
  };
}
