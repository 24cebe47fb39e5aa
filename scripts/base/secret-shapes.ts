// Takes any text; gives where secrets stand in it that are known by their own shape, whatever is around them: keys and
// tokens whose issuers give them a beginning of their own. Pure and linear. What stands for one in kept SQL is found too.
import { find, indexOr, type SecretRange } from './spans.ts';

/** Private keys; tokens of GitHub, GitLab, npm, Stripe and Slack; those that carry their claims; signatures of Azure. */
const beginning =
  /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----|(?<![\w-])(?:gh[oprsu]_|github_pat_|glpat-|npm_|[rs]k_live_|xox[abeprs]-|eyJ)|[?&]sig=/g;

/** False for most texts, found out faster than by looking for a beginning. */
const any = /PRIVATE KEY-|gh[oprsu]_|github_pat_|glpat-|npm_|[rs]k_live_|xox[abeprs]-|eyJ|[?&]sig=/;

/** What is shorter is a name that begins like a token. */
const shortest = 16;
/** Of a key whose end is not there, in UTF-16 units. */
const longestKey = 10_000;

/** In the order of the text; none overlaps another. */
export function shapedSecrets(text: string): SecretRange[] {
  if (!any.test(text)) return [];
  const found: SecretRange[] = [];
  let done = 0;
  for (const { 0: opening, index } of text.matchAll(beginning)) {
    const from = index + opening.length;
    if (from < done) continue;
    done = endOf(text, from, opening);
    if (isWhole(text.slice(from, done), opening)) found.push({ from, to: done });
  }
  return found;
}

function endOf(text: string, from: number, opening: string): number {
  if (text.startsWith('***', from)) return from + 3;
  if (opening.startsWith('-'))
    return indexOr('-----END', text, from, Math.min(text.length, from + longestKey));
  return find(
    opening === 'eyJ' ? /[^\w.-]/ : opening.endsWith('=') ? /[^\w%+/=-]/ : /[^\w-]/,
    text,
    from,
    text.length,
  );
}

function isWhole(token: string, opening: string): boolean {
  if (token === '***' || opening.startsWith('-')) return token !== '';
  return token.length >= shortest && (opening !== 'eyJ' || token.split('.').length === 3);
}
