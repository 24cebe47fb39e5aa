// Takes any text; gives it as one word that a person may paste into a shell. Pure.
import { visible } from './foreign-text.ts';

/**
 * Exactly the text, as sh, bash and zsh read it. What would not be seen is written by printf, but for a text that ends
 * in a line end, which no shell keeps: that one is shown escaped.
 */
export function shellWord(text: string): string {
  if (/^[\w.:=/-]+$/.test(text)) return text;
  if (visible(text) === text) return `'${text.replaceAll("'", "'\\''")}'`;
  if (text.endsWith('\n')) return shellWord(visible(text));
  const bytes = [...new TextEncoder().encode(text)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`);
  return `"$(printf '${bytes.join('')}')"`;
}
