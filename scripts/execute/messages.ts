// Takes statements, of ours or of a file; sends them the way that the server takes them: as one text, or on Citus, which
// hands texts on to its workers as they are, each in a message of its own. It judges no answer.
import type { BatchResult } from '../connection/simple-query.ts';
import { separateStatements } from '../files/separate.ts';
import type { RunContext } from './context.ts';

/** A file that was sent behind its opening statements. */
export interface FileUnderWay {
  readonly reply: Promise<BatchResult>;
  /** Characters that the position of an error counts besides those of the file: negative where it counts from a statement on. */
  readonly prefixLength: (answer: BatchResult) => number;
}

/** @param keepRows the rows of so many first statements are given */
export function sendStatements(
  { session }: Pick<RunContext, 'session'>,
  statements: readonly string[],
  keepRows = 0,
): Promise<BatchResult> {
  return session.citus === null
    ? session.batch(statements.join(';\n'), { keepRows })
    : session.statements(statements, { keepRows });
}

/** @param openingOf the statements before it, whose rows are given; on Citus told the kinds of the file's statements */
export async function sendFileBehind(
  context: RunContext,
  text: string,
  openingOf: (kinds: readonly string[]) => readonly string[],
): Promise<FileUnderWay> {
  const { session } = context;
  if (session.citus === null) {
    const opening = openingOf([]);
    const keepRows = opening.length;
    const before = `${opening.join('; ')};\n`;
    return { reply: session.batch([before, text], { keepRows }), prefixLength: () => before.length };
  }
  const pieces = await piecesOf(context, text);
  const opening = openingOf(pieces.map(({ kind }) => kind));
  return {
    reply: sendApart(context, opening, pieces),
    prefixLength: ({ completed }) => {
      const failed = pieces[Math.max(0, completed - opening.length)];
      return failed === undefined ? 0 : -[...text.slice(0, failed.start)].length;
    },
  };
}

/** A statement and where it begins in its file, in UTF-16 units. */
interface OwnMessage {
  readonly text: string;
  readonly kind: string;
  readonly start: number;
}

/** A text that cannot be taken apart here goes as it is: the server has the last word on it. */
async function piecesOf({ loadParser }: RunContext, text: string): Promise<readonly OwnMessage[]> {
  return separateStatements(await loadParser(), text) ?? [{ text, kind: 'Unknown', start: 0 }];
}

/** After SET client_encoding the server would read what is under way already in another encoding. */
const changesEncoding = /client_encoding|set\s+names/i;

async function sendApart(
  { session }: RunContext,
  opening: readonly string[],
  pieces: readonly OwnMessage[],
): Promise<BatchResult> {
  const texts = pieces.map(({ text }) => text);
  const keepRows = opening.length;
  if (!texts.some((text) => changesEncoding.test(text)))
    return session.statements([...opening, ...texts], { keepRows });
  let answer = await session.statements(opening, { keepRows });
  for (const text of texts) {
    if (answer.error !== null) break;
    const { error, completed, transactionStatus } = await session.batch(text);
    answer = { ...answer, error, completed: answer.completed + completed, transactionStatus };
    await session.restoreEncoding();
  }
  return answer;
}
