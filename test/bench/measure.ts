// Takes a command; gives how long it took from start to exit, and how much memory it used at most.
// It knows nothing of what the command does.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A process to run; `env` is all it gets. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

export interface Measured {
  readonly ms: number;
  /** Peak resident set in MB; null where the process is not Node's. */
  readonly peakMb: number | null;
  readonly output: string;
}

const preload = fileURLToPath(new URL('programs/peak.mjs', import.meta.url));

/** Runs it to its end. @throws Error with the output when it fails */
export async function measure(command: Command, memory = false): Promise<Measured> {
  const folder = memory ? mkdtempSync(join(tmpdir(), 'bench-peak-')) : null;
  const file = folder === null ? null : join(folder, 'kb');
  const extra: Record<string, string> =
    file === null ? {} : { BENCH_PEAK_FILE: file, NODE_OPTIONS: `--import=${preload}` };
  try {
    const { ms, output } = await run({ ...command, env: { ...command.env, ...extra } });
    return { ms, output, peakMb: file === null ? null : readPeak(file) };
  } finally {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  }
}

function readPeak(file: string): number | null {
  try {
    return Math.max(...readFileSync(file, 'utf8').trim().split('\n').map(Number)) / 1024;
  } catch {
    return null;
  }
}

function run({ file, args, env, cwd }: Command): Promise<{ ms: number; output: string }> {
  return new Promise((resolve, reject) => {
    const from = performance.now();
    const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const ms = performance.now() - from;
      const output = Buffer.concat(chunks).toString('utf8');
      if (code === 0) resolve({ ms, output });
      else
        reject(new Error(`${file} ${args.join(' ')} ended with ${code ?? signal}:\n${output.slice(-3000)}`));
    });
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
