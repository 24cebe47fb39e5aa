// Takes any text; gives it as one word, and a database as one line, that a person may paste into a shell. Pure.
import { visible } from './foreign-text.ts';

/**
 * The line that gives a database to what is started in the shell, as sh reads it, on Windows as PowerShell does.
 * @param file that holds the password, and nothing else
 */
export function exportLine(url: string, file: string, system: NodeJS.Platform = process.platform): string {
  if (system !== 'win32') return `export DATABASE_URL=${url} PGPASSWORD="$(cat ${shellWord(file)})"`;
  return `$env:DATABASE_URL = '${url}'; $env:PGPASSWORD = Get-Content '${file.replaceAll("'", "''")}'`;
}

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
