// Becomes dist/migrate.cjs: runs the bundled program, from V8's compiled form of it where an earlier start has left that.
// It is made where it is used and never packed: V8 takes what another patch version of Node compiled for its own, and
// crashes. Without it the program runs all the same, some 30 ms later.
'use strict';
const {
  accessSync,
  constants,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { cachedDataVersionTag, setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');

/* global PROGRAM */
const name = PROGRAM;
const path = join(__dirname, name);
const filename = pathToFileURL(path).href;
const folder = join(__dirname, '.cache');

/** The file that only this very binary of Node, with these flags of V8, reads and writes. */
function cacheFile() {
  const { size, mtimeMs } = statSync(process.execPath);
  const { version, platform, arch } = process;
  const binary = [version, platform, arch, cachedDataVersionTag(), size, Math.trunc(mtimeMs)];
  return join(folder, `${name}-${binary.join('-')}.code`);
}

function readCompiled(file) {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

function mayWrite() {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Compiles every function, some 150 ms, and keeps that for the next start. */
function compileWhole(source, file) {
  setFlagsFromString('--no-lazy');
  const script = new Script(source, { filename });
  // The flags count: V8 refuses the cache where they are not those of the process that reads it.
  setFlagsFromString('--lazy');
  const draft = `${file}.${process.pid}`;
  try {
    writeFileSync(draft, script.createCachedData());
    renameSync(draft, file);
    for (const old of readdirSync(folder))
      if (old.endsWith('.code') && !old.startsWith(name)) rmSync(join(folder, old), { force: true });
  } catch {
    rmSync(draft, { force: true });
  }
  return script;
}

function load(source) {
  const file = cacheFile();
  const cachedData = readCompiled(file);
  if (cachedData === undefined && mayWrite()) return compileWhole(source, file);
  const script = new Script(source, { filename, cachedData });
  if (script.cachedDataRejected) rmSync(file, { force: true });
  return script;
}

// The bundle is ASCII.
const script = load(readFileSync(path, 'latin1'));
const program = { exports: {} };
script.runInThisContext()(program.exports, createRequire(path), program, path, dirname(path));
