// Takes esbuild; compiles the code of the page that `docs --html` writes, with the licences of what is in it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What runs in the page of `docs --html`, with the libraries that draw in it and their licences. */
export async function buildPage(build, root, staging) {
  const page = await build({
    absWorkingDir: root,
    entryPoints: { 'schema-page': 'scripts/schema/document/page/main.ts' },
    outdir: staging,
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    tsconfigRaw: {},
  });
  const text = `${licencesOf(root, page.metafile)}\n${page.outputFiles[0].text}`;
  writeFileSync(join(staging, 'schema-page.js'), text);
  return page;
}

/** The licence of every package that a build took code from, as a comment. */
function licencesOf(root, { inputs }) {
  const folders = Object.keys(inputs).map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]);
  const texts = [...new Set(folders.filter((folder) => folder !== undefined))].sort().map((folder) => {
    const file = readdirSync(join(root, folder)).find((name) => /^licen[cs]e/i.test(name));
    const name = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (file === undefined) return name;
    return `${name}\n\n${readFileSync(join(root, folder, file), 'utf8').trim()}`;
  });
  return `/*!\n${texts.join('\n\n').replaceAll('*/', '* /')}\n*/`;
}
