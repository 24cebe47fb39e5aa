// Takes a connected client; gives the two ways to send through it, with round trips counted and the errors of a lost
// connection told apart from those of SQL. It must not know migrations.
import type pg from 'pg';
import { MigrateError } from '../base/errors.ts';
import { describeTarget, type Target } from '../config/target.ts';
import {
  type BatchOptions,
  type BatchResult,
  openPipeline,
  type Sent,
  type SqlText,
  sendBatch,
} from './simple-query.ts';

export type Row = Readonly<Record<string, unknown>>;

/** The ways to send SQL through one session, and what it cost. */
export interface Channel {
  /** One statement, one round trip. Rejects with pg's own error, or MigrateError: `connection` when the session is lost, `locked`, `refused`. */
  query<Result extends Row = Row>(text: string, values?: readonly unknown[]): Promise<Result[]>;
  /**
   * Statements of our own as one text, sent at once where nothing but others of these is under way.
   * @param answers the rows of so many first statements are given, in text form
   */
  ask(text: string, answers?: number): Promise<BatchResult['rows']>;
  /** Several statements, one round trip; see `sendBatch`. Never rejects. */
  batch(text: SqlText, options?: BatchOptions): Promise<BatchResult>;
  /**
   * Statements with a message each, all written at once, answered as one batch: `completed` counts those before the first
   * that failed. The server goes on behind an error: only for what a transaction that has failed refuses.
   */
  statements(texts: readonly string[], options?: BatchOptions): Promise<BatchResult>;
  /** Several batches, sent at once, whatever is unanswered; `query` and `batch` wait until all of them are answered. */
  pipeline(batches: readonly Sent[]): readonly Promise<BatchResult>[];
  /** Ours is UTF-8; a file that set another encoding would garble what we send next. Free when nothing changed. */
  restoreEncoding(): Promise<void>;
  /** How many round trips this session made; a claim of the README is tested with it. */
  roundTrips(): number;
}

/**
 * @param signal when it aborts, failures of queries are its reason
 * @throws nothing; what the ways to send reject with stands with each
 */
export function openChannel(target: Target, client: pg.Client, signal: AbortSignal | undefined): Channel {
  let trips = 0;
  const { lost, encoding } = watchClient(client);
  const { explained, refuse } = readErrors(target, lost, signal);
  const sending = openPipeline(client);
  const turns = takeTurns(sending.drained);
  const inTurn = <Result>(send: () => Promise<Result>): Promise<Result> => {
    trips += 1;
    return turns.wait(send);
  };
  const batch = async (text: SqlText, options?: BatchOptions): Promise<BatchResult> =>
    explained(await inTurn(() => sendBatch(client, text, options)));
  const pipeline = (batches: readonly Sent[]): Promise<BatchResult>[] => {
    trips += batches.length;
    return sending.send(batches).map(async (answer) => explained(await answer));
  };
  return {
    query: async <Result extends Row>(text: string, values?: readonly unknown[]): Promise<Result[]> => {
      const answer = inTurn(() => client.query<Result>(text, values as unknown[]));
      return (await answer.catch((error: unknown) => refuse(error, text))).rows;
    },
    ask: async (text, keepRows = 0) => {
      const [sent] = turns.idle() ? pipeline([{ text, keepRows }]) : [];
      const { rows, error } = await (sent ?? batch(text, { keepRows }));
      return error === null ? rows : refuse(error, text);
    },
    batch,
    statements: async (texts, { keepRows = 0 } = {}) => {
      const sent = texts.map((text, i) => ({ text, keepRows: i < keepRows ? 1 : 0 }));
      return explained(await inTurn(async () => asOne(await Promise.all(sending.send(sent)), keepRows)));
    },
    pipeline,
    restoreEncoding: async () => {
      if (encoding() !== 'UTF8') await batch('RESET client_encoding');
    },
    roundTrips: () => trips,
  };
}

/** How the errors of this session are told: `explained` in the answer of a batch, `refuse` as what is thrown. */
function readErrors(target: Target, lost: () => Error | null, signal: AbortSignal | undefined) {
  return {
    explained: (result: BatchResult): BatchResult =>
      isConnectionLoss(result.error)
        ? { ...result, error: lostError(target, lost() ?? result.error) }
        : result,
    refuse: (error: unknown, text: string): never => {
      signal?.throwIfAborted();
      throw ownQueryError(target, error, text, lost());
    },
  };
}

