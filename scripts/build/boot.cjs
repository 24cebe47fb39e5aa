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

/** Its first line says in JSON what the runs did that it was made of. */
function readCompiled(file) {
  try {
    const bytes = readFileSync(file);
    const end = bytes.indexOf(10);
    return { did: JSON.parse(bytes.toString('utf8', 0, end)), cachedData: bytes.subarray(end + 1) };
  } catch {
    return { did: [], cachedData: undefined };
  }
}

/** What decides which functions a run needs: its options, the stages that it came to, and how it ended. */
function didNow({ stages = () => [] }) {
  // Their names: what is given to them is nobody's business.
  const options = process.argv.slice(3).flatMap((word) => /^--[a-z-]+(?==|$)/.exec(word) ?? []);
  return [...options, ...stages(), `exit ${process.exitCode ?? 0}`];
}

/** V8 gives what it compiled so far: the functions that ran, but for those that it has dropped again in a long run. */
function keepCompiled(script, file, { did, cachedData }, program) {
  const now = didNow(program);
  const isMissing = cachedData === undefined || script.cachedDataRejected;
  const added = now.filter((each) => !did.includes(each));
  const isLong = performance.now() > 3000;
  if (!isMissing && (added.length === 0 || isLong)) return;
  if (program.resetV8?.() === false) return;
  const draft = `${file}.${process.pid}`;
  const head = isMissing ? (isLong ? [] : now) : [...did, ...new Set(added)];
  try {
    mkdirSync(folder, { recursive: true });
    // First: where nothing can be written, nothing need be made.
    writeFileSync(draft, `${JSON.stringify(head)}\n`);
    appendFileSync(draft, script.createCachedData());
    renameSync(draft, file);
    for (const old of readdirSync(folder))
      if (old.endsWith('.code') && !old.startsWith(name)) rmSync(join(folder, old), { force: true });
  } catch {
    rmSync(draft, { force: true });
  }
}

const file = cacheFile();
const compiled = readCompiled(file);
// The bundle is ASCII.
const script = new Script(readFileSync(path, 'latin1'), {
  filename: pathToFileURL(path).href,
  cachedData: compiled.cachedData,
});
const program = { exports: {} };
process.once('exit', () => keepCompiled(script, file, compiled, program.exports));
script.runInThisContext()(program.exports, createRequire(path), program, path, dirname(path));
