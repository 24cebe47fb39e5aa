// Takes durations as PostgreSQL writes them ("2s", "10min", "250ms"), always with their unit; gives ms, and back for people.

/** Ms of each unit. */
export const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Reads a duration in PostgreSQL's notation. A number without a unit is refused, for people mean seconds and PostgreSQL
 * reads milliseconds; only 0 needs none.
 * See https://www.postgresql.org/docs/16/config-setting.html#CONFIG-SETTING-NAMES-VALUES
 * @returns whole ms, or null when the text is not a duration that a PostgreSQL time-out can hold.
 */
export function parseDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)?$/.exec(text.trim());
  if (match === null) return null;
  const [, amount, unit] = match;
  if (unit === undefined && Number(amount) !== 0) return null;
  const ms = Math.round(Number(amount) * (unitMs[unit ?? 'ms'] ?? 1));
  return ms <= 2_147_483_647 ? ms : null;
}

/** Ms as a person reads them: `34 ms`, `1.2 s`, `2 min 5 s`, `1 h 3 min`. */
export function formatDuration(ms: number): string {
  // The borders lie where rounding would show a whole of the next unit: 999.6 ms is 1.0 s, 59.96 s is 1 min.
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
