// Takes the address of a PostgreSQL server; gives another address in front of it that counts round trips on the wire:
// a client waits for an answer after each Query and each Sync message.
// https://www.postgresql.org/docs/16/protocol-message-formats.html
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { cleanUpAfterTest } from './hooks.ts';

export interface CountingProxy {
  readonly port: number;
  /** Queries and Syncs of all connections since the last reset; logging in is not counted. */
  count(): number;
  reset(): void;
}

const query = 'Q'.charCodeAt(0);
const sync = 'S'.charCodeAt(0);
const passwordReply = 'p'.charCodeAt(0);

export async function countingProxy(server: { host: string; port: number }): Promise<CountingProxy> {
  let trips = 0;
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = connect(server.port, server.host);
    const counter = messageCounter((type) => {
      if (type === query || type === sync) trips += 1;
    });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
    client.on('data', counter);
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  cleanUpAfterTest(async () => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  return {
    port: (proxy.address() as AddressInfo).port,
    count: () => trips,
    reset: () => {
      trips = 0;
    },
  };
}

/** Calls `seen` with the type of each message; the first of a connection has no type, it is the start-up message. */
function messageCounter(seen: (type: number) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  let started = false;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const head = started ? 1 : 0;
      if (rest.length < head + 4) return;
      const length = head + rest.readInt32BE(head);
      if (rest.length < length) return;
      if (started && rest[0] !== passwordReply) seen(rest[0] ?? 0);
      started = true;
      rest = rest.subarray(length);
    }
  };
}
