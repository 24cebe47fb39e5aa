// Takes a file's `-- migrate: allow` directives and what the rules found; gives those that silence nothing or name no rule.
// Pure.
import type { SqlFile } from '../base/types.ts';
import type { Complaint } from './complaints.ts';
import { unknownRule, unusedAllow } from './rules/review-rules.ts';
import { rules, rulesElsewhere } from './rules/rules.ts';

/**
 * @param complete every rule could see all that it looks at; otherwise none is called unused, since a rule that needs
 *   the scratch database may have had nothing to look at
 */
export function allowanceFindings(
  file: SqlFile,
  complaints: readonly Complaint[],
  complete: boolean,
): readonly Complaint[] {
  return file.directives.allow.flatMap(({ rule, line }): readonly Complaint[] => {
    if (rulesElsewhere.has(rule)) return [];
    const found = { file, line, column: 1 };
    if (rules[rule] === undefined) {
      const help = `${unknownRule.why}\n\n${closest(rule)}`;
      return [
        {
          ...found,
          rule: unknownRule,
          message: `there is no rule ${rule} — -- migrate: allow ${rule} …`,
          help,
        },
      ];
    }
    if (!complete || complaints.some((complaint) => complaint.rule.id === rule)) return [];
    const help = `${unusedAllow.why}\n\nRemove the line.`;
    return [
      {
        ...found,
        rule: unusedAllow,
        message: `${rule} finds nothing here — -- migrate: allow ${rule} …`,
        help,
      },
    ];
  });
}

/** The rules that a misspelt one may have meant: fewest letters to change. */
function closest(id: string): string {
  const near = Object.keys(rules)
    .map((other) => ({ other, changes: editDistance(id, other) }))
    .filter(({ other, changes }) => changes <= other.length / 2)
    .sort((a, b) => a.changes - b.changes)
    .slice(0, 3);
  return near.length === 0
    ? `Known are: ${Object.keys(rules).join(', ')}`
    : `Did you mean ${near.map(({ other }) => other).join(' or ')}?`;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a.charAt(i - 1) === b.charAt(j - 1) ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
