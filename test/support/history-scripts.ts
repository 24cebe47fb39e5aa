// The small files of the history model: what their lines are as SQL, and, apart from that, what they must do. The two halves
// know nothing of each other.

/**
 * What a statement does. `insert`, `gate` and `orphan` write their token, `gate` where a killed run is killed; `set`,
 * `setcmd` and `local` set the token for what follows, `path` and `lock` change the session too; `usetemp` writes through
 * the temporary table of the last `temp` above; `orphan` breaks a deferred constraint until an `adopt` below; `range` is a
 * batch; `table` changes the schema; `boom` fails.
 */
export type Kind =
  | 'insert'
  | 'gate'
  | 'boom'
  | 'set'
  | 'setcmd'
  | 'local'
  | 'path'
  | 'lock'
  | 'temp'
  | 'usetemp'
  | 'orphan'
  | 'adopt'
  | 'immediate'
  | 'table'
  | 'range';

export interface Line {
  readonly kind: Kind;
  readonly token: string;
  /** Of a range: the key at which it fails, and the one at which a killed run is killed. */
  readonly at?: number;
  readonly gate?: number;
  /** The line above that it needs: of `usetemp` its `temp`, of `adopt` its `orphan`. */
  readonly of?: string;
}

export interface Script {
  /** As its directives say. */
  readonly mode: 'inside' | 'outside' | 'batch';
  readonly lines: readonly Line[];
  readonly irreversible?: boolean;
  readonly afterDeploy?: boolean;
}

export function sameLine(a: Line, b: Line | undefined): boolean {
  return a.kind === b?.kind && a.token === b.token && a.at === b.at && a.gate === b.gate;
}

export function sameLines(a: Script, b: Script): boolean {
  return a.lines.length === b.lines.length && a.lines.every((line, i) => sameLine(line, b.lines[i]));
}

interface Surroundings {
  /** In one transaction. */
  readonly inside: boolean;
  readonly parents: ReadonlySet<string>;
  /** Ends at the first gate. */
  readonly killed?: boolean;
  /** Lines before this one ran in an earlier attempt: what they set counts, what they wrote is there. */
  readonly from?: number;
}

interface Ran {
  readonly failed: boolean;
  readonly killed: boolean;
  readonly written: readonly string[];
  readonly parents: ReadonlySet<string>;
}

/** What the lines do, one after the other, in a session that nothing was set in. */
export function runLines(
  lines: readonly Line[],
  { inside, parents, killed = false, from = 0 }: Surroundings,
): Ran {
  const known = new Set(parents);
  const orphans = new Set<string>();
  const written: string[] = [];
  const session = { setting: '', lock: false, path: '', immediate: false };
  const ended = (failed: boolean, isKilled = false): Ran => ({
    failed,
    killed: isKilled,
    written,
    parents: known,
  });
  for (const [i, { kind, token, of }] of lines.entries()) {
    const again = i < from;
    const strict = !inside || session.immediate;
    const note = () => {
      if (!again) written.push(`${token}/${session.setting}${session.lock ? '+lock' : ''}@${session.path}`);
    };
    if (kind === 'set' || kind === 'setcmd' || (kind === 'local' && inside)) session.setting = token;
    if (kind === 'path') session.path = `path_${token}`;
    if (kind === 'lock') session.lock = true;
    if (again) continue;
    if (kind === 'boom' || kind === 'range') return ended(true);
    if (kind === 'gate' && killed) return ended(false, true);
    if (kind === 'usetemp' && tableOf(lines, i) === -1) return ended(true);
    if (kind === 'orphan' && strict && !known.has(token)) return ended(true);
    if (kind === 'orphan' && !known.has(token)) orphans.add(token);
    if (kind === 'adopt') {
      known.add(of ?? token);
      orphans.delete(of ?? token);
    }
    if (kind === 'immediate' && inside && orphans.size > 0) return ended(true);
    if (kind === 'immediate' && inside) session.immediate = true;
    if (kind === 'insert' || kind === 'gate' || kind === 'orphan' || kind === 'usetemp') note();
  }
  return ended(orphans.size > 0);
}

