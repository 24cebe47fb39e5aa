// Becomes dist/migrate.js: runs the bundled program, which V8 need not compile again where program-*.code was made by
// the same version of it. Without, or by another version, the program runs all the same, some 50 ms later.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

/* global PROGRAM */
const url = new URL(PROGRAM, import.meta.url).href;
const path = fileURLToPath(url);

function compiled() {
  try {
    return readFileSync(path.replace(/\.cjs$/, '.code'));
  } catch {
    return undefined;
  }
}

// The bundle is ASCII.
const script = new Script(readFileSync(path, 'latin1'), { filename: url, cachedData: compiled() });
const module = { exports: {} };
script.runInThisContext()(module.exports, createRequire(path), module, path, dirname(path));
