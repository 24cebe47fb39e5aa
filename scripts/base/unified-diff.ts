// Takes the text that ran and the text that a file says now; gives a short unified diff without secrets. Pure but for
// loading the diff library.
import { maskSqlSecrets } from './redact.ts';

/** A diff is to show what changed, not to fill the screen. */
const mostLines = 40;
const widestLine = 200;

/** @param path the file as shown to people */
export async function unifiedDiff(ran: string, now: string, path: string): Promise<string> {
  const { structuredPatch } = await import('diff');
  const { hunks } = structuredPatch('', '', normalise(ran), normalise(now), '', '', { context: 2 });
  const lines = hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines: body }) => [
    `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`,
    ...body.filter((line) => !line.startsWith('\\')),
  ]);
  const more = lines.length - mostLines;
  return [
    `--- what ran`,
    `+++ ${path}`,
    ...lines.slice(0, mostLines).map(cut),
    ...(more > 0 ? [`… ${more} more lines`] : []),
  ].join('\n');
}

/** Masked before it is cut into lines: a literal may span several. */
function normalise(text: string): string {
  const lineEnds = maskSqlSecrets(text).replaceAll('\r\n', '\n');
  return lineEnds.endsWith('\n') ? lineEnds : `${lineEnds}\n`;
}

function cut(line: string): string {
  return line.length <= widestLine ? line : `${line.slice(0, widestLine)}…`;
}
