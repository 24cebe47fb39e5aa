// Takes a server's address; gives a TCP proxy before it that knows the frontend messages of PostgreSQL's protocol, so
// that a test can cut the line, or kill the client, at any one of them. It must not know what the messages mean for us.
// https://www.postgresql.org/docs/16/protocol-message-formats.html
import { connect, createServer, type Socket } from 'node:net';
import { MigrateError } from '../../scripts/base/errors.ts';
import { cleanUpAfterTest } from './cleanup.ts';

/** One message of the client that makes the server answer. */
export interface Frontend {
  /** `startup` for the untyped first one; `Q`, `S` (Sync), `p` (password) … */
  readonly type: string;
  readonly text: string;
  /** The bytes that will be forwarded; changing them changes what arrives. */
  readonly raw: Buffer;
  /** 1-based over all connections. */
  readonly number: number;
  /** Closes both sides of its connection, without forwarding what has not been forwarded. */
  cut(): void;
  /** The same, as soon as the server has answered this message; the answer is lost. */
  cutAfterAnswer(): void;
  /** Answers in the server's place, and ends the connection. */
  answer(bytes: Buffer): void;
}

export type Verdict = 'forward' | 'drop' | 'forward and mute';

export interface Proxy {
  readonly port: number;
  /** The database's URL through here, without the password. */
  url(database: { user: string; name: string }): string;
  /** How many messages that wait for an answer have passed. */
  count(): number;
  /** Ends every connection. */
  cutAll(): void;
  /** The same, and takes no more. */
  close(): void;
}

/** Messages that only prepare the next Sync. */
const unanswered = new Set(['P', 'B', 'D', 'E', 'C', 'H', 'X']);

/**
 * @param judge asked for each message that the server will answer; `forward and mute` lets it through and swallows every
 * answer from there on
 */
export async function proxyTo(
  server: { host: string; port: number },
  judge: (message: Frontend) => Verdict,
): Promise<Proxy> {
  let count = 0;
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const upstream = connect(server.port, server.host);
    const cut = () => {
      client.destroy();
      upstream.destroy();
    };
    const cutAfterAnswer = () => {
      cutOnAnswer = true;
    };
    const answer = (bytes: Buffer) => client.end(bytes);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    let muted = false;
    let cutOnAnswer = false;
    upstream.on('data', (data) => {
      if (cutOnAnswer) cut();
      else if (!muted) client.write(data);
    });
    upstream.on('close', () => client.destroy());
    // What the client sent before it went away still arrives, as it would on a real line.
    client.on('close', () => upstream.end());
    const reader = messageReader((type, raw) => {
      if (unanswered.has(type)) return upstream.write(raw);
      count += 1;
      const verdict = judge({
        type,
        text: raw.toString('utf8', 5),
        raw,
        number: count,
        cut,
        cutAfterAnswer,
        answer,
      });
      if (verdict !== 'drop') upstream.write(raw);
      if (verdict === 'forward and mute') muted = true;
      return undefined;
    });
    client.on('data', reader);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const cutAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  const close = () => {
    cutAll();
    listener.close();
  };
  cleanUpAfterTest(async () => close());
  const { port } = listener.address() as { port: number };
  return {
    port,
    cutAll,
    close,
    url: ({ user, name }) => `postgresql://${user}@127.0.0.1:${port}/${name}`,
    count: () => count,
  };
}

export interface Line extends Proxy {
  /** Aborted when the line is cut. */
  readonly signal: AbortSignal;
  /** What the server sees of a client that is killed: no more of it. */
  sever(): void;
  severed(): boolean;
}

/** An error at login that nobody tries again after, as they would where nothing answers: a killed process asks no more. */
const noDatabase = errorResponse('SFATAL', 'VFATAL', 'C3D000', 'Mthe line is cut');

function errorResponse(...fields: readonly string[]): Buffer {
  const body = Buffer.from(`${fields.map((field) => `${field}\0`).join('')}\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/**
 * A line to the server that ends for good: at a message, which arrives or not, or when `sever` is called.
 * To the server that is SIGKILL of the client: what was sent arrives, then the connection is closed.
 */
export async function severable(
  server: { host: string; port: number },
  point: { readonly at: number; readonly when: 'before' | 'after' } | null = null,
): Promise<Line> {
  const ended = new AbortController();
  const proxy = await proxyTo(server, ({ type, number, cut, answer }) => {
    if (ended.signal.aborted) {
      if (type === 'startup') answer(noDatabase);
      else cut();
      return 'drop';
    }
    if (number !== point?.at) return 'forward';
    sever();
    return point.when === 'after' ? 'forward' : 'drop';
  });
  const sever = () => {
    ended.abort(new MigrateError('interrupted', 'The line is cut'));
    // After the message at hand, where that is to arrive.
    setImmediate(proxy.cutAll);
  };
  return { ...proxy, signal: ended.signal, sever, severed: () => ended.signal.aborted };
}

/** Splits a stream into messages; only the first has no type byte. */
function messageReader(emit: (type: string, raw: Buffer) => unknown): (data: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let started = false;
  return (data) => {
    rest = Buffer.concat([rest, data]);
    for (;;) {
      const head = started ? 1 : 0;
      if (rest.length < head + 4) return;
      const length = head + rest.readUInt32BE(head);
      if (rest.length < length) return;
      const raw = rest.subarray(0, length);
      rest = rest.subarray(length);
      emit(started ? String.fromCharCode(raw[0]!) : 'startup', raw);
      started = true;
    }
  };
}

/** A server that accepts and never says a word. */
export async function silentServer(): Promise<{ port: number; connections(): number }> {
  const sockets: Socket[] = [];
  const listener = createServer((socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  cleanUpAfterTest(async () => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  return { port: (listener.address() as { port: number }).port, connections: () => sockets.length };
}
