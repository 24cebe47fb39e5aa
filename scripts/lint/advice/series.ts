// What an advice is: migration files in order, as data. Gives them as text for people, and puts several together.
// It knows nothing of statements, rules or files on disk.

/** One migration of a series. */
export interface Phase {
  /** Bodies of directives, such as `no-transaction` or `batch public.orders by id`. */
  readonly directives: readonly string[];
  /** Each without its semicolon. */
  readonly statements: readonly string[];
  /** A comment behind the last statement. */
  readonly closing?: string;
  /** What takes it back, in order; null where only the original's down knows. */
  readonly down: readonly string[] | null;
}

/** A series of migrations that does what the statement does, or why none is given. */
export type Advice =
  | { readonly phases: readonly Phase[]; readonly note?: string }
  | { readonly refused: string };

export const noTransaction = 'no-transaction';

/** No SQL, and the reason why none is given. */
export function refuse(refused: string): Advice {
  return { refused };
}

/** One migration with a transaction. */
export function inTransaction(statements: readonly string[], down: readonly string[] | null): Phase {
  return { directives: [], statements, down };
}

/** One migration whose statements run one by one. */
export function outsideTransaction(statements: readonly string[], down: readonly string[] | null): Phase {
  return { directives: [noTransaction], statements, down };
}

/** The phases of several advices side by side: the first of each, then the second of each. Only for independent ones. */
export function sideBySide(all: readonly (readonly Phase[])[]): readonly Phase[] {
  const length = Math.max(0, ...all.map((phases) => phases.length));
  return Array.from({ length }, (_, i) => all.flatMap((phases) => phases[i] ?? [])).flatMap(together);
}

/** Phases at the same place in their series: one file for each set of directives. */
function together(phases: readonly Phase[]): readonly Phase[] {
  const byDirectives = new Map<string, Phase>();
  for (const phase of phases) {
    const key = phase.directives.join('\n');
    const known = byDirectives.get(key);
    byDirectives.set(key, known === undefined ? phase : joined(known, phase));
  }
  return [...byDirectives.values()];
}

function joined(first: Phase, second: Phase): Phase {
  return {
    directives: first.directives,
    statements: [...first.statements, ...second.statements],
    down: first.down === null || second.down === null ? null : [...second.down, ...first.down],
  };
}

/** The text of a migration: its directives, then its statements. */
export function textOf({ directives, statements, closing }: Omit<Phase, 'down'>): string {
  return [
    ...directives.map((directive) => `-- migrate: ${directive}`),
    ...statements.map(ended),
    ...(closing === undefined ? [] : [closing]),
  ].join('\n');
}

function lastLineOf(text: string): string {
  return text.slice(text.lastIndexOf('\n') + 1);
}

/** The semicolon on a line of its own where it might stand in a comment. */
function ended(statement: string): string {
  return `${statement}${lastLineOf(statement).includes('--') ? '\n' : ''};`;
}

/** The series as it is shown under a finding. */
export function seriesText(phases: readonly Phase[]): string {
  return phases.map(textOf).join('\n-- in the next migration:\n');
}
