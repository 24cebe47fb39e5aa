// Takes any text that is about to be shown; gives it without secrets. Pure.

const blank = String.raw`(?:\s|--[^\n]*\n|/\*[\s\S]*?\*/)*`;
// Doubled quotes first: SQL inside of a string that is executed.
const literal = String.raw`(?:'{2,}[^']+'{2,}|(?:e|u&)?'(?:[^'\\]|''|\\.)*'?|\$(?<tag>[a-z_]\w*)?\$[\s\S]*?(?:\$\k<tag>\$|$))`;
const passwordLiteral = new RegExp(
  String.raw`\b(password|passwd|secret|token)(${blank}(?:(?:=|:=|=>)${blank})?)${literal}`,
  'gi',
);
const passwordPair = /\b(password|passwd)(\s*=\s*)(?!')[^\s'"&]+/gi;
const urlPassword = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@'"]*:)[^\s@'"]+(@)/gi;

/** Masks what stands where SQL, connection strings and URLs keep passwords; the length and the line breaks stay. */
export function maskSqlSecrets(text: string): string {
  return text
    .replace(
      passwordLiteral,
      (match, word: string, gap: string) => word + gap + stars(match.slice(word.length + gap.length)),
    )
    .replace(
      passwordPair,
      (match, word: string, gap: string) => word + gap + stars(match.slice(word.length + gap.length)),
    )
    .replace(
      urlPassword,
      (match, before: string, after: string) =>
        before + stars(match.slice(before.length, -after.length)) + after,
    );
}

function stars(text: string): string {
  return text.replace(/[^\n\r']/gu, (character) => '*'.repeat(character.length));
}

/** Hides known secrets wherever they stand, also URL-encoded; very short ones would blank out ordinary text. */
export function hideSecrets(text: string, secrets: readonly string[]): string {
  let hidden = text;
  // The longest first: another may be a part of it, and what is left around that would show.
  const known = secrets.filter(({ length }) => length >= 4).sort((a, b) => b.length - a.length);
  for (const secret of known) {
    for (const form of new Set([secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])) {
      hidden = hidden.replaceAll(form, '***');
    }
  }
  return hidden;
}
