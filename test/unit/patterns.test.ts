// Every regular expression in scripts/ is read from the code and tried with the texts that its own repetitions invite:
// the steps of a backtracking matcher may grow with the text, and no faster. Names, messages and files are others' texts.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Node, parse } from 'acorn';
import { expect } from 'chai';
import { transformSync } from 'esbuild';
import { packageRoot } from '../../scripts/base/paths.ts';
import { wildcard } from '../../scripts/base/wildcard.ts';
import { slowUnder } from '../support/regex-steps.ts';

type Syntax = Node & Record<string, unknown>;

/** What a pattern that is put together stands for, where the file alone does not say it. */
const samples: Readonly<Record<string, string>> = {
  key: 'fingerprint',
  word: 'using',
  nonce: '0a1b',
  timestamp: '_at_(\\d+)',
};

const sources = readdirSync(join(packageRoot, 'scripts'), { recursive: true, encoding: 'utf8' })
  .filter((path) => /(?<!\.d)\.(?:ts|cjs|mjs)$/.test(path))
  .sort();

function patternsIn(path: string): RegExp[] {
  const text = readFileSync(join(packageRoot, 'scripts', path), 'utf8');
  const { code } = transformSync(text, { loader: 'ts', format: 'esm', target: 'esnext' });
  const tree = parse(code, {
    ecmaVersion: 'latest',
    sourceType: 'module',
    allowHashBang: true,
  }) as unknown as Syntax;
  const values = new Map<string, Syntax>();
  const found: RegExp[] = [];
  visit(tree, null, (node, parent) => {
    if (node.type === 'VariableDeclarator') {
      const { name } = node.id as Syntax;
      if (typeof name === 'string' && node.init) values.set(name, node.init as Syntax);
    }
    // A fragment is tried in the pattern that it becomes a part of.
    const isFragment = parent?.type === 'MemberExpression' && (parent.property as Syntax).name === 'source';
    if (node.type === 'Literal' && node.regex !== undefined && !isFragment) found.push(regexOf(node));
  });
  visit(tree, null, (node) => {
    const callee = node.callee as Syntax | undefined;
    if (callee?.name !== 'RegExp') return;
    const [source, flags] = node.arguments as Syntax[];
    const pattern = source === undefined ? null : textOf(source, values);
    if (pattern === null) throw new Error(`${path}: what a RegExp is made of cannot be read`);
    found.push(new RegExp(pattern, flags === undefined ? '' : (textOf(flags, values) ?? '')));
  });
  return found;
}

function regexOf({ regex }: Syntax): RegExp {
  const { pattern, flags } = regex as { pattern: string; flags: string };
  return new RegExp(pattern, flags);
}

function visit(
  node: unknown,
  parent: Syntax | null,
  see: (node: Syntax, parent: Syntax | null) => void,
): void {
  if (Array.isArray(node)) for (const each of node) visit(each, parent, see);
  else if (typeof node === 'object' && node !== null && typeof (node as Syntax).type === 'string') {
    see(node as Syntax, parent);
    for (const each of Object.values(node)) visit(each, node as Syntax, see);
  }
}

/** The text that an expression of literals, templates and constants stands for. */
function textOf(node: Syntax, values: ReadonlyMap<string, Syntax>): string | null {
  if (node.type === 'Literal') return node.regex === undefined ? String(node.value) : regexOf(node).source;
  if (node.type === 'MemberExpression') return textOf(node.object as Syntax, values);
  if (node.type === 'Identifier') {
    const [name, value] = [String(node.name), values.get(String(node.name))];
    return samples[name] ?? (value === undefined ? null : textOf(value, values));
  }
  // String.raw: what is between the backticks as it stands there.
  const isRaw = node.type === 'TaggedTemplateExpression';
  const template = (isRaw ? node.quasi : node) as Syntax;
  if (template.type !== 'TemplateLiteral') return null;
  const parts = (template.expressions as Syntax[]).map((part) => textOf(part, values));
  if (parts.includes(null)) return null;
  const texts = (template.quasis as Syntax[]).map(({ value }) => {
    const { raw, cooked } = value as { raw: string; cooked: string };
    return isRaw ? raw : cooked;
  });
  return texts.map((text, i) => text + (parts[i] ?? '')).join('');
}

describe('A pattern in scripts/', () => {
  const tried = new Map<string, string>();
  for (const path of sources) for (const regex of patternsIn(path)) tried.set(String(regex), path);

  it('is found wherever it stands', () => {
    expect(tried.size).to.be.above(300);
    expect([...tried.values()])
      .to.include('files/directives.ts')
      .and.to.include('lint/statement/tokens.ts');
  });

  it('takes steps in proportion to the length of the text that it is applied to', function () {
    this.timeout(120_000);
    const slow = [...tried].flatMap(([text, path]) => {
      const [, source = '', flags = ''] = /^\/(.*)\/([a-z]*)$/s.exec(text) ?? [];
      const attack = slowUnder(new RegExp(source, flags));
      return attack === null ? [] : [`${path}: ${text} under ${JSON.stringify(attack)}`];
    });
    expect(slow).to.deep.equal([]);
  });

  for (const slow of [
    /(?:a+)+b/,
    /\s+$/,
    /a.*b/,
    /^(?:a|a)*$/,
    /^[ab]*a[ab]*c/,
    /^\s*x?\s*y/,
    /("[^"]*"|"")+x/,
  ])
    it(`would be caught as ${slow}`, () => expect(slowUnder(slow)).not.to.equal(null));

  for (const fine of [/^\s*x/, /"(?:[^"]|"")*"/g, /^[a-z]+:\d+$/, /[^,]+/g, /(?<!\s)\s+$/, /a(?=b)/])
    it(`is taken as ${fine}`, () => expect(slowUnder(fine)).to.equal(null));
});

describe('A pattern of db/config.json', () => {
  it('is held against a name without starting over for each star', () => {
    let reads = 0;
    const text = new Proxy(Object(`${'a'.repeat(200)}b`), {
      get: (target, key) => {
        if (key === 'charAt') reads += 1;
        const value = Reflect.get(target, key);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    expect(wildcard('*a*a*a*a*a*a*a*a*c', '*')(text)).to.equal(false);
    expect(reads).to.be.at.most(201 * 20);
  });
});
