#!/usr/bin/env node
// Takes the command line, gives it to the compiled program in dist/ and has that compiled first when a source changed
// since. It knows nothing of migrations. CommonJS, which Node starts faster than modules, and plain JavaScript, because
// it runs before any compiler does.
'use strict';
const { existsSync, readdirSync, readFileSync, statSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
const stamp = join(root, 'dist', '.built');

/** Path, size and time of every source: what the compiled program was made from. */
function sourceState() {
  const lines = [];
  const add = (file) => {
    const { size, mtimeMs } = statSync(`${root}/${file}`);
    lines.push(`${file} ${size} ${mtimeMs}`);
  };
  const folders = ['scripts'];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(`${root}/${folder}`, { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) folders.push(path);
      else if (/\.(?:ts|mjs|cjs)$/.test(path)) add(path);
    }
  }
  add('package.json');
  return lines.sort().join('\n');
}

/** The state that the program was compiled from; undefined where it was not yet. */
function compiledState() {
  try {
    return readFileSync(stamp, 'utf8');
  } catch {
    return undefined;
  }
}

/** In this package's own node_modules or, in a workspace, in one above it. */
function isInstalled(name) {
  try {
    require.resolve(name, { paths: [root] });
    return true;
  } catch {
    return false;
  }
}

/** Undefined where the compiled program is to be taken as it is: a release has no sources, or no compiler. */
function stateToCompile(compiled) {
  const hasSources = existsSync(join(root, 'scripts', 'migrate.ts'));
  const hasCompiler = isInstalled('esbuild');
  if (!hasSources || (!hasCompiler && compiled !== undefined)) return undefined;
  if (!hasCompiler) {
    process.stderr.write('The packages are not installed yet. Run: npm ci\n');
    process.exit(2);
  }
  return sourceState();
}

async function build(state, isStale, { typesToo = false, only = false } = {}) {
  const { compile, emitTypes, prune } = await import('./build/build.mjs');
  if (isStale) await compile(root, state);
  if (typesToo) await emitTypes(root, state);
  if (only) prune(root);
}

const start = () => require('../dist/migrate.cjs');
// `--pack` builds and leaves nothing of earlier builds beside it.
const buildOnly = ['--build-only', '--pack'].includes(process.argv[2]);
const compiled = compiledState();
const state = stateToCompile(compiled);
const isStale = state !== undefined && state !== compiled;
if (buildOnly) {
  if (state !== undefined) void build(state, isStale, { typesToo: true, only: process.argv[2] === '--pack' });
} else if (isStale) void build(state, true).then(start);
else start();
