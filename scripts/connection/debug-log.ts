// Takes a channel; gives one that does the same and tells of each piece of SQL that is sent: how long it took, whether it
// failed, and its text without secrets. It changes nothing that is sent.
import { redact } from '../base/secrets.ts';
import type { Channel } from './channel.ts';
import type { SqlText } from './simple-query.ts';

/** So much of a text is shown (characters); so much more is looked at, for a secret must be seen whole to be masked. */
const shownLength = 4000;
const readLength = 64 * shownLength;

/**
 * @param tell is given "  sql 1.2 ms: SELECT …", the text in as many lines as it has; parameters are not shown
 * @returns the channel itself, but for that
 */
export function debugged(channel: Channel, tell: (text: string) => void): Channel {
  const timed = async <Result>(
    text: SqlText,
    result: Promise<Result>,
    failure: (result: Result) => unknown,
  ): Promise<Result> => {
    const from = performance.now();
    const done = (error: unknown) => tell(describe(text, performance.now() - from, error));
    result.then(
      (value) => done(failure(value)),
      (error) => done(error),
    );
    return result;
  };
  const none = () => null;
  return {
    ...channel,
    query: (text, values) => timed(text, channel.query(text, values), none),
    ask: (text, answers) => timed(text, channel.ask(text, answers), none),
    batch: (text, options) => timed(text, channel.batch(text, options), ({ error }) => error),
    statements: (texts, options) =>
      timed(texts.join(';\n'), channel.statements(texts, options), ({ error }) => error),
    pipeline: (batches) =>
      channel
        .pipeline(batches)
        .map((answer, i) => timed(batches[i]?.text ?? '', answer, ({ error }) => error)),
  };
}

function describe(text: SqlText, ms: number, error: unknown): string {
  const whole = typeof text === 'string' ? text.slice(0, readLength) : firstOf(text);
  const length = typeof text === 'string' ? text.length : text.reduce((sum, part) => sum + part.length, 0);
  const shown = redact(whole).slice(0, shownLength).trimEnd();
  const more = length > shownLength ? `\n… ${length} characters in all` : '';
  const failed = error === null ? '' : `, failed (${(error as { code?: string }).code ?? 'no SQLSTATE'})`;
  return `  sql ${ms.toFixed(1)} ms${failed}: ${`${shown}${more}`.replaceAll('\n', '\n    ')}`;
}

function firstOf(parts: readonly string[]): string {
  let text = '';
  for (const part of parts) if (text.length < readLength) text += part.slice(0, readLength);
  return text;
}
