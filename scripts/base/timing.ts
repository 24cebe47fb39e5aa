// Takes the names of stages and the work of each; gives where a run's time went, for --verbose. It knows no stage.

/** In the order in which they were first entered. */
const totals = new Map<string, { ms: number; times: number }>();
let startMs = 0;
/** The same since the last `stageTimes`. */
let current: string[] = [];

/** Adds to a stage what it took (ms). */
export function spend(stage: string, ms: number): void {
  const total = totals.get(stage) ?? { ms: 0, times: 0 };
  totals.set(stage, { ms: total.ms + ms, times: total.times + 1 });
  current.push(`${stage} ${format(ms)}`);
}

/** What was spent since the last call: "SQL 12, recording 3.1". */
export function stageTimes(): string {
  const spent = current.join(', ');
  current = [];
  return spent;
}

/** The stages that this run came to. */
export function stages(): string[] {
  return [...totals.keys()];
}

/** Everything until now, since the process began: Node itself, loading the program, reading settings. */
export function started(): void {
  startMs = performance.now();
}

/** Runs the work and adds what it took, however it ends. */
export async function timed<Result>(stage: string, work: () => Promise<Result>): Promise<Result> {
  const from = performance.now();
  try {
    return await work();
  } finally {
    spend(stage, performance.now() - from);
  }
}

/** One line: every stage in ms, and what is left of the whole. */
export function breakdown(): string {
  const whole = performance.now();
  const known = [...totals.values()].reduce((sum, { ms }) => sum + ms, startMs);
  const spent = [...totals].map(
    ([stage, { ms, times }]) => `${stage} ${format(ms)}${times > 1 ? ` (${times} times)` : ''}`,
  );
  // Work on several databases at a time takes more than the time that passes.
  const rest = whole < known ? [] : [`rest ${format(whole - known)}`];
  return `Time in ms: start ${format(startMs)}, ${[...spent, ...rest].join(', ')}; in all ${format(whole)}`;
}

function format(ms: number): string {
  return ms < 10 ? ms.toFixed(1) : String(Math.round(ms));
}
