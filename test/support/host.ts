// Takes a command line; gives what the program wrote and its exit code, as a process of its own would. The processes are
// used again (host.cjs), each for one command at a time, and end with this one.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What the program is called with: its whole environment, and nothing on its standard input. */
export interface Call {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, in the order of writing. */
  readonly all: string;
}

/** What host.cjs tells when a run has ended. */
interface Answer {
  readonly exitCode: number;
  /** Stream and text, in the order of writing. */
  readonly written: readonly (readonly [stream: 'stdout' | 'stderr', text: string])[];
  /** Whether the process ends with it. */
  readonly isLast: boolean;
}

interface Host {
  readonly child: ChildProcess;
  /** What was written past the program's own streams, by Node or by a process that the program started. */
  readonly beside: string[];
  runs: number;
}

const idle: Host[] = [];
/** After so many commands a host is replaced, so that its memory does not grow. */
const longestUse = 100;

function host(): Host {
  const ready = idle.pop();
  if (ready !== undefined) return ready;
  const child = fork(fileURLToPath(new URL('host.cjs', import.meta.url)), [], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: [],
    env: { PATH: process.env.PATH },
  });
  const beside: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (data: Buffer) => void beside.push(String(data)));
  return { child, beside, runs: 0 };
}

/** Only while it works may a host keep this process from ending. */
function keepAlive({ child }: Host, yes: boolean): void {
  const handles = [child, child.channel, child.stdout, child.stderr] as unknown as Record<
    'ref' | 'unref',
    () => void
  >[];
  for (const handle of handles) handle?.[yes ? 'ref' : 'unref']?.();
}

/**
 * @param timeout after so many ms the program gets SIGTERM
 * @returns exit code 143 or 137 where a signal ended it
 */
export async function runInHost({ args, cwd, env }: Call, timeout: number): Promise<Ended> {
  const used = host();
  const { child, beside } = used;
  keepAlive(used, true);
  const ended = new Promise<Answer>((resolve) => {
    child.once('message', (answer) => resolve(answer as Answer));
    child.once('close', (code, signal) => {
      resolve({ exitCode: code ?? (signal === 'SIGKILL' ? 137 : 143), written: [], isLast: true });
    });
  });
  const timer = setTimeout(() => child.kill(), timeout);
  child.send({ args, cwd, env });
  const { exitCode, written, isLast } = await ended;
  clearTimeout(timer);
  child.removeAllListeners('message').removeAllListeners('close');
  used.runs += 1;
  keepAlive(used, false);
  if (!isLast && used.runs < longestUse) idle.push(used);
  else if (child.connected) child.disconnect();
  const past = beside.splice(0).join('');
  const of = (wanted: 'stdout' | 'stderr') =>
    written.flatMap(([stream, text]) => (stream === wanted ? [text] : [])).join('');
  return {
    exitCode,
    stdout: of('stdout'),
    stderr: of('stderr') + past,
    all: written.map(([, text]) => text).join('') + past,
  };
}
