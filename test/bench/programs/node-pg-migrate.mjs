// node-pg-migrate as its documentation uses it: its runner on a folder of its own SQL files.
// Arguments: folder, direction, count ("all").
import { runner } from 'node-pg-migrate';

const [dir, direction, count] = process.argv.slice(2);
await runner({
  databaseUrl: process.env.DATABASE_URL,
  dir,
  direction,
  count: count === 'all' ? Number.POSITIVE_INFINITY : Number(count),
  migrationsTable: 'pgmigrations',
  log: () => undefined,
});
