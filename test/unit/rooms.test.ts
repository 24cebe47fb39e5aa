// The house's rooms and what may import what: read from the imports themselves, types included; and exports without a use.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect } from 'chai';
import { packageRoot } from '../../scripts/base/paths.ts';

/** Ground first: a room imports itself and rooms above it in this list. A file stands before the folder around it. */
const rooms = [
  ['base'],
  ['build'],
  ['schema/types.ts', 'schema/sql.ts', 'schema/definition.ts'],
  ['schema/catalog'],
  ['schema/render'],
  ['schema/document'],
  ['schema/change'],
  ['config'],
  ['devserver'],
  ['connection'],
  ['files'],
  ['ledger'],
  ['gate'],
  ['plan'],
  ['report'],
  ['scratch'],
  ['execute'],
  ['history'],
  ['lint/statement'],
  ['lint/trace'],
  ['lint/advice'],
  ['lint/rules'],
  ['lint'],
  ['verify'],
  ['drift'],
  ['preview', 'runner'],
  ['commands'],
  ['fleet'],
  ['cli'],
  ['api'],
  ['testing'],
  ['migrate.ts'],
] as const;

/** Rooms that see neither the database nor the disk: they take values and give values. */
const pure = ['plan', 'schema/change', 'report', 'lint/advice', 'lint/rules'];

const scripts = join(packageRoot, 'scripts');
const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .map((path) => path.replaceAll('\\', '/'))
    .sort();
const sources = filesIn(scripts);
const tests = filesIn(join(packageRoot, 'test')).map((path) => `../test/${path}`);
const texts = new Map(
  [...sources, ...tests].map((path) => [path, readFileSync(join(scripts, path), 'utf8')]),
);
const specifier = /(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g;
const imports = new Map(
  [...texts].map(([path, text]) => [path, [...text.matchAll(specifier)].map(([, name = '']) => name)]),
);

/** What package.json gives to applications, and what starts the program: their exports are for others. */
const entrances = ['api/api.ts', 'testing/testing.ts', 'gate/gate.ts', 'gate/nest.ts', 'migrate.ts'];

/** Paths from scripts/ on that a file imports, as types or as values. */
function importsOf(path: string): string[] {
  return (imports.get(path) ?? [])
    .filter((name) => name.startsWith('.'))
    .map((name) => relative(scripts, join(scripts, dirname(path), name)).replaceAll('\\', '/'));
}

const importersOf = new Map<string, string[]>();
for (const file of texts.keys())
  for (const path of new Set(importsOf(file)))
    importersOf.set(path, [...(importersOf.get(path) ?? []), file]);

/** How often a name stands in a file. */
const countOf = (name: string, path: string) =>
  (texts.get(path)?.match(new RegExp(`\\b${name}\\b`, 'g')) ?? []).length;

/** Values that a source exports and no other file names, or tests alone though the source itself has no use for them. */
function idleExportsOf(path: string): string[] {
  const importers = importersOf.get(path) ?? [];
  const exported = /^export (?:async )?(?:function\*?|const|let|class) (\w+)/gm;
  return [...(texts.get(path) ?? '').matchAll(exported)].flatMap(([, name = '']) => {
    const users = importers.filter((file) => countOf(name, file) > 0);
    if (users.length === 0) return [`${path}: nobody imports ${name}`];
    const isForTests = countOf(name, path) === 1 && users.every((file) => tests.includes(file));
    return isForTests ? [`${path}: only tests use ${name}`] : [];
  });
}

/** The level of the most specific room that holds the path; undefined where none does. */
function levelOf(path: string): number | undefined {
  const holding = rooms.flatMap((names, level) =>
    names
      .filter((name) => path === name || path.startsWith(`${name}/`))
      .map((name) => ({ level, length: name.length })),
  );
  return holding.sort((a, b) => b.length - a.length)[0]?.level;
}

/** A path through imports that ends where it began, or null. */
function circleThrough(start: string): string[] | null {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    for (const next of importsOf(path)) {
      if (next === start) {
        const circle = [start];
        for (let at = path; at !== start; at = cameFrom.get(at) ?? start) circle.unshift(at);
        return [start, ...circle];
      }
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, path);
      queue.push(next);
    }
  }
  return null;
}

describe('The house', () => {
  it('keeps at its root only what starts it', () => {
    const atRoot = readdirSync(scripts, { withFileTypes: true }).filter((entry) => entry.isFile());
    expect(atRoot.map(({ name }) => name).filter((name) => !name.endsWith('.md'))).to.have.members([
      'migrate.ts',
      'run.cjs',
      'tsconfig.types.json',
    ]);
  });

  it('has a room for every file', () => {
    expect(sources.filter((path) => levelOf(path) === undefined)).to.deep.equal([]);
  });

  it('imports no file of a higher room', () => {
    const upwards = sources.flatMap((path) =>
      importsOf(path)
        .filter((target) => (levelOf(target) ?? 0) > (levelOf(path) ?? 0))
        .map((target) => `${path} imports ${target}`),
    );
    expect(upwards).to.deep.equal([]);
  });

  it('exports no value that nobody imports, and none for tests alone', () => {
    const inside = sources.filter((path) => !entrances.includes(path));
    expect(inside.flatMap(idleExportsOf)).to.deep.equal([]);
  });

  it('has no circle of imports, types included', () => {
    const circles = sources.flatMap((path) => circleThrough(path)?.join(' → ') ?? []);
    expect(circles).to.deep.equal([]);
  });

  it('keeps the database and the disk out of the rooms that only compute', () => {
    const impure = sources
      .filter((path) => pure.some((room) => path.startsWith(`${room}/`)))
      .flatMap((path) =>
        (imports.get(path) ?? [])
          .filter((name) => /^(?:pg|node:fs|node:fs\/promises)$/.test(name))
          .map((name) => `${path} imports ${name}`),
      );
    expect(impure).to.deep.equal([]);
  });
});
