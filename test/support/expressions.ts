// Takes an expression of GitHub Actions and its contexts; gives its value. As much of the language as the workflows use:
// literals, contexts, !, ==, !=, &&, ||, parentheses and calls. Anything else is an error, never a guess.
// https://docs.github.com/actions/reference/workflows-and-actions/expressions

export type Value = string | number | boolean | null;
export interface Contexts {
  readonly [name: string]: unknown;
}
export type Functions = Readonly<Record<string, (...args: Value[]) => Value>>;

const token =
  /\s*(?:('(?:[^']|'')*')|(\d+(?:\.\d+)?)|([A-Za-z_][\w-]*(?:\.[\w*-]+)*)|(&&|\|\||==|!=|[!(),]))/y;

/** What stands between `${{` and `}}`, evaluated. */
export function evaluate(source: string, contexts: Contexts, functions: Functions = {}): Value {
  const tokens = tokenize(source);
  let at = 0;
  const accept = (text: string) => {
    if (tokens[at] !== text) return false;
    at += 1;
    return true;
  };
  const expectToken = (text: string) => {
    if (!accept(text)) throw new Error(`"${text}" expected in: ${source}`);
  };
  const binary = (
    operators: readonly string[],
    next: () => Value,
    apply: (op: string, a: Value, b: Value) => Value,
  ) => {
    let value = next();
    for (let op = operators.find(accept); op !== undefined; op = operators.find(accept))
      value = apply(op, value, next());
    return value;
  };
  const or = (): Value => binary(['||'], and, (_, a, b) => (truthy(a) ? a : b));
  const and = (): Value => binary(['&&'], equality, (_, a, b) => (truthy(a) ? b : a));
  const equality = (): Value => binary(['==', '!='], unary, (op, a, b) => same(a, b) === (op === '=='));
  const unary = (): Value => (accept('!') ? !truthy(unary()) : primary());
  const primary = (): Value => {
    if (accept('(')) {
      const value = or();
      expectToken(')');
      return value;
    }
    const word = tokens[at++];
    if (word === undefined) throw new Error(`Cannot read: ${source}`);
    if (word.startsWith("'")) return word.slice(1, -1).replaceAll("''", "'");
    if (/^\d/.test(word)) return Number(word);
    if (word === 'true' || word === 'false') return word === 'true';
    if (word === 'null') return null;
    return accept('(') ? call(word) : lookUp(word, contexts);
  };
  const call = (name: string): Value => {
    const args: Value[] = [];
    while (!accept(')')) {
      args.push(or());
      accept(',');
    }
    const found = functions[name];
    if (found === undefined) throw new Error(`Unknown function ${name} in: ${source}`);
    return found(...args);
  };
  const value = or();
  if (at !== tokens.length) throw new Error(`Cannot read "${tokens[at]}" in: ${source}`);
  return value;
}

/** A text with all of its `${{ … }}` replaced by their values. */
export function interpolate(text: string, contexts: Contexts, functions: Functions = {}): string {
  return text.replaceAll(/\$\{\{(.*?)\}\}/gs, (_, source: string) =>
    String(evaluate(source, contexts, functions) ?? ''),
  );
}

export function truthy(value: Value): boolean {
  return value !== '' && value !== 0 && value !== false && value !== null;
}

/** Strings compare without regard to case. */
function same(a: Value, b: Value): boolean {
  return typeof a === 'string' && typeof b === 'string' ? a.toLowerCase() === b.toLowerCase() : a === b;
}

function tokenize(source: string): string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  while (source.slice(token.lastIndex).trim() !== '') {
    const start = token.lastIndex;
    const match = token.exec(source);
    if (match === null) throw new Error(`Cannot read "${source.slice(start)}" in: ${source}`);
    tokens.push(match[1] ?? match[2] ?? match[3] ?? match[4] ?? '');
  }
  return tokens;
}

/** A property that is not there is the empty string. */
function lookUp(path: string, contexts: Contexts): Value {
  const [root = '', ...keys] = path.split('.');
  if (!(root in contexts)) throw new Error(`Unknown context ${root}`);
  let value = contexts[root];
  for (const key of keys) value = (value as Record<string, unknown> | null | undefined)?.[key];
  return (value as Value | undefined) ?? '';
}
