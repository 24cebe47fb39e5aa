// Takes the text of a file that holds both directions of a migration, in the form of another tool; gives the two texts.
// Pure but for the parser it is given. It knows nothing of names and versions.
import { readSections, type Section } from './sections.ts';
import type { Parser } from './statements.ts';

/** Empty where the file has nothing for a direction. */
export interface SplitFile {
  readonly up: string;
  readonly down: string;
}

/** Lines that only tell the other tool how to read the file; what they ask for is seen to here. */
const toolLine =
  /^[ \t]*--[ \t]*(?:\+[ \t]*(?:goose|migrate|micrate)[ \t]+(?:statement[ \t]*(?:begin|end)|no[ \t]+transaction|envsub[ \t]+off)|liquibase[ \t]+formatted[ \t]+sql)\b[^\n]*\n?/gim;
const saysNoTransaction = /no[ \t]*transaction|transaction:[ \t]*false|runInTransaction:[ \t]*"?false/i;
const wholeNoTransaction = /^[ \t]*--[ \t]*\+[ \t]*goose[ \t]+no[ \t]+transaction\b/im;
const changeset = /^[ \t]*--[ \t]*changeset[ \t]+\S+/i;
const rollback = /^[ \t]*--[ \t]*rollback\b[ \t]*/i;

/** @returns null where the text has no marker of either direction */
export function splitFile(text: string, parse: Parser): SplitFile | null {
  if (/^[ \t]*--[ \t]*changeset[ \t]+\S+:\S+/im.test(text)) return splitChangesets(text);
  const all = readSections(text, gapsOf(text, parse));
  const ofTool = all.filter(({ isHeading }) => !isHeading);
  // Where a tool's own marks are, a heading is for its readers.
  const sections = ofTool.length > 0 ? ofTool : all;
  if (sections.length === 0) return null;
  const first = sections[0]?.offset ?? 0;
  const bodies = sections.map((section, i) => ({
    ...section,
    body: bodyOf(text, section, sections[i + 1]?.offset ?? text.length),
  }));
  const half = (direction: Section['direction'], head: string) => {
    const own = bodies.filter((section) => section.direction === direction);
    const noTransaction =
      wholeNoTransaction.test(text) || own.some(({ marker }) => saysNoTransaction.test(marker));
    return finished([head, ...own.map(({ body }) => body)].join(''), noTransaction);
  };
  return { up: half('up', text.slice(0, first)), down: half('down', '') };
}

function bodyOf(text: string, { offset }: Section, end: number): string {
  const line = text.indexOf('\n', offset);
  return line === -1 || line >= end ? '' : text.slice(line + 1, end);
}

/** Between the statements, where a comment parts them; undefined where the text cannot be told apart into statements. */
function gapsOf(text: string, parse: Parser): (readonly [number, number])[] | undefined {
  const parsed = parse(text);
  if (parsed.ok !== true) return undefined;
  const ends = [0, ...parsed.statements.map(({ end }) => end)];
  const starts = [...parsed.statements.map(({ start }) => start), text.length];
  return ends.map((end, i) => [end, starts[i] ?? text.length] as const);
}

/** Liquibase's formatted SQL: the way back stands in comments below each changeset, and is run from the last to the first. */
function splitChangesets(text: string): SplitFile {
  const up: string[] = [];
  const downs: string[][] = [[]];
  let noTransaction = false;
  for (const line of text.split('\n')) {
    if (changeset.test(line)) {
      downs.push([]);
      noTransaction ||= saysNoTransaction.test(line);
    } else if (rollback.test(line)) {
      const sql = line.replace(rollback, '').trim();
      if (!/^(?:empty|not required)?$/i.test(sql)) downs.at(-1)?.push(sql);
      continue;
    }
    up.push(line);
  }
  const down = downs.toReversed().flat().join('\n');
  return { up: finished(up.join('\n'), noTransaction), down: finished(down, noTransaction) };
}

/** Without the other tool's lines; empty where nothing but comments is left. */
function finished(text: string, noTransaction: boolean): string {
  const own = text.replace(toolLine, '').trim();
  const hasSql = own.split('\n').some((line) => !/^\s*(?:--.*)?$/.test(line));
  if (!hasSql) return '';
  return `${noTransaction ? '-- migrate: no-transaction\n' : ''}${own}\n`;
}
