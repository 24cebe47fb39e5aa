// Becomes dist/migrate.cjs: runs the bundled program, from V8's compiled form of what earlier runs of the same command
// needed of it. That is kept where it is used and never packed: V8 takes what another patch version of Node compiled for
// its own, and crashes. Without it the program runs all the same, some 40 ms later.
'use strict';
const {
  appendFileSync,
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
const { cachedDataVersionTag } = require('node:v8');
const { Script } = require('node:vm');

/* global PROGRAM */
const name = PROGRAM;
const path = join(__dirname, name);
const folder = join(__dirname, '.cache');
const command = /^[a-z-]+$/.test(process.argv[2] ?? '') ? process.argv[2] : 'other';

/** The file that only this very binary of Node, with these flags of V8, reads and writes. */
function cacheFile() {
  const { size, mtimeMs } = statSync(process.execPath);
  const { version, platform, arch } = process;
  const binary = [version, platform, arch, cachedDataVersionTag(), size, Math.trunc(mtimeMs)];
  return join(folder, `${name}-${command}-${binary.join('-')}.code`);
}

/** Its first four bytes say how long the run took that wrote it, in ms. */
function readCompiled(file) {
  try {
    const bytes = readFileSync(file);
    return { longest: bytes.readUInt32LE(0), cachedData: bytes.subarray(4) };
  } catch {
    return { longest: 0, cachedData: undefined };
  }
}

/**
 * V8 gives what it compiled so far: the functions that ran, but for those that it has dropped again in a long run. A run that
 * takes longer than those before may have had more to do.
 */
function keepCompiled(script, file, { longest, cachedData }) {
  const ms = Math.round(performance.now());
  const isMissing = cachedData === undefined || script.cachedDataRejected;
  if (!isMissing && (ms < 1.25 * longest || ms > 5000)) return;
  const draft = `${file}.${process.pid}`;
  const head = Buffer.alloc(4);
  head.writeUInt32LE(ms);
  try {
    mkdirSync(folder, { recursive: true });
    // First: where nothing can be written, nothing need be made.
    writeFileSync(draft, head);
    const code = script.createCachedData();
    if (isMissing || code.length > cachedData.length) {
      appendFileSync(draft, code);
      renameSync(draft, file);
    }
    for (const old of readdirSync(folder))
      if (old.endsWith('.code') && !old.startsWith(name)) rmSync(join(folder, old), { force: true });
  } catch {
    // The next run begins without it.
  }
  rmSync(draft, { force: true });
}

const file = cacheFile();
const compiled = readCompiled(file);
// The bundle is ASCII.
const script = new Script(readFileSync(path, 'latin1'), {
  filename: pathToFileURL(path).href,
  cachedData: compiled.cachedData,
});
process.once('exit', () => keepCompiled(script, file, compiled));
const program = { exports: {} };
script.runInThisContext()(program.exports, createRequire(path), program, path, dirname(path));
