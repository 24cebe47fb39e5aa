// Takes a session's client and a signal; ends what the session runs when the signal aborts. It waits for nothing.
import { connect } from 'node:net';
import type pg from 'pg';
import type { Target } from '../config/target.ts';
import { streamOf } from './connect.ts';

/** How long (ms) a cancelled statement may take to end before the connection is cut. */
const patience = 1200;

/** The work sees its statement fail and rolls back; a server that does not react notices the cut connection. */
export function cancelOnAbort(signal: AbortSignal, target: Target, client: pg.Client): void {
  const cancel = () => {
    sendCancelRequest(target, client);
    setTimeout(() => streamOf(client).destroy(), patience).unref();
  };
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
  // A session that has ended has nothing to cancel; one process may open thousands, one after the other.
  client.once('end', () => signal.removeEventListener('abort', cancel));
}

/**
 * The protocol's own way: it needs neither a login nor a free connection slot, and no TLS, for the key is used once.
 * https://www.postgresql.org/docs/16/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 */
function sendCancelRequest({ host, port }: Target, client: pg.Client): void {
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
  const request = Buffer.alloc(16);
  for (const [i, word] of [16, 80_877_102, processID, secretKey].entries()) request.writeInt32BE(word, 4 * i);
  const socket = host.startsWith('/')
    ? connect({ path: `${host}/.s.PGSQL.${port}` })
    : connect({ host, port });
  socket.on('error', () => undefined);
  socket.setTimeout(patience, () => socket.destroy());
  socket.end(request);
}
