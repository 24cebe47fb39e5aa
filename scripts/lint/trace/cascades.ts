// Takes a statement that is about to run; gives what CASCADE takes along with it, as the server's NOTICE says it.
import type { Statement } from '../../base/types.ts';
import type { TraceSession } from './probe.ts';

/** The answer of the work, and what a NOTICE says of CASCADE; listened to only while a statement with that word runs. */
export async function withCascades<Result>(
  { client }: TraceSession,
  statement: Statement,
  work: () => Promise<Result>,
): Promise<readonly [Result, readonly string[]]> {
  const cascades: string[] = [];
  const listen = ({ message, detail }: { message?: string | undefined; detail?: string | undefined }) => {
    for (const [, what = ''] of `${detail ?? message ?? ''}`.matchAll(
      /^drop cascades to (?!\d+ other)(.+)$/gm,
    ))
      cascades.push(what);
  };
  const isAsked = /\bcascade\b/i.test(statement.text);
  if (isAsked) client.on?.('notice', listen);
  try {
    return [await work(), cascades];
  } finally {
    if (isAsked) client.off?.('notice', listen);
  }
}
