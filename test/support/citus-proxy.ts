// Takes the place of a worker of a Citus cluster; gives a port that passes on what the coordinator sends, and can keep it
// back from a certain command on, cut the connection there, or fail as a whole at any one message. Sessions through it go
// without TLS.
import { connect, createServer, type Socket } from 'node:net';
import { cleanUpAfterTest } from './cleanup.ts';

export interface WorkerProxy {
  readonly port: number;
  /** From the first message on that holds the text, nothing is passed on of any connection that sends it. */
  keepBack(text: string): KeptBack;
  /**
   * The worker fails at the n-th message (1-based) of connections that begin from now on: every connection is cut. `stopped`:
   * it never gets to know the message, and takes no connection until it is mended. `restarted`: it has done what the message
   * asks for, but nobody hears of it; it takes connections again at once.
   */
  failAt(n: number, how: 'stopped' | 'restarted'): Failing;
}

export interface Failing {
  /** Whether so many messages have come. */
  reached(): boolean;
  /** Takes connections again, and fails no more. */
  mend(): void;
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

interface Failure {
  readonly at: number;
  readonly how: 'stopped' | 'restarted';
  seen: number;
}

export async function workerProxy(host: string, port: number): Promise<WorkerProxy> {
  let rule: Rule | null = null;
  let failure: Failure | null = null;
  const sockets = new Set<Socket>();
  const cutAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    if (failure?.how === 'stopped' && failure.seen >= failure.at) return void client.destroy();
    const node = connect(port, host);
    const failing = failure;
    let unheard = false;
    for (const socket of [client, node]) sockets.add(socket.on('close', () => sockets.delete(socket)));
    client.on('error', () => node.destroy()).on('close', () => node.destroy());
    node.on('error', () => client.destroy()).on('close', () => client.destroy());
    node.on('data', (chunk) => (unheard ? cutAll() : client.write(chunk)));
    client.on('data', (chunk) => {
      if (chunk.equals(tlsRequest)) return void client.write('N');
      if (failing !== null && failing === failure) {
        failing.seen += 1;
        unheard = failing.seen === failing.at;
        if (unheard && failing.how === 'stopped') return cutAll();
      }
      const kept = rule?.kept.get(client);
      if (kept !== undefined) return void kept.chunks.push(chunk);
      if (rule === null || !chunk.includes(rule.text)) return void node.write(chunk);
      rule.kept.set(client, { chunks: [chunk], node });
      rule.reached();
    });
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, host, resolve));
  cleanUpAfterTest(async () => {
    cutAll();
    server.close();
  });
  const end = (each: (client: Socket, kept: { chunks: Buffer[]; node: Socket }) => void) => {
    const { kept } = rule ?? { kept: new Map() };
    rule = null;
    for (const [client, pending] of kept) each(client, pending);
  };
  return {
    port: (server.address() as { port: number }).port,
    failAt: (at, how) => {
      const failing: Failure = { at, how, seen: 0 };
      failure = failing;
      return {
        reached: () => failing.seen >= at,
        mend: () => {
          failure = null;
        },
      };
    },
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
