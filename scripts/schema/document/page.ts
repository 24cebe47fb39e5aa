// Takes what a schema holds and the script for browsers; gives one HTML page that asks for nothing else. The page's content
// is JSON that the script writes as text; the page itself forbids every other script and every request. Pure.
import { createHash } from 'node:crypto';
import type { TableOrigin } from './origins.ts';
import { pageContent } from './page-content.ts';
import { style } from './page-style.ts';
import type { SchemaEntries } from './tables.ts';

/** JSON in which nothing can end the element that it stands in. */
function embeddedJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A script whose strings and patterns mean the same, and end no element. */
function embeddedScript(text: string): string {
  return text.replaceAll(/<(?=\/script|!--)/gi, '\\x3C').trim();
}

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/**
 * @param script the compiled program for the browser, `dist/schema-page.js`
 * @returns the same text for the same schema and migrations
 */
export function htmlDocument(
  entries: SchemaEntries,
  origins: ReadonlyMap<string, TableOrigin>,
  script: string,
): string {
  const program = embeddedScript(script);
  const policy = `default-src 'none'; script-src ${hashOf(program)}; style-src ${hashOf(style)}; img-src data:; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Database schema</title>
<style>${style}</style>
</head>
<body>
<noscript>This page needs JavaScript; db/SCHEMA.md does not.</noscript>
<script type="application/json" id="content">${embeddedJson(pageContent(entries, origins))}</script>
<script>${program}</script>
</body>
</html>
`;
}
