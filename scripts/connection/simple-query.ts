// Takes several SQL statements as one text; gives how far they came, in one round trip of the simple protocol.
// It knows nothing of migrations. https://www.postgresql.org/docs/16/protocol-flow.html#PROTOCOL-FLOW-SIMPLE-QUERY
import type { Socket } from 'node:net';
import type pg from 'pg';

/** SQL to be sent as one text; parts are not joined before, for a file may be 50 MB. */
export type SqlText = string | readonly string[];

/** What the server reported of a batch; `completed` counts CommandComplete messages, one per statement. */
export interface BatchResult {
  readonly completed: number;
  /** Rows of each statement in text form; empty where they were not asked for. */
  readonly rows: readonly (readonly (string | null)[])[][];
  /** `I` idle, `T` in a transaction, `E` in a failed one; null after an error. */
  readonly transactionStatus: 'I' | 'T' | 'E' | null;
  readonly error: pg.DatabaseError | Error | null;
}

export interface BatchOptions {
  /** Keep the rows of so many first statements (default 0): a migration may select a million that nobody reads. */
  readonly keepRows?: number;
}

interface Connection {
  readonly stream: Socket;
  query(text: string): void;
  sendCopyFail(message: string): void;
}

/**
 * Sends the text as it is. Never rejects: a refused statement and a lost connection are both in `error`.
 * The statements share one implicit transaction unless the text opens its own.
 */
export function sendBatch(
  client: pg.Client,
  text: SqlText,
  options: BatchOptions = {},
): Promise<BatchResult> {
  const submit = (connection: Connection) =>
    typeof text === 'string' ? connection.query(text) : void connection.stream.write(queryMessage(text));
  return new Promise((resolve) => {
    client.query(batchQuery(client, submit, options, resolve));
  });
}

/** What pg asks of a query that brings its own way of sending, and of reading what comes back. */
function batchQuery(
  client: pg.Client,
  submit: (connection: Connection) => void,
  options: BatchOptions,
  ended: (result: BatchResult) => void,
): pg.Submittable {
  let completed = 0;
  const rows: (string | null)[][][] = [[]];
  const finish = (error: Error | null) => {
    const status = error === null ? client.getTransactionStatus() : null;
    ended({ completed, rows, transactionStatus: status as BatchResult['transactionStatus'], error });
  };
  return {
    submit,
    handleRowDescription: () => undefined,
    handleDataRow: (message: { fields: (string | null)[] }) => {
      if (completed < (options.keepRows ?? 0)) rows.at(-1)?.push(message.fields);
    },
    handleCommandComplete: () => {
      completed += 1;
      if (completed < (options.keepRows ?? 0)) rows.push([]);
    },
    handleEmptyQuery: () => undefined,
    handlePortalSuspended: () => undefined,
    handleCopyInResponse: (connection: Connection) =>
      connection.sendCopyFail('COPY FROM STDIN has no input here'),
    handleCopyData: () => undefined,
    handleReadyForQuery: () => finish(null),
    handleError: finish,
  } as unknown as pg.Submittable;
}

/** One of several batches. */
export interface Sent extends BatchOptions {
  readonly text: string;
}

/** Batches that are under way at the same time. */
export interface Pipeline {
  /** Sends them at once, in one go, whatever is unanswered; as `sendBatch` otherwise. The answers never reject. */
  send(batches: readonly Sent[]): Promise<BatchResult>[];
  /** Resolves when nothing is under way: only then may anything else use the client. */
  drained(): Promise<void>;
}

/**
 * The server reads what is sent one batch after the other, so that no answer has to be waited for in between.
 * pg gets to know a batch only when the one before it is answered: it sends one query at a time.
 * https://www.postgresql.org/docs/16/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */
export function openPipeline(client: pg.Client): Pipeline {
  const { connection } = client as unknown as { connection: Connection };
  const waiting: pg.Submittable[] = [];
  let underway: Promise<unknown> = Promise.resolve();
  let active = false;
  const next = () => {
    const query = waiting.shift();
    active = query !== undefined;
    if (query !== undefined) client.query(query);
  };
  const sendOne = ({ text, ...options }: Sent): Promise<BatchResult> => {
    connection.query(text);
    const result = new Promise<BatchResult>((resolve) => {
      const ended = (answer: BatchResult) => {
        next();
        resolve(answer);
      };
      waiting.push(batchQuery(client, () => undefined, options, ended));
    });
    underway = result;
    if (!active) next();
    return result;
  };
  return {
    send: (batches) => {
      connection.stream.cork();
      const answers = batches.map(sendOne);
      connection.stream.uncork();
      return answers;
    },
    drained: async () => void (await underway),
  };
}

/** One Query message. https://www.postgresql.org/docs/16/protocol-message-formats.html */
function queryMessage(parts: readonly string[]): Buffer {
  const bytes = parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0);
  const message = Buffer.allocUnsafe(bytes + 6);
  message.write('Q');
  message.writeInt32BE(bytes + 5, 1);
  let at = 5;
  for (const part of parts) at += message.write(part, at);
  message[at] = 0;
  return message;
}
