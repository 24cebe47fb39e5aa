// Takes a finished process that left its coverage behind; gives the packages and modules of ours that it evaluated.
// Node writes down every function that ran: https://nodejs.org/docs/latest-v20.x/api/cli.html#node_v8_coveragedir
// In the bundled program esbuild wraps a module in a function with the module's path for a name.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanUpAfterTest } from './cleanup.ts';

export interface Loaded {
  /** Names of npm packages, sorted; those in the bundle count from the moment one of their modules is evaluated. */
  readonly packages: readonly string[];
  /** Sources of ours, such as `scripts/connection/session.ts`, sorted. */
  readonly sources: readonly string[];
}

/** Variables for the process, and what it loaded once it has ended. */
export function recordLoading(): { env: Record<string, string>; loaded(): Loaded } {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-loaded-'));
  cleanUpAfterTest(async () => rmSync(folder, { recursive: true, force: true }));
  return { env: { NODE_V8_COVERAGE: folder }, loaded: () => read(folder) };
}

interface Script {
  readonly url: string;
  readonly functions: readonly { functionName: string; ranges: readonly { count: number }[] }[];
}

function read(folder: string): Loaded {
  const scripts = readdirSync(folder).flatMap(
    (name) => (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: Script[] }).result,
  );
  const all = scripts.flatMap(({ url, functions }) =>
    /\/dist\/program-\w+\.cjs$/.test(url) ? evaluated(functions) : [url],
  );
  const packages = all.flatMap((path) => {
    const [, name] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path) ?? [];
    return name === undefined ? [] : [name];
  });
  const sources = all.flatMap((path) => /(?:^|\/)(scripts\/.*\.ts)$/.exec(path)?.[1] ?? []);
  return { packages: [...new Set(packages)].sort(), sources: [...new Set(sources)].sort() };
}

function evaluated(functions: Script['functions']): string[] {
  return functions
    .filter(
      ({ functionName, ranges }) => /^(?:scripts|node_modules)\//.test(functionName) && ranges[0]?.count,
    )
    .map(({ functionName }) => functionName);
}
