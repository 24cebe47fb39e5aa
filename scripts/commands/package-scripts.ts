// Takes the text of a package.json and scripts; gives the text with those that it lacks. Nothing else of it changes: its
// order, indentation, line ends, byte order mark and last line stay as somebody wrote them. And the lines of an image that
// follow from how the tool is a dependency there. Pure.
import { MigrateError } from '../base/errors.ts';

export interface WithScripts {
  readonly text: string;
  /** How many were added. */
  readonly added: number;
  /** Names that are taken by scripts of another text. */
  readonly others: readonly string[];
}

/** @throws MigrateError `usage` where the text is no JSON object, or its scripts are none */
export function withScripts(text: string, wanted: Readonly<Record<string, string>>): WithScripts {
  const known = scriptsOf(text);
  const missing = Object.entries(wanted).filter(([name]) => !Object.hasOwn(known, name));
  const others = Object.keys(wanted).filter(
    (name) => Object.hasOwn(known, name) && known[name] !== wanted[name],
  );
  if (missing.length === 0) return { text, added: 0, others };
  const end = text.includes('\r\n') ? '\r\n' : '\n';
  const indent = /^\ufeff?\s*\{\s*?\n([ \t]+)"/.exec(text)?.[1] ?? '  ';
  const lines = missing.map(
    ([name, command]) => `${indent}${indent}${JSON.stringify(name)}: ${JSON.stringify(command)}`,
  );
  const { root, scripts } = objectsOf(text);
  const place = scripts ?? root;
  const block = lines.join(`,${end}`);
  const inserted = scripts === null ? `${indent}"scripts": {${end}${block}${end}${indent}}` : block;
  // Behind the last value of the object; what stands between that and the closing bracket is replaced by one line end.
  const comma = place.isEmpty ? '' : ',';
  const closing = scripts === null ? '' : indent;
  const next = `${text.slice(0, place.last)}${comma}${end}${inserted}${end}${closing}${text.slice(place.close)}`;
  return { text: next, added: missing.length, others };
}

function scriptsOf(text: string): Readonly<Record<string, unknown>> {
  let content: unknown;
  try {
    content = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (cause) {
    throw new MigrateError('usage', `package.json is no JSON: ${(cause as Error).message}`, { cause });
  }
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  const scripts = isObject(content) ? ((content as { scripts?: unknown }).scripts ?? {}) : null;
  if (!isObject(scripts))
    throw new MigrateError('usage', 'package.json is no object with scripts by name', {
      hint: 'npm init -y makes one; see https://docs.npmjs.com/cli/configuring-npm/package-json.',
    });
  return scripts as Record<string, unknown>;
}

/** Where an object's last value ends (or its opening bracket, where it is empty) and where its closing bracket is. */
interface Place {
  last: number;
  close: number;
  isEmpty: boolean;
}

/** The outermost object and, in it, the one named `scripts`, the last where several are; null where there is none. */
function objectsOf(text: string): { readonly root: Place; readonly scripts: Place | null } {
  const open: { place: Place; isScripts: boolean }[] = [];
  let root: Place = { last: 0, close: 0, isEmpty: true };
  let scripts: Place | null = null;
  let key = '';
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"?|[{}[\],:]|[^\s"{}[\],:\ufeff]+/g)) {
    const after = index + token.length;
    if (token === '{' || token === '[') {
      const isScripts = open.length === 1 && token === '{' && key === 'scripts';
      open.push({ place: { last: after, close: after, isEmpty: true }, isScripts });
    } else if (token === '}' || token === ']') {
      const { place, isScripts } = open.pop() ?? { place: root, isScripts: false };
      place.close = index;
      if (isScripts) scripts = place;
      root = place;
      const outer = open.at(-1)?.place;
      if (outer !== undefined) Object.assign(outer, { last: after, isEmpty: false });
    } else if (token !== ',' && token !== ':') {
      if (open.length === 1 && token.startsWith('"') && /^\s*:/.test(text.slice(after)))
        key = JSON.parse(token) as string;
      const inner = open.at(-1)?.place;
      if (inner !== undefined) Object.assign(inner, { last: after, isEmpty: false });
    }
  }
  return { root, scripts };
}

/** The name under which an application has this tool. */
const ownName = 'postgres-migrations-orchestrator';

/**
 * The Dockerfile of a template with the line that brings the packed tool where the application has it as a file; `note`
 * says what a person must change for the image to have the tool at all.
 */
export function imageOf(
  dockerfile: string,
  packageJson: string,
): { readonly content: string; readonly note: string | null } {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(packageJson.replace(/^\ufeff/, '')) as {
    dependencies?: Record<string, unknown>;
    devDependencies?: Record<string, unknown>;
  };
  const spec = dependencies[ownName] ?? devDependencies[ownName];
  const path = typeof spec === 'string' ? /^file:(?:\.\/)?(.+)$/.exec(spec)?.[1] : undefined;
  const isInside = path !== undefined && /^(?!\.\.|\/|~).*\.t?gz$/.test(path);
  const packed = isInside ? `COPY ${JSON.stringify([path, `./${path}`])}\n` : '';
  const notes = [
    ...(dependencies[ownName] === undefined && devDependencies[ownName] !== undefined
      ? [`it installs no devDependencies: move ${ownName} to dependencies`]
      : []),
    ...(path !== undefined && !isInside ? [`it must be given ${path} as well: add a COPY before RUN`] : []),
  ];
  return {
    content: dockerfile.replace('{{packed}}', () => packed),
    note: notes.length === 0 ? null : notes.join('; '),
  };
}
