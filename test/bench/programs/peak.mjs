// Preloaded into a measured process: leaves its peak resident set (KB) behind when it ends.
import { appendFileSync } from 'node:fs';

process.on('exit', () => {
  if (process.env.BENCH_PEAK_FILE) {
    appendFileSync(process.env.BENCH_PEAK_FILE, `${process.resourceUsage().maxRSS}\n`);
  }
});
