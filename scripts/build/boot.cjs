// Becomes dist/migrate.cjs: runs the bundled program, which V8 need not compile again where program-*.code was made by
// the same version of it. Without, or by another version, the program runs all the same, some 50 ms later.
'use strict';
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { Script } = require('node:vm');

/* global PROGRAM */
const path = join(__dirname, PROGRAM);

function compiled() {
  try {
    return readFileSync(path.replace(/\.cjs$/, '.code'));
  } catch {
    return undefined;
  }
}

// The bundle is ASCII.
const source = readFileSync(path, 'latin1');
const script = new Script(source, { filename: pathToFileURL(path).href, cachedData: compiled() });
const program = { exports: {} };
script.runInThisContext()(program.exports, createRequire(path), program, path, dirname(path));
