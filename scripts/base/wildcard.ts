// Takes patterns as people write them in db/config.json; tells which texts they mean. Pure.

/** Whether a pattern means more than one text. */
export function hasWildcard(pattern: string): boolean {
  return /[*?]/.test(pattern);
}

/**
 * @param wildcards `*` stands for any characters, also none; with `*?` a `?` stands for any one
 * @returns a test of the whole text
 */
export function wildcard(pattern: string, wildcards: '*' | '*?'): (text: string) => boolean {
  const escaped = pattern.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&').replaceAll('*', '.*');
  const source = wildcards === '*?' ? escaped.replaceAll('\\?', '.') : escaped;
  const meant = new RegExp(`^(?:${source})$`, 's');
  return (text) => meant.test(text);
}