/** True where the rest needs a temporary table that ended with the session of the attempt before. */
export function lostTable(lines: readonly Line[], done: number): boolean {
  return lines.some(({ kind }, i) => {
    const made = kind === 'usetemp' && i >= done ? tableOf(lines, i) : -1;
    return made !== -1 && made < done;
  });
}

function tableOf(lines: readonly Line[], index: number): number {
  return lines.slice(0, index).findIndex(({ kind, token }) => kind === 'temp' && token === lines[index]?.of);
}

/** The advisory lock at which a run can be made to wait. */
export const gateKey = 4711;
const sessionLock = 77;

/** The tables that migrations write to; what is set in the session is written with every row. */
export const tables = `CREATE TABLE public.parent (name text PRIMARY KEY);
CREATE TABLE public.work (id int PRIMARY KEY);
INSERT INTO public.work SELECT generate_series(1, 12);
CREATE FUNCTION public.context() RETURNS text LANGUAGE sql AS $$
  SELECT concat(current_setting('model.setting', true),
    CASE WHEN EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND classid = 0 AND objid = ${sessionLock}) THEN '+lock' END,
    '@', substring(current_setting('search_path') from 'path_\\w+'))
$$;
CREATE TABLE public.log (id serial, said text, context text DEFAULT public.context(),
  parent text REFERENCES public.parent DEFERRABLE INITIALLY DEFERRED);`;

const statements: Readonly<Record<Exclude<Kind, 'range' | 'usetemp' | 'adopt'>, (token: string) => string>> =
  {
    insert: (token) => `INSERT INTO public.log (said) VALUES ('${token}');`,
    gate: (token) =>
      `INSERT INTO public.log (said) SELECT '${token}' FROM pg_advisory_xact_lock_shared(${gateKey});`,
    boom: (token) => `SELECT 1/0 AS ${token};`,
    set: (token) => `SELECT set_config('model.setting', '${token}', false);`,
    setcmd: (token) => `SET model.setting = '${token}';`,
    local: (token) => `SET LOCAL model.setting = '${token}';`,
    path: (token) => `SET search_path = path_${token}, public;`,
    lock: (token) => `SELECT pg_advisory_lock(${sessionLock}) AS ${token};`,
    temp: (token) => `CREATE TEMP TABLE temp_${token} (x int);`,
    orphan: (token) => `INSERT INTO public.log (said, parent) VALUES ('${token}', '${token}');`,
    immediate: () => 'SET CONSTRAINTS ALL IMMEDIATE;',
    table: (token) => `CREATE TABLE IF NOT EXISTS public.${token} (id int);`,
  };

function statementOf({ kind, token, at, gate, of = 'none' }: Line): string {
  if (kind === 'adopt')
    return `INSERT INTO public.parent VALUES ('${of === 'none' ? token : of}') ON CONFLICT DO NOTHING;`;
  if (kind === 'usetemp')
    return `WITH seen AS (SELECT count(*) FROM pg_temp.temp_${of}) INSERT INTO public.log (said) SELECT '${token}' FROM seen;`;
  if (kind !== 'range') return statements[kind](token);
  const boom = at === undefined ? '' : ` || substr((1 / (id - ${at}))::text, 1, 0)`;
  const stop =
    gate === undefined
      ? ''
      : ` || CASE WHEN id = ${gate} THEN pg_advisory_xact_lock_shared(${gateKey})::text ELSE '' END`;
  return `INSERT INTO public.log (said) SELECT '${token}.' || id${boom}${stop} FROM public.work WHERE id BETWEEN $1 AND $2 ORDER BY id;`;
}

/** The file. */
export function sqlOf({ mode, lines, irreversible, afterDeploy }: Script): string {
  const directives = [
    ...(mode === 'outside' ? ['-- migrate: no-transaction'] : []),
    ...(mode === 'batch' ? ['-- migrate: batch public.work by id rows=2'] : []),
    ...(irreversible ? ['-- migrate: irreversible the model says so'] : []),
    ...(afterDeploy ? ['-- migrate: after-deploy'] : []),
  ];
  return `${[...directives, ...lines.map(statementOf)].join('\n')}\n`;
}
