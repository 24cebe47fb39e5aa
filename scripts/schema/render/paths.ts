// Takes ordered pieces and what they need; gives their SQL, with a search_path round those that make the server look into
// a function whose text names things without their schema. Pure.

import { settingsIn } from './definitions.ts';
import type { Model } from './model.ts';
import type { Dependency, Piece } from './order.ts';

/** Classes whose making evaluates or inlines expressions, also where there are no rows. */
const evaluated = /^(relation|index|constraint|default|statistics|type) /;
const carriers = /^(operator|cast|routine|type|operator-class) /;

/** SQL functions whose body is text: it is read again whenever they are used, with the search_path of that moment. */
function openRoutines(model: Model): ReadonlySet<string> {
  const open = model.of('routine').filter(({ parts }) => {
    const body = parts.get('body') ?? '';
    return (
      parts.get('language') === 'sql' &&
      !/^(BEGIN ATOMIC|RETURN )/.test(body) &&
      !settingsIn(parts.get('settings')).some(({ name }) => name === 'search_path')
    );
  });
  return new Set(open.map(({ identity }) => `routine ${identity}`));
}

/** The SQL of the pieces, in their order. */
export function withSearchPaths(
  model: Model,
  pieces: readonly Piece[],
  dependencies: readonly Dependency[],
): string[] {
  const open = openRoutines(model);
  if (open.size === 0) return pieces.map(({ sql }) => sql);
  const needs = new Map<string, string[]>();
  for (const { from, to } of dependencies) needs.set(from, [...(needs.get(from) ?? []), to]);
  const reaches = (key: string, seen: Set<string>): boolean => {
    if (seen.has(key)) return false;
    seen.add(key);
    return (needs.get(key) ?? []).some((to) => open.has(to) || (carriers.test(to) && reaches(to, seen)));
  };
  const path = searchPath(model);
  return pieces.map(({ key, sql, inlined }) => {
    const concerned = [key, ...inlined].some((each) => evaluated.test(each) && reaches(each, new Set()));
    const isView = model.find('relation', key.replace(/^relation /, ''))?.parts.get('kind') === 'view';
    return concerned && !isView ? `SET search_path = ${path};\n${sql}\nSET search_path = '';` : sql;
  });
}

/** What the migrations most likely ran with: `public`, then where functions and extensions are. */
function searchPath(model: Model): string {
  const schemas = [
    'public',
    ...model.of('extension').map(({ parts }) => parts.get('schema') ?? ''),
    ...model.of('routine').map(({ identity }) => /^(?:"(?:[^"]|"")*"|[^.])+/.exec(identity)?.[0] ?? ''),
  ];
  return [...new Set(schemas)].filter((name) => name !== '' && name !== 'pg_catalog').join(', ');
}
