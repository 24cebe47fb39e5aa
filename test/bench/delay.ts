// Takes a server's address and a round-trip time; gives a TCP proxy that is that far away.
// Each direction delays what it carries by half of it, however much is under way at once.
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { median } from './measure.ts';

export interface DistantServer {
  readonly host: string;
  readonly port: number;
  close(): void;
}

export async function distant(
  server: { readonly host: string; readonly port: number },
  roundTripMs: number,
): Promise<DistantServer> {
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const upstream = connect(server.port, server.host);
    carry(client, upstream, roundTripMs / 2);
    carry(upstream, client, roundTripMs / 2);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const close = () => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  };
  return { host: '127.0.0.1', port: (listener.address() as { port: number }).port, close };
}

function carry(from: Socket, to: Socket, delayMs: number): void {
  let queue = Promise.resolve();
  const later = (work: () => void) => {
    const due = performance.now() + delayMs;
    queue = queue.then(async () => {
      // Timers count whole milliseconds and may fire early. Too late by a fraction is the side to err on: it flatters nobody.
      for (let left = due - performance.now(); left > 0; left = due - performance.now())
        await sleep(Math.ceil(left));
      work();
    });
  };
  from.on('data', (data: Buffer) => later(() => void to.write(data)));
  from.on('end', () => later(() => void to.end()));
}

/** What a statement that costs nothing takes (ms, median): the round trip that a contender really meets. */
export async function roundTripOf(connectionString: string): Promise<number> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  const times: number[] = [];
  for (let i = 0; i < 50; i += 1) {
    const from = performance.now();
    await client.query('SELECT 1');
    times.push(performance.now() - from);
  }
  await client.end();
  return median(times);
}
