// Takes the path of the bundled program and the one that it will have; writes beside it what V8 makes of it, every
// function compiled. A process of its own: the flag that asks for that is meant for no program that goes on running.
// https://nodejs.org/docs/latest-v20.x/api/vm.html#scriptcreatecacheddata
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

const [path, finalPath] = process.argv.slice(2);
setFlagsFromString('--no-lazy');
const script = new Script(readFileSync(path, 'latin1'), { filename: pathToFileURL(finalPath).href });
// The flags count: the cache is refused where they are not those of the process that reads it.
setFlagsFromString('--lazy');
writeFileSync(path.replace(/\.cjs$/, '.code'), script.createCachedData());
