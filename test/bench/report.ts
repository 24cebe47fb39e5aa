// Takes samples; gives tables of medians and ratios, and the verdict on each target. Pure.
import { median } from './measure.ts';
import type { Sample } from './rounds.ts';

/** One contender in one scenario. Times in ms. */
export interface Cell {
  readonly contender: string;
  readonly median: number;
  readonly fastest: number;
  readonly rounds: number;
  /** MB. */
  readonly peak: number | null;
}

export type Tables = ReadonlyMap<string, readonly Cell[]>;

export function summarise(samples: readonly Sample[]): Tables {
  const tables = new Map<string, Cell[]>();
  const keys = new Set(samples.map(({ scenario, contender }) => `${scenario}\0${contender}`));
  for (const key of keys) {
    const [scenario = '', contender = ''] = key.split('\0');
    const own = samples.filter((sample) => sample.scenario === scenario && sample.contender === contender);
    const times = own.map(({ ms }) => ms);
    const peaks = own.flatMap(({ peakMb }) => (peakMb === null ? [] : [peakMb]));
    const cell: Cell = {
      contender,
      median: median(times),
      fastest: Math.min(...times),
      rounds: times.length,
      peak: peaks.length === 0 ? null : Math.max(...peaks),
    };
    tables.set(scenario, [...(tables.get(scenario) ?? []), cell]);
  }
  return tables;
}

export function cellOf(tables: Tables, scenario: string, contender: string): Cell | undefined {
  return tables.get(scenario)?.find((cell) => cell.contender === contender);
}

/** A Markdown table per scenario; ratios are to its first row. */
export function formatTables(tables: Tables): string {
  return [...tables]
    .map(([scenario, cells]) => {
      const base = cells[0]?.median ?? Number.NaN;
      const hasPeaks = cells.some(({ peak }) => peak !== null);
      const rows = cells.map((cell) => [
        cell.contender,
        time(cell.median),
        time(cell.fastest),
        `${(cell.median / base).toFixed(2)} ×`,
        String(cell.rounds),
        ...(hasPeaks ? [cell.peak === null ? '' : `${Math.round(cell.peak)} MB`] : []),
      ]);
      const head = ['', 'median', 'fastest', 'ratio', 'rounds', ...(hasPeaks ? ['peak memory'] : [])];
      return `### ${capital(scenario)}\n\n${markdownTable(head, rows)}`;
    })
    .join('\n\n');
}

export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(3, title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, i) => (i === 0 ? (cells[i] ?? '').padEnd(width) : (cells[i] ?? '').padStart(width))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

function time(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 100 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
