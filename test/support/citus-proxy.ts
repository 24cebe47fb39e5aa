// Takes the place of a worker of a Citus cluster; gives a port that passes on what the coordinator sends, and can keep it
// back from a certain command on, or cut the connection there. Sessions through it go without TLS.
import { connect, createServer, type Socket } from 'node:net';
import { cleanUpAfterTest } from './cleanup.ts';

export interface WorkerProxy {
  readonly port: number;
  /** From the first message on that holds the text, nothing is passed on of any connection that sends it. */
  keepBack(text: string): KeptBack;
}

export interface KeptBack {
  /** Resolves when something is kept back. */
  readonly reached: Promise<void>;
  /** Passes on what was kept back, and all that follows. */
  release(): void;
  /** Cuts the connections that were kept back: the worker never gets to know the command. */
  cut(): void;
}

/** The length and code of a request for TLS. https://www.postgresql.org/docs/16/protocol-message-formats.html */
const tlsRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

interface Rule {
  readonly text: string;
  readonly kept: Map<Socket, { readonly chunks: Buffer[]; readonly node: Socket }>;
  readonly reached: () => void;
}

export async function workerProxy(host: string, port: number): Promise<WorkerProxy> {
  let rule: Rule | null = null;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const node = connect(port, host);
    for (const socket of [client, node]) sockets.add(socket);
    client.on('error', () => node.destroy()).on('close', () => node.destroy());
    node.on('error', () => client.destroy()).on('close', () => client.destroy());
    node.on('data', (chunk) => client.write(chunk));
    client.on('data', (chunk) => {
      if (chunk.equals(tlsRequest)) return void client.write('N');
      const kept = rule?.kept.get(client);
      if (kept !== undefined) return void kept.chunks.push(chunk);
      if (rule === null || !chunk.includes(rule.text)) return void node.write(chunk);
      rule.kept.set(client, { chunks: [chunk], node });
      rule.reached();
    });
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, host, resolve));
  cleanUpAfterTest(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const end = (each: (client: Socket, kept: { chunks: Buffer[]; node: Socket }) => void) => {
    const { kept } = rule ?? { kept: new Map() };
    rule = null;
    for (const [client, pending] of kept) each(client, pending);
  };
  return {
    port: (server.address() as { port: number }).port,
    keepBack: (text) => {
      const reached = new Promise<void>((resolve) => {
        rule = { text, kept: new Map(), reached: resolve };
      });
      return {
        reached,
        release: () => end((_, { chunks, node }) => node.write(Buffer.concat(chunks))),
        cut: () => end((client) => client.destroy()),
      };
    },
  };
}
