// Takes what is to be shown; writes it to the right stream, in colour or not, never with a secret in it.
// The only file besides migrate.ts that writes to the terminal.
import pc from 'picocolors';
import { hideSecrets } from '../base/redact.ts';
import type { CommonFlags } from '../config/config.ts';
import type { Environment } from '../config/environment.ts';
import type { Progress } from './command.ts';
import type { RunReport } from './github.ts';
import { plainStyle, type Style } from './human.ts';

export interface Output extends Progress {
  /** The JSON document, or the last lines of the human form. */
  result(text: string): void;
  error(text: string): void;
  /** Values never to be shown from here on. */
  hide(secrets: readonly string[]): void;
  /** The text as it would be written: without those values. */
  redact(text: string): string;
  /** Told once, at the very end, for places that show a run as a whole. */
  finish(report: RunReport): void;
}

const clearLine = '\r\u001b[2K';
/** How often a log without a terminal hears that a statement still runs, so that a pipeline never looks dead. */
const logIntervalMs = 30_000;

/** How long (ms) lines may be held back where nobody watches: each write to a pipe wakes its reader. */
const holdMs = 20;

export function createOutput({ json, quiet, verbose }: CommonFlags): Output {
  const secrets: string[] = [];
  const progressStream = json ? process.stderr : process.stdout;
  let lastLine = Date.now();
  let rewritable = false;
  let held = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (held !== '') progressStream.write(hideSecrets(held, secrets));
    held = '';
  };
  process.once('exit', flush);
  const write = (stream: NodeJS.WriteStream, text: string) => {
    flush();
    if (rewritable) progressStream.write(clearLine);
    rewritable = false;
    lastLine = Date.now();
    stream.write(`${hideSecrets(text, secrets)}\n`);
  };
  const tell = (line: string) => {
    if (progressStream.isTTY) return write(progressStream, line);
    lastLine = Date.now();
    held += `${line}\n`;
    timer ??= setTimeout(flush, holdMs);
  };
  const live = (line: string) => {
    if (progressStream.isTTY) {
      progressStream.write(
        clearLine + hideSecrets(line, secrets).slice(0, (progressStream.columns || 80) - 1),
      );
      rewritable = true;
    } else if (Date.now() - lastLine >= logIntervalMs) {
      write(progressStream, line);
    }
  };
  const style: Style =
    pc.isColorSupported && progressStream.isTTY
      ? pc
      : pc.isColorSupported && process.env.FORCE_COLOR
        ? pc
        : plainStyle;
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
    redact: (text) => hideSecrets(text, secrets),
    finish: () => undefined,
    hide: (values) => void secrets.push(...values),
  };
}

/**
 * Every value of the environment that is a credential. A password that is also the name of the user, the database, the
 * host or the environment hides nothing, and blanking it out would spoil what is shown of those.
 */
export function secretsOf(variables: Environment): string[] {
  const urls = [variables.DATABASE_URL, variables.SHADOW_DATABASE_URL].map(partsOf);
  const secrets = [variables.PGPASSWORD, ...urls.map(({ password }) => password)];
  const { PGUSER, PGDATABASE, PGHOST, MIGRATE_ENV = 'development' } = variables;
  const open = new Set([PGUSER, PGDATABASE, PGHOST, MIGRATE_ENV, ...urls.flatMap((url) => url.names)]);
  return secrets.filter(
    (secret): secret is string => secret !== undefined && secret !== '' && !open.has(secret),
  );
}

/** Read by pattern: what no parser of URLs understands may hold a password all the same. */
function partsOf(url: string | undefined): { password: string | undefined; names: string[] } {
  const match = /^[^:]+:\/\/([^:@/]*):(.*)@([^:/?]*)(?::\d+)?(?:\/([^?]*))?/.exec(url ?? '');
  if (match === null) return { password: undefined, names: [] };
  const [, user = '', password = '', host = '', database = ''] = match;
  return { password: decoded(password), names: [user, host, database].map(decoded) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
