// Takes a number of bytes, or of anything; gives it as people read it. Pure.

/** "41 GB", "1.0 MB", "640 bytes": powers of 1024. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** "12,345". To load Intl for it, as toLocaleString does, takes 15 ms. */
export function formatCount(count: number): string {
  let rest = String(Math.round(count));
  const groups: string[] = [];
  for (; rest.length > 3; rest = rest.slice(0, -3)) groups.unshift(rest.slice(-3));
  return [rest, ...groups].join(',');
}
