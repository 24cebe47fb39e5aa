// The cache of file states must never hide a change, whatever the clock says.
import { copyFileSync, mkdtempSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Migration } from '../../scripts/base/types.ts';
import { readMigrations } from '../../scripts/files/directory.ts';
import { openFileCache } from '../../scripts/files/file-cache.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';

const names = { up: '20250101000001_a.up.sql', down: '20250101000001_a.down.sql' };

/** A directory with one pair whose times lie an hour back, as in a checkout; ctime cannot be set, so the clock is. */
function directory(up = 'SELECT 1;\n') {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-cache-'));
  cleanUpAfterTest(async () => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, names.up), up);
  writeFileSync(join(folder, names.down), 'SELECT 2;\n');
  return folder;
}

/** Reads as a run does that finds nothing wrong, `later` ms after now; only files that are `old` are kept. */
function read(folder: string, later = 10_000, old: (name: string) => boolean = () => true) {
  const { now } = Date;
  Date.now = () => now() + later;
  try {
    const cache = openFileCache(folder, 16);
    const loaded = readMigrations(folder, folder, cache);
    cache.keep(new Map([...loaded.read].filter(([name]) => old(name))));
    return loaded;
  } finally {
    Date.now = now;
  }
}

function facts({ id, version, name, ...files }: Migration) {
  const [up, down] = [files.up, files.down].map(({ path, text, checksum, directives }) => ({
    path,
    text,
    checksum,
    directives,
  }));
  return { id, version, name, up, down };
}

describe('the cache of file states', () => {
  it('knows every file the second time, with checksum, directives and text', () => {
    const folder = directory('-- migrate: lock-timeout=5s\nSELECT 1;\n');
    const first = read(folder);
    expect(first.unchecked.map(({ path }) => path)).to.deep.equal([names.up, names.down]);
    const second = read(folder);
    expect(second.unchecked).to.deep.equal([]);
    expect(second.all().map(facts)).to.deep.equal(first.all().map(facts));
    expect(second.all()[0]!.up.text).to.equal('-- migrate: lock-timeout=5s\nSELECT 1;\n');
  });

  it('reads a file again that changed in size', () => {
    const folder = directory();
    read(folder);
    writeFileSync(join(folder, names.up), 'SELECT 1, 2;\n');
    expect(read(folder).unchecked.map(({ path }) => path)).to.deep.equal([names.up]);
  });

  it('reads a file again that kept its size and was given its old time back', () => {
    const folder = directory();
    const old = new Date(Date.now() - 3_600_000);
    utimesSync(join(folder, names.up), old, old);
    read(folder);
    writeFileSync(join(folder, names.up), 'SELECT 9;\n');
    utimesSync(join(folder, names.up), old, old);
    const [known] = read(folder).all();
    expect(known!.up.text).to.equal('SELECT 9;\n');
  });

  it('reads a file again that another one was renamed to', () => {
    const folder = directory();
    read(folder);
    copyFileSync(join(folder, names.up), join(folder, '.copy'));
    renameSync(join(folder, '.copy'), join(folder, names.up));
    expect([...read(folder).read.keys()]).to.deep.equal([names.up]);
  });

  it('keeps a file that was written in the last two seconds by its bytes: its times might not tell the next change', () => {
    const folder = directory();
    const { mtime } = statSync(join(folder, names.up));
    read(folder, 0);
    const again = read(folder, 0);
    expect([again.read.size, again.unchecked.length]).to.deep.equal([2, 0]);
    writeFileSync(join(folder, names.up), 'SELECT 9;\n');
    utimesSync(join(folder, names.up), mtime, mtime);
    const changed = read(folder, 0);
    expect(changed.unchecked.map(({ path }) => path)).to.deep.equal([names.up]);
    expect(changed.all()[0]!.up.text).to.equal('SELECT 9;\n');
  });

  it('looks at bytes again that stand in the file of the other direction now', () => {
    const folder = directory();
    read(folder, 0);
    copyFileSync(join(folder, names.up), join(folder, names.down));
    expect(read(folder, 0).unchecked.map(({ path }) => path)).to.deep.equal([names.down]);
  });

  it('misses the partner of the only file that was kept', () => {
    const folder = directory();
    read(folder, 10_000, (name) => name === names.up);
    rmSync(join(folder, names.down));
    const { unchecked, problems } = read(folder);
    expect(unchecked).to.deep.equal([]);
    expect(problems.map(({ message }) => message).join()).to.include('has no partner');
  });

  it('forgets everything when the directory is another one', () => {
    const folder = directory();
    read(folder);
    const moved = `${folder}-moved`;
    cleanUpAfterTest(async () => rmSync(moved, { recursive: true, force: true }));
    renameSync(folder, moved);
    expect(read(moved).unchecked).to.have.length(2);
  });

  it('refuses a text that changed between the look at the file and its use', () => {
    const folder = directory();
    read(folder);
    const [known] = read(folder).all();
    writeFileSync(join(folder, names.up), 'SELECT 9;\n');
    expect(() => known!.up.text).to.throw('was changed while this command ran');
  });
});
