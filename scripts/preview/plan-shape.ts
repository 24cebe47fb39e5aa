// Takes what a plan file holds; tells whether every part of it that is read or compared is of the kind that this tool
// writes. Pure; whether it says the truth is asked elsewhere.
import * as z from 'zod/mini';

/** Made where it is asked for: a run without a plan needs none of it. */
function planShape() {
  const [text, number] = [z.string(), z.number()];
  const texts = z.array(text);

  return z.looseObject({
    toolVersion: text,
    environment: text,
    target: z.looseObject({ host: text, port: number, database: text, oid: number }),
    history: z.looseObject({ digest: text, applied: number, newest: z.nullable(text) }),
    fingerprint: text,
    files: z.record(text, text),
    steps: texts,
    migrations: z.array(migrationShape()),
    waiting: z.optional(texts),
    ahead: z.optional(texts),
    findings: z.array(findingShape()),
    warnings: z.array(z.looseObject({ message: text })),
    traced: z.boolean(),
    untraced: z.nullable(text),
    asked: z.strictObject({
      to: z.optional(text),
      n: z.optional(text),
      afterDeploy: z.optional(z.boolean()),
    }),
    allowOutOfOrder: z.boolean(),
  });
}

function migrationShape() {
  const text = z.string();
  const lock = z.looseObject({ relation: text, mode: text, rewrites: z.boolean(), reads: z.boolean() });
  const statement = z.looseObject({ line: z.number(), text, locks: z.nullable(z.array(lock)) });
  return z.looseObject({
    version: text,
    name: text,
    direction: text,
    outcome: text,
    transaction: z.boolean(),
    statements: z.array(statement),
  });
}

function findingShape() {
  const [text, number] = [z.string(), z.number()];
  return z.looseObject({
    ...{ rule: text, severity: text, file: text, line: number, column: number, message: text, help: text },
  });
}

/** Whether nothing in it is missing, or of another type. */
export function hasPlanShape(value: unknown): boolean {
  const { success, data } = planShape().safeParse(value);
  return success && data.traced === (data.untraced === null);
}
