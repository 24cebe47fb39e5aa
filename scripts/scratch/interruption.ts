// Takes work that is under way and a signal; gives what the work gives, or the signal's reason once the work has been
// ended. It must not know what the work is.
import { setTimeout as delay } from 'node:timers/promises';

/** How long (ms) ending may take: a server that does not react must not keep an interrupted command. */
const patience = 1300;

/**
 * @param end called once, when the signal aborts; it makes the work fail, and may take as long as that needs
 * @throws what the work throws; the signal's reason where it aborted before the work was done
 */
export async function unlessAborted<Result>(
  signal: AbortSignal | undefined,
  work: Promise<Result>,
  end: () => Promise<unknown>,
): Promise<Result> {
  if (signal === undefined) return work;
  let listener = () => {};
  const aborted = new Promise<void>((resolve) => {
    listener = resolve;
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', listener, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', listener);
  }
  if (!signal.aborted) return work;
  await Promise.race([Promise.allSettled([end(), work]), delay(patience, undefined, { ref: false })]);
  throw signal.reason;
}
