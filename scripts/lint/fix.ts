// Takes a reviewed migration with its complaints; gives the migrations that replace it, or why none are given. Pure: it
// writes no file. Where the whole series has one file, the down stays as it was written.
import type { Migration } from '../base/types.ts';
import { inverseOf } from './advice/inverse.ts';
import { type Phase, textOf } from './advice/series.ts';
import type { Complaint } from './complaints.ts';
import type { Severity, Step } from './rules/rule.ts';
import { rulesElsewhere } from './rules/rules.ts';
import { lastsWithFile } from './statement/lasting.ts';

/** The texts of one pair, without its names. */
export interface FixedPair {
  readonly up: string;
  readonly down: string;
}

export interface Fix {
  readonly migration: Migration;
  readonly pairs: readonly FixedPair[];
  /** Set where it was not done; `pairs` is then empty. */
  readonly refused?: string;
}

/** Rules that a statement satisfies by standing in a file of its own. */
const apart = new Set(['work-under-exclusive-lock', 'work-under-write-lock']);

/**
 * @param settings `lint.rules` of the configuration: what is off or information only is not mended
 * @returns null where no complaint of the file has an advised series
 */
export function fixMigration(
  migration: Migration,
  steps: readonly Step[],
  complaints: readonly Complaint[],
  settings: Readonly<Record<string, Severity | 'off'>> = {},
): Fix | null {
  const { up, down } = migration;
  // It is a series' last word already: cutting it further would lose its directive.
  if (up.directives.batch !== undefined) return null;
  const allowed = new Set(up.directives.allow.map(({ rule }) => rule));
  const standing = complaints.filter(({ rule, file, severity: own }) => {
    const severity = settings[rule.id] ?? own ?? rule.severity;
    return file === up && !allowed.has(rule.id) && (severity === 'error' || severity === 'warning');
  });
  const pieces = piecesOf(migration, steps, complaints, standing);
  if (!pieces.some(({ advised }) => advised)) return null;
  const phases = closedBy(commentBefore(up.text, steps.at(-1)?.statement.end ?? 0, up.text.length), pieces);
  if (phases.length === 1) return { migration, pairs: [{ up: fileOf(phases[0] as Phase), down: down.text }] };
  const lasting = steps.map(({ statement }) => lastsWithFile(statement)).find((what) => what !== null);
  if (lasting !== undefined)
    return {
      migration,
      pairs: [],
      refused: `${lasting} lasts no longer than its file, so that this cannot be divided: write the new files by hand`,
    };
  const reason = down.directives.irreversible;
  if (reason === undefined && phases.some((phase) => phase.down === null))
    return {
      migration,
      pairs: [],
      refused:
        'what its down does cannot be divided among the new files: write them by hand, or mark the down irreversible',
    };
  return {
    migration,
    pairs: phases.map((phase) => ({ up: fileOf(phase), down: downOf(phase, reason) })),
  };
}

interface AdvisedPiece {
  readonly phase: Phase;
  readonly advised: boolean;
}

/** The phases of the pieces; what is said behind the last statement stays behind it. */
function closedBy(comment: string, pieces: readonly AdvisedPiece[]): readonly Phase[] {
  const phases = pieces.map(({ phase }) => phase);
  const last = phases.at(-1);
  return comment === '' || last === undefined
    ? phases
    : [...phases.slice(0, -1), { ...last, closing: comment }];
}

/** The file's statements in order: those without advice together, those with it as their series. */
function piecesOf(
  { up }: Migration,
  steps: readonly Step[],
  complaints: readonly Complaint[],
  standing: readonly Complaint[],
): readonly AdvisedPiece[] {
  const pieces: AdvisedPiece[] = [];
  let open: readonly Unadvised[] = [];
  const close = () => {
    if (open.length > 0) pieces.push(asOnePiece(up, open, complaints));
    open = [];
  };
  steps.forEach((step, i) => {
    const mine = standing.filter((complaint) => complaint.step === step);
    const comment = commentBefore(up.text, steps[i - 1]?.statement.end ?? 0, step.statement.start);
    const phases = mine.find((complaint) => complaint.phases !== undefined)?.phases;
    const isApart = mine.some(({ rule }) => apart.has(rule.id));
    if (phases !== undefined || isApart) close();
    if (phases === undefined) open = [...open, { step, comment, isApart }];
    else pieces.push(...phases.map((phase, at) => asAdvised(up, phase, at === 0 ? comment : '')));
  });
  close();
  return pieces;
}

