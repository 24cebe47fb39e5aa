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
  /** Whether pg_dump wrote it, as far as can be told. */
  readonly isDump: boolean;
}

export const copyMessage = 'COPY … FROM STDIN needs psql: write INSERT statements instead';
const metaMessage = 'a psql meta-command (backslash) is no SQL: remove it';

function isCopyStart(line: string): boolean {
  if (!/^copy\s/i.test(line)) return false;
  const statement = line.trimEnd();
  const isAlone = statement.indexOf(';') === statement.length - 1;
  return isAlone && /\sfrom\s+stdin\b/i.test(statement);
}

/** Reads it line by line; a COPY whose data has no end takes all that follows. */
export function readPsql(text: string): PsqlText {
  const lines: PsqlLine[] = [];
  let inData = false;
  const rest = text.split('\n').map((line, i) => {
    if (inData) {
      inData = !/^\\\.\r?$/.test(line);
      return blank(line);
    }
    const isCopy = isCopyStart(line);
    if (!isCopy && !/^\\(?![.\\])/.test(line)) return line;
    lines.push({
      line: i + 1,
      message: isCopy ? copyMessage : `${metaMessage}: ${line.trim().slice(0, 40)}`,
    });
    inData = isCopy;
    return blank(line);
  });
  const isDump = /^-- PostgreSQL database dump\b/m.test(text) || /^\\(un)?restrict\b/m.test(text);
  return { lines, rest: rest.join('\n'), isDump };
}

const blank = (line: string) => ' '.repeat(line.length);

/** How to make a file that runs from the database that a pg_dump script came from. */
export const dumpAdvice = `this is a script of pg_dump: make one that runs without psql with pg_dump --inserts --no-owner --no-privileges <database> | grep -vE '^\\\\(un)?restrict ' > <this file>; baseline records it as it is, for that runs nothing`;
