// Takes a finished process that left its coverage behind; gives the packages and modules of ours that it loaded.
// Node writes down every script it compiled: https://nodejs.org/docs/latest-v20.x/api/cli.html#node_v8_coveragedir
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanUpAfterTest } from './hooks.ts';

export interface Loaded {
  /** Names of npm packages, sorted; those in a compiled chunk count from the moment the chunk is loaded. */
  readonly packages: readonly string[];
  /** Sources of ours, such as `scripts/session.ts`, sorted. */
  readonly sources: readonly string[];
}

/** Variables for the process, and what it loaded once it has ended. */
export function recordLoading(): { env: Record<string, string>; loaded(): Loaded } {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-loaded-'));
  cleanUpAfterTest(async () => rmSync(folder, { recursive: true, force: true }));
  return { env: { NODE_V8_COVERAGE: folder }, loaded: () => read(folder) };
}

function read(folder: string): Loaded {
  const files = readdirSync(folder).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: { url: string }[] };
    return result.map(({ url }) => url).filter((url) => url.startsWith('file:'));
  });
  const all = files.flatMap((url) => sourcesOf(fileURLToPath(url)));
  const packages = all.flatMap((path) => {
    const [, name] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path) ?? [];
    return name === undefined ? [] : [name];
  });
  const sources = all.flatMap((path) => /(?:^|\/)(scripts\/.*\.ts)$/.exec(path)?.[1] ?? []);
  return { packages: [...new Set(packages)].sort(), sources: [...new Set(sources)].sort() };
}

/** A chunk is its sources. */
function sourcesOf(path: string): string[] {
  const map = `${path}.map`;
  if (!path.includes(`${sep}dist${sep}`) || path.includes('node_modules') || !existsSync(map)) return [path];
  return (JSON.parse(readFileSync(map, 'utf8')) as { sources: string[] }).sources;
}
