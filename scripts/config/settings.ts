// Takes raw values of variables and of db/config.json; gives checked ones, or every mistake by name with a right example.
// It knows nothing of where the values came from, nor of connections.
import * as z from 'zod/mini';
import { parseDuration } from '../base/duration.ts';
import { defaultMajor, newestMajor, oldestMajor } from '../base/postgres-major.ts';
import { objectClasses } from '../schema/types.ts';

/** A duration as text in, ms out. */
function duration(example: string) {
  return z.pipe(
    z
      .string()
      .check(
        z.refine(
          (text) => parseDuration(text) !== null,
          `is not a duration with its unit (ms, s, min, h); a right value is ${example}`,
        ),
      ),
    z.transform((text: string) => parseDuration(text) ?? 0),
  );
}

/** As `duration`, but zero makes no sense there. */
function positiveDuration(example: string) {
  return z.pipe(
    z
      .string()
      .check(
        z.refine(
          (text) => (parseDuration(text) ?? 0) > 0,
          `is not a duration above zero with its unit (ms, s, min, h); a right value is ${example}`,
        ),
      ),
    z.transform((text: string) => parseDuration(text) ?? 0),
  );
}

const environmentName = z
  .string()
  .check(z.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'is not an environment name; a right value is staging'));

/** `MIGRATE_*` variables: text in, checked values out. */
export const variablesSchema = z.object({
  MIGRATE_ENV: z._default(environmentName, 'development'),
  MIGRATE_LOCK_TIMEOUT: z._default(positiveDuration('2s'), 2000),
  MIGRATE_LOCK_RETRIES: z._default(
    z.pipe(
      z.string().check(z.regex(/^\d{1,4}$/, 'is not a whole number from 0 to 9999; a right value is 10')),
      z.transform(Number),
    ),
    10,
  ),
  MIGRATE_STATEMENT_TIMEOUT: z._default(duration('10min (0 is none)'), 0),
  MIGRATE_BATCH_TIME: z._default(positiveDuration('500ms'), 500),
  MIGRATE_BATCH_MAX_LAG: z._default(positiveDuration('10s'), 10_000),
  MIGRATE_WAIT: z._default(duration('60s'), 60_000),
  MIGRATE_CONNECT_TIMEOUT: z._default(positiveDuration('30s'), 30_000),
  MIGRATE_DEBUG: z._default(
    z.pipe(
      z.string().check(z.regex(/^[01]$/, 'is neither 0 nor 1; a right value is 1')),
      z.transform((text) => text === '1'),
    ),
    false,
  ),
});

export type Variables = z.infer<typeof variablesSchema>;

const pattern = z.string().check(z.minLength(1, 'must not be empty; a right value is *.prod.example.com'));

/** `db/config.json`; every key is documented in db/README.md, "Settings". */
export const projectSchema = z.strictObject({
  postgres: z.optional(
    z
      .int()
      .check(
        z.gte(oldestMajor, `must be ${oldestMajor} or newer; a right value is ${defaultMajor}`),
        z.lte(newestMajor, `must be at most ${newestMajor}; a right value is ${defaultMajor}`),
      ),
  ),
  dir: z.optional(z.string().check(z.minLength(1, 'must not be empty; a right value is db/migrations'))),
  trackingTable: z.optional(
    z
      .string()
      .check(
        z.regex(
          /^[a-z_][a-z0-9_]{0,62}\.[a-z_][a-z0-9_]{0,62}$/,
          'is not <schema>.<table> in lower case; a right value is public.pgmigrations',
        ),
      ),
  ),
  lockTimeout: z.optional(positiveDuration('2s')),
  lockRetries: z.optional(z.int().check(z.gte(0, 'must not be negative; a right value is 10'))),
  statementTimeout: z.optional(duration('10min')),
  protected: z.optional(z.array(environmentName)),
  environments: z.optional(
    z.record(
      environmentName,
      z.strictObject({
        host: z.optional(pattern),
        database: z.optional(pattern),
        allowOutOfOrder: z.optional(z.boolean()),
      }),
    ),
  ),
  drift: z.optional(
    z.strictObject({
      partitions: z.optional(z.enum(['managed'])),
      ignore: z.optional(z.array(z.strictObject({ class: z.enum([...objectClasses, '*']), name: pattern }))),
      include: z.optional(z.array(z.enum(['owners', 'grants']))),
    }),
  ),
  lint: z.optional(
    z.strictObject({
      rules: z.optional(z.record(z.string(), z.enum(['off', 'info', 'warning', 'error']))),
      timeZone: z.optional(z.string().check(z.regex(/^[A-Za-z0-9+\-_/]+$/))),
    }),
  ),
});

export type ProjectSettings = z.infer<typeof projectSchema>;

interface Parsable<Output> {
  safeParse(input: unknown): { success: true; data: Output } | { success: false; error: z.core.$ZodError };
}

/** @returns the checked value, or each mistake as "<key> <what is wrong>". */
export function checkSettings<Output>(
  schema: Parsable<Output>,
  input: unknown,
): { value: Output } | { problems: string[] } {
  const result = schema.safeParse(input);
  if (result.success) return { value: result.data };
  return { problems: result.error.issues.map(describeIssue) };
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const key = issue.path.map(String).join('.');
  switch (issue.code) {
    case 'unrecognized_keys':
      return `unknown key ${issue.keys.map((name) => (key === '' ? name : `${key}.${name}`)).join(', ')}`;
    case 'invalid_type':
      return `${key || 'the file'} must be ${issue.expected === 'int' ? 'a whole number' : `of type ${issue.expected}`}`;
    case 'invalid_value':
      return `${key} must be one of ${issue.values.map(String).join(', ')}`;
    default:
      return `${key} ${issue.message}`;
  }
}
