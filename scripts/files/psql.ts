// Takes a text that PostgreSQL's parser refuses; gives the lines that only psql understands (backslash commands, the data of
// COPY … FROM stdin), and the text without them. It reads as psql does, by lines; it knows no other SQL.

/** A line that no server understands, 1-based. */
export interface PsqlLine {
  readonly line: number;
  readonly message: string;
}

export interface PsqlText {
  readonly lines: readonly PsqlLine[];
  /** The text with those lines made blank, so that what is left stands where it stood. */
  readonly rest: string;
  /** What to do with what pg_dump wrote, as far as can be told; null for all else. */
  readonly advice: string | null;
}

export const copyMessage = 'COPY … FROM STDIN needs psql: write INSERT statements instead';
const metaMessage = 'a psql meta-command (backslash) is no SQL: remove it';

/** Whether a statement, with the whole line that it ends on, is one whose rows follow. */
function isCopyStart(text: string): boolean {
  const statement = text.replace(/'[^']*'/g, "''").trimEnd();
  const isAlone = statement.indexOf(';') === statement.length - 1;
  return isAlone && /\sfrom\s+stdin\b/i.test(statement);
}

/** Reads it line by line; a COPY whose data has no end takes all that follows. */
export function readPsql(text: string): PsqlText {
  const lines: PsqlLine[] = [];
  const all = text.split('\n');
  const rest = [...all];
  const blankOut = (from: number, to: number) => {
    for (let i = from; i <= to; i += 1) rest[i] = blank(all[i] ?? '');
  };
  let inData = false;
  /** The line on which a COPY began that has not ended yet. */
  let begun: number | null = null;
  for (const [i, line] of all.entries()) {
    if (inData) {
      inData = !/^\\\.\r?$/.test(line);
      blankOut(i, i);
    } else if (/^\\(?![.\\])/.test(line)) {
      lines.push({ line: i + 1, message: `${metaMessage}: ${line.trim().slice(0, 40)}` });
      blankOut(i, i);
    } else if (begun !== null || /^copy\s/i.test(line)) {
      begun ??= i;
      if (!line.includes(';')) continue;
      inData = isCopyStart(all.slice(begun, i + 1).join('\n'));
      if (inData) {
        lines.push({ line: begun + 1, message: copyMessage });
        blankOut(begun, i);
      }
      begun = null;
    }
  }
  const isDump = /^-- PostgreSQL database dump\b/m.test(text) || /^\\(un)?restrict\b/m.test(text);
  const isRestricted = lines.every(({ line }) => /^\\(un)?restrict\b/.test(all[line - 1] ?? ''));
  const advice = isRestricted ? restrictAdvice : dumpAdvice;
  return { lines, rest: rest.join('\n'), advice: isDump ? advice : null };
}

const blank = (line: string) => ' '.repeat(line.length);

/** Of a dump whose rows are INSERTs, or that has none. */
const restrictAdvice = String.raw`this is a script of pg_dump, and its lines \restrict and \unrestrict are all of it that only psql knows: grep -vE '^\\(un)?restrict ' <this file> > <a new one> takes them out; baseline records it as it is, for that runs nothing`;

/** How to make a file that runs from the database that a pg_dump script came from. */
export const plainDump = `make a script that runs without psql with pg_dump --inserts --no-owner --no-privileges <database> | grep -vE '^\\\\(un)?restrict ' > <this file>`;
const dumpAdvice = `this is a script of pg_dump: ${plainDump}; baseline records it as it is, for that runs nothing`;
