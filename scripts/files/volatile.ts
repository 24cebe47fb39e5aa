// Names the volatile functions that stand in migrations. https://www.postgresql.org/docs/16/xfunc-volatility.html

/** PostgreSQL's own, and those of its extensions for keys and secrets. */
export const volatileFunctions: ReadonlySet<string> = new Set([
  'random',
  'random_normal',
  'gen_random_uuid',
  'gen_random_bytes',
  'gen_salt',
  'uuid_generate_v1',
  'uuid_generate_v1mc',
  'uuid_generate_v4',
  'uuidv4',
  'uuidv7',
  'clock_timestamp',
  'timeofday',
  'nextval',
  'setval',
  'currval',
  'lastval',
  'pg_sleep',
]);