/** What the client tells by itself: the error that ended its connection, and the encoding it is in. */
function watchClient(client: pg.Client) {
  let lost: Error | null = null;
  let encoding = 'UTF8';
  client.on('error', (error) => {
    lost ??= error;
  });
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter };
  connection.on('parameterStatus', (status: { parameterName: string; parameterValue: string }) => {
    if (status.parameterName === 'client_encoding') encoding = status.parameterValue;
  });
  return { lost: () => lost, encoding: () => encoding };
}

/** One work at a time has the client, in the order of asking, and only when `drained` has resolved. */
function takeTurns(drained: () => Promise<void>) {
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();
  return {
    /** True when no work has the client or waits for it. */
    idle: () => waiting === 0,
    wait: async <Result>(work: () => Promise<Result>): Promise<Result> => {
      waiting += 1;
      const turn = last.then(drained).then(work);
      last = turn.catch(() => undefined);
      try {
        return await turn;
      } finally {
        waiting -= 1;
      }
    },
  };
}

/** @param kept so many first answers have rows */
function asOne(answers: readonly BatchResult[], kept: number): BatchResult {
  const failed = answers.findIndex(({ error }) => error !== null);
  return {
    completed: failed === -1 ? answers.length : failed,
    rows: answers.slice(0, kept).map(({ rows }) => rows[0] ?? []),
    transactionStatus: failed === -1 ? (answers.at(-1)?.transactionStatus ?? null) : null,
    error: answers[failed]?.error ?? null,
  };
}

/** Errors of our own queries that are not bugs: the session is gone, or something out there is in the way. */
function ownQueryError(target: Target, error: unknown, text: string, lost: Error | null): unknown {
  if (isConnectionLoss(error)) return lostError(target, lost ?? error);
  const { code = '', message } = error as { code?: string; message: string };
  if (code === '42501') {
    return new MigrateError('refused', `The role lacks a privilege: ${message}`, {
      hint: 'Use the migration role, or have an administrator grant it (.github/DEPLOY.md, "Roles").',
      database: { sqlState: code },
      cause: error,
    });
  }
  // A table, column or function that is not there.
  if (/^42(?:P01|703|883)$/.test(code) && text.includes('migration_ledger.'))
    return tornLedger(error as Error, code);
  if (code !== '55P03' && code !== '40P01') return error;
  return new MigrateError('locked', `Another session locks the tracking table or the ledger: ${message}`, {
    hint: 'SELECT pid, query FROM pg_stat_activity shows who is in a transaction, SELECT gid FROM pg_prepared_xacts what was prepared and never ended. Let it end, then run the same command again.',
    database: { sqlState: code },
    cause: error,
  });
}

/** A part of the ledger is gone: dropped by hand, restored without it, or the schema is somebody else's. */
export function tornLedger(cause: Error, sqlState: string): MigrateError {
  return new MigrateError('refused', `The ledger is not whole: ${cause.message}`, {
    hint: 'The schema migration_ledger is not as this tool made it, as after a restore of some of its tables. Restore it whole; or move it out of the way (ALTER SCHEMA migration_ledger RENAME TO migration_ledger_old) and run again: what the tracking table names is taken over as applied then, what was half done is forgotten.',
    state: 'What was applied and recorded before this stays as it is.',
    database: { sqlState },
    cause,
  });
}

/** The severity ERROR in the languages that PostgreSQL speaks: behind it, unlike behind FATAL, the session goes on. */
const passingSeverities = new Set(
  'ERROR FEHLER ERREUR ERRORE ERRO CHYBA BŁĄD FEL HATA ОШИБКА ПОМИЛКА ΣΦΑΛΜΑ შეცდომა 오류 错误 錯誤 LỖI'.split(
    ' ',
  ),
);

/**
 * True for errors after which the session is gone: sockets, and SQLSTATE classes 08 and 57P. Not where the server only tells
 * of another server that a statement asked: a worker of Citus, dblink, a foreign table.
 */
function isConnectionLoss(error: unknown): error is Error {
  if (!(error instanceof Error) || error instanceof MigrateError) return false;
  if (passingSeverities.has(String((error as { severity?: unknown }).severity))) return false;
  const code = String((error as { code?: unknown }).code ?? '');
  return (
    /^(08|57P0[123])/.test(code) ||
    /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET)/.test(code) ||
    /^(Connection terminated|Client (was closed|has encountered))/.test(error.message)
  );
}

function lostError(target: Target, cause: Error): MigrateError {
  return new MigrateError(
    'connection',
    `The connection to ${describeTarget(target)} was lost: ${cause.message}`,
    { cause },
  );
}
