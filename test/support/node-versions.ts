// Takes a version of Node; gives the path of its binary, from npm's packages, which every test run after the first finds
// where that one left it. Null, with a line on stderr, where it cannot be had.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { diskFolder } from './memory.ts';

/** The binary of exactly this version for this machine, or null where it cannot be installed. */
export async function nodeBinary(version: string): Promise<string | null> {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(diskFolder, `migrate-node-${process.getuid?.() ?? 0}-${version}`);
  const binary = join(folder, 'node_modules', name, 'bin', 'node');
  if (existsSync(binary)) return binary;
  const draft = `${folder}.${process.pid}`;
  mkdirSync(draft, { mode: 0o700 });
  const args = [
    'install',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    '--prefix',
    draft,
    `${name}@${version}`,
  ];
  const { exitCode, stderr } = await execa('npm', args, { cwd: draft, reject: false, timeout: 120_000 });
  if (exitCode !== 0) {
    rmSync(draft, { recursive: true, force: true });
    process.stderr.write(`SKIPPED: ${name}@${version} cannot be installed: ${stderr.slice(0, 300)}\n`);
    return null;
  }
  if (existsSync(folder)) rmSync(draft, { recursive: true, force: true });
  else renameSync(draft, folder);
  return binary;
}
