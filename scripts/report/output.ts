// Takes what is to be shown; writes it to the right stream, in colour or not, never with a secret in it.
// The only file besides migrate.ts that writes to the terminal.
import pc from 'picocolors';
import { visible, visibleLines } from '../base/foreign-text.ts';
import { redact, redactAll } from '../base/secrets.ts';
import type { CommonFlags } from '../config/config.ts';
import type { Progress } from './command.ts';
import type { RunReport } from './github.ts';
import { colourStyle, painted, plain, plainStyle, type Style } from './human.ts';

export interface Output extends Progress {
  /** The last lines of the human form. */
  result(text: string): void;
  /** The JSON document. */
  document(value: unknown): void;
  error(text: string): void;
  /** Told once, at the very end, for places that show a run as a whole. */
  finish(report: RunReport): void;
}

const clearLine = '\r\u001b[2K';
/** How often a log without a terminal hears that a statement still runs, so that a pipeline never looks dead. */
const logIntervalMs = 30_000;

/** How long (ms) lines may be held back where nobody watches: each write to a pipe wakes its reader. */
const holdMs = 20;

/** Where progress and results go: to stdout, or with `json` progress to stderr. */
export function createOutput({ json, quiet, verbose }: CommonFlags): Output {
  const progressStream = json ? process.stderr : process.stdout;
  const { write, tell, live } = writerTo(progressStream);
  const isColoured = pc.isColorSupported && (progressStream.isTTY || Boolean(process.env.FORCE_COLOR));
  const style: Style = isColoured ? colourStyle : plainStyle;
  return {
    style,
    say: (line) => (quiet ? undefined : tell(line)),
    live: (line) => (quiet ? undefined : live(line)),
    detail: (line) => (verbose ? tell(line) : undefined),
    warn: (line) => write(process.stderr, `${style.yellow('warning')} ${line}`),
    result: (text) => write(process.stdout, text),
    error: (text) => write(process.stderr, text),
    group: (title) => (quiet ? undefined : tell(style.dim(title))),
    endGroup: () => undefined,
    document: (value) => write(process.stdout, JSON.stringify(redactAll(value), null, 2)),
    finish: () => undefined,
  };
}

interface Writer {
  /** A text with its own stream, at once. */
  readonly write: (stream: NodeJS.WriteStream, text: string) => void;
  /** A line of progress; where nobody watches, a little later. */
  readonly tell: (line: string) => void;
  /** A line that the next one takes the place of; where nobody watches, only now and then. */
  readonly live: (line: string) => void;
}

function writerTo(progressStream: NodeJS.WriteStream): Writer {
  let lastLine = Date.now();
  let rewritable = false;
  const { hold, flush } = holdBack((text) => progressStream.write(shown(text)));
  process.once('exit', flush);
  const write = (stream: NodeJS.WriteStream, text: string) => {
    flush();
    if (rewritable) progressStream.write(clearLine);
    rewritable = false;
    lastLine = Date.now();
    stream.write(`${shown(text)}\n`);
  };
  const tell = (line: string) => {
    if (progressStream.isTTY) return write(progressStream, line);
    lastLine = Date.now();
    hold(`${line}\n`);
  };
  const live = (line: string) => {
    if (progressStream.isTTY) {
      const [first = ''] = plain(visible(redact(line))).split('\n');
      progressStream.write(clearLine + first.slice(0, (progressStream.columns || 80) - 1));
      rewritable = true;
    } else if (Date.now() - lastLine >= logIntervalMs) {
      write(progressStream, line);
    }
  };
  return { write, tell, live };
}

/** Texts that are written together: once the first was held for `holdMs`, or at `flush`. */
function holdBack(write: (text: string) => void): {
  readonly hold: (text: string) => void;
  readonly flush: () => void;
} {
  let held = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (held !== '') write(held);
    held = '';
  };
  const hold = (text: string) => {
    held += text;
    timer ??= setTimeout(flush, holdMs);
  };
  return { hold, flush };
}

/** What may be written: no secret, and no control character but our own colours. */
function shown(text: string): string {
  return painted(visibleLines(redact(text)));
}
