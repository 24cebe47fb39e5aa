// The house's rooms and what may import what: read from the imports themselves, types included.
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
const sources = readdirSync(scripts, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
  .map((path) => path.replaceAll('\\', '/'))
  .sort();
const specifier = /(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g;
const imports = new Map(
  sources.map((path) => {
    const text = readFileSync(join(scripts, path), 'utf8');
    return [path, [...text.matchAll(specifier)].map(([, name = '']) => name)];
  }),
);

/** Paths below scripts/ that a source imports, as types or as values. */
function importsOf(path: string): string[] {
  return (imports.get(path) ?? [])
    .filter((name) => name.startsWith('.'))
    .map((name) => relative(scripts, join(scripts, dirname(path), name)).replaceAll('\\', '/'));
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
