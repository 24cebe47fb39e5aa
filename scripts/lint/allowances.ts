// Takes a file's `-- migrate: allow` directives and what the rules found; gives those that silence nothing or name no rule.
// Pure.
import { nearest } from '../base/nearest.ts';
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
    if (!Object.hasOwn(rules, rule)) {
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
  const near = nearest(id, Object.keys(rules));
  return near.length === 0
    ? `Known are: ${Object.keys(rules).join(', ')}`
    : `Did you mean ${near.join(' or ')}?`;
}
