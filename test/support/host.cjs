// Runs the compiled program many times in one process, each time from its first line with modules of its own: what Node's
// start and compiling cost is paid once. Takes messages { args, cwd, env }; answers { exitCode, written, isLast }. What a run
// leaves behind (listeners, timers) is taken away; after a crash, or an exit in the middle, the process ends.
'use strict';
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { Writable } = require('node:stream');
const { pathToFileURL } = require('node:url');
const { Script } = require('node:vm');

const entry = join(__dirname, '..', '..', 'dist', 'migrate.cjs');
const [name] = /program-\w+\.cjs/.exec(readFileSync(entry, 'utf8'));
const path = join(dirname(entry), name);
const script = new Script(readFileSync(path, 'latin1'), { filename: pathToFileURL(path).href });

/** How long (ms) a run that has told its exit code may have something open; a process of its own waits no longer either. */
const patience = 3000;
/** The run under way. */
let current = null;
const { process } = globalThis;

for (const starter of ['setTimeout', 'setInterval']) {
  const start = globalThis[starter];
  globalThis[starter] = Object.assign((...args) => {
    const timer = start(...args);
    current?.timers.add(timer);
    return timer;
  }, start);
}
const later = setTimeout;

function listeners() {
  return new Map(process.eventNames().map((event) => [event, process.rawListeners(event)]));
}

/** @returns those that were added since */
function removeListeners(before) {
  const added = [];
  for (const event of process.eventNames())
    for (const listener of process.rawListeners(event)) {
      if (before.get(event)?.includes(listener)) continue;
      process.removeListener(event, listener);
      added.push([event, listener]);
    }
  return added;
}

function replaceEnvironment(env) {
  for (const key of Object.keys(process.env)) if (!(key in env)) delete process.env[key];
  Object.assign(process.env, env);
}

// What asks for them first would open them, for good.
void [process.stdout, process.stderr];
/** How much is open beside timers, of which this module has one of its own. */
const open = () => process.getActiveResourcesInfo().filter((kind) => kind !== 'Timeout').length;

/** The program's `process`: it has streams of its own, and its exit is the end of a run. */
function processOf(run) {
  const stream = (name) => {
    const write = (chunk, _, done) => {
      run.written.push([name, chunk.toString()]);
      done();
    };
    return new Writable({ write });
  };
  const own = {
    argv: [process.execPath, entry, ...run.args],
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    exit: (code) => end(run, code ?? run.exitCode ?? 0, true),
  };
  return new Proxy(process, {
    get: (target, key) => {
      if (key === 'exitCode') return run.exitCode;
      const value = Object.hasOwn(own, key) ? own[key] : target[key];
      return typeof value === 'function' && !Object.hasOwn(own, key) ? value.bind(target) : value;
    },
    set: (target, key, value) => {
      if (key !== 'exitCode') return Reflect.set(target, key, value);
      run.exitCode = value;
      // It is said once while the program starts, and once when it is done.
      if (run.started) setImmediate(awaitRest, run, performance.now());
      return true;
    },
  });
}

function awaitRest(run, from) {
  if (open() <= run.atRest || performance.now() - from > patience) end(run, run.exitCode, false);
  else later(awaitRest, 1, run, from);
}

function end(run, exitCode, isLast) {
  if (current !== run) return;
  for (const [event, listener] of removeListeners(run.listeners))
    if (event === 'exit') listener.call(process, exitCode);
  current = null;
  for (const timer of run.timers) clearTimeout(timer);
  process.send({ exitCode, written: run.written, isLast }, () => isLast && process.reallyExit(exitCode));
}

process.on('message', ({ args, cwd, env }) => {
  const run = {
    args,
    written: [],
    timers: new Set(),
    listeners: listeners(),
    atRest: open(),
    started: false,
  };
  replaceEnvironment(env);
  process.chdir(cwd);
  current = run;
  const own = processOf(run);
  const require = createRequire(path);
  const module = { exports: {} };
  Object.defineProperty(globalThis, 'process', { configurable: true, value: own });
  const ownRequire = Object.assign((id) => (/^(?:node:)?process$/.test(id) ? own : require(id)), require);
  script.runInThisContext()(module.exports, ownRequire, module, path, dirname(path));
  run.started = true;
});
process.on('uncaughtException', (error) => {
  current?.written.push(['stderr', `${error.stack}\n`]);
  if (current !== null) end(current, 1, true);
});
process.on('disconnect', () => process.reallyExit(0));