/** A statement that stays as it is, with what stands before it. */
interface Unadvised {
  readonly step: Step;
  readonly comment: string;
  /** Set where the file in which it stands is the advice. */
  readonly isApart: boolean;
}

/** Statements that stay as they are, in one file with the directives of theirs. */
function asOnePiece(
  up: Migration['up'],
  all: readonly Unadvised[],
  complaints: readonly Complaint[],
): AdvisedPiece {
  const steps = new Set(all.map(({ step }) => step));
  const mine = complaints.filter(({ step }) => step !== undefined && steps.has(step));
  const downs = all.map(({ step }) => inverseOf(step.statement)).toReversed();
  const down = downs.includes(null) ? null : downs.flatMap((sql) => sql ?? []);
  const found = new Set(mine.map(({ rule }) => rule.id));
  return {
    advised: all.some(({ isApart }) => isApart),
    phase: {
      directives: [...ownDirectives(up), ...allowed(up, complaints, found)],
      statements: all.flatMap(({ step, comment }) => withComment(comment, [step.statement.text])),
      down,
    },
  };
}

function asAdvised(up: Migration['up'], phase: Phase, comment: string): AdvisedPiece {
  return {
    advised: true,
    phase: {
      ...phase,
      directives: [...phase.directives, ...kept(up)],
      statements: withComment(comment, phase.statements),
    },
  };
}

/** Directives that every file of the series takes over: what they are about is the run, not the statement. */
function kept({ directives }: Migration['up']): readonly string[] {
  const { lockTimeoutMs, statementTimeoutMs } = directives;
  const isAfterDeploy = 'afterDeploy' in directives && directives.afterDeploy === true;
  return [
    ...(lockTimeoutMs === undefined ? [] : [`lock-timeout=${lockTimeoutMs}ms`]),
    ...(statementTimeoutMs === undefined ? [] : [`statement-timeout=${statementTimeoutMs}ms`]),
    ...(isAfterDeploy ? ['after-deploy'] : []),
  ];
}

function ownDirectives(up: Migration['up']): readonly string[] {
  return [...(up.directives.noTransaction ? ['no-transaction'] : []), ...kept(up)];
}

/** What the file allows, where there is something of it to allow: of its own statements these rules, of verify all. */
function allowed(
  { directives: { allow } }: Migration['up'],
  complaints: readonly Complaint[],
  found: ReadonlySet<string>,
): readonly string[] {
  const ofWhole = new Set(complaints.filter(({ step }) => step === undefined).map(({ rule }) => rule.id));
  return allow
    .filter(({ rule }) => found.has(rule) || ofWhole.has(rule) || rulesElsewhere.has(rule))
    .map(({ rule, reason }) => `allow ${rule} ${reason}`);
}

/** Comments between two statements, without directives and the semicolon of the one before. */
function commentBefore(text: string, from: number, to: number): string {
  return text
    .slice(from, to)
    .replace(/^[\s;]+/, '')
    .split('\n')
    .filter((line) => !/^\s*--\s*migrate:/.test(line))
    .join('\n')
    .trim();
}

function withComment(comment: string, statements: readonly string[]): readonly string[] {
  const [first, ...rest] = statements;
  return comment === '' || first === undefined ? statements : [`${comment}\n${first}`, ...rest];
}

function fileOf(phase: Phase): string {
  return `${textOf(phase)}\n`;
}

function downOf({ down }: Phase, irreversible: string | undefined): string {
  if (irreversible !== undefined) return `-- migrate: irreversible ${irreversible}\n`;
  if (down === null || down.length === 0) return '-- nothing to take back\nSELECT 1;\n';
  const directives = down.some((sql) => /^(CREATE (UNIQUE )?|DROP )INDEX CONCURRENTLY\b/.test(sql))
    ? ['no-transaction']
    : [];
  return `${textOf({ directives, statements: down })}\n`;
}
