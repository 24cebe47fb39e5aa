// Takes the model of a schema; gives the SQL of tables and views, and of what is set on them once everything stands, as
// pieces to be put in order. Pure; where views wait for each other one can be announced by its columns alone.

import { bareName, quoteLiteral, splitOutside } from '../sql.ts';
import { hierarchyPieces } from './hierarchies.ts';
import type { Item, Model } from './model.ts';
import type { Piece } from './order.ts';
import { columnSettings, storageOptions } from './storage.ts';
import { keyOf, ranks, tablePieces } from './tables.ts';

function viewPieces(model: Model, view: Item, split: boolean): Piece[] {
  const materialized = view.parts.get('kind') === 'materialized view';
  const body = view.parts.get('definition')?.replace(/;\s*$/, '');
  const columns = model.partsOf(view.identity, 'column');
  const defaults = columns.filter((column) => column.parts.has('default'));
  const method = view.parts.has('access_method') ? ` USING ${view.parts.get('access_method')}` : '';
  const apart = split && !materialized;
  const create = `CREATE ${apart ? 'OR REPLACE ' : ''}${materialized ? 'MATERIALIZED VIEW' : 'VIEW'} ${view.identity}`;
  const statements = [
    `${create}${method}${storageOptions(view)} AS\n${body}${materialized ? '\nWITH NO DATA' : ''};`,
    ...columns.flatMap((column) => columnSettings(view, column, false)),
    ...defaults.map(
      (column) =>
        `ALTER VIEW ${view.identity} ALTER COLUMN ${column.name} SET DEFAULT ${column.parts.get('default')};`,
    ),
  ];
  const inlined = defaults.map((column) => `default ${column.identity}`);
  const whole: Piece = {
    key: apart ? `view ${view.identity}` : keyOf(view),
    rank: ranks.view,
    sql: statements.join('\n'),
    inlined,
  };
  return apart ? [announcedView(view, columns), whole] : [whole];
}

/** A view with the right columns and nothing in them: what needs the view can be made before it is. */
function announcedView(view: Item, columns: readonly Item[]): Piece {
  const list = columns.map(({ name, parts }) => {
    const collation = parts.has('collation') ? ` COLLATE ${parts.get('collation')}` : '';
    return `NULL::${parts.get('type')}${collation} AS ${name}`;
  });
  return {
    key: keyOf(view),
    rank: ranks.view,
    sql: `CREATE VIEW ${view.identity} AS SELECT ${list.join(', ')};`,
    inlined: [],
  };
}

function latePieces(table: Item): Piece[] {
  const security = table.parts.get('row_security') ?? '';
  const replica = table.parts.get('replica_identity');
  const alter = `ALTER TABLE ONLY ${table.identity}`;
  const statements = [
    ...(security.includes('enabled') ? [`ALTER TABLE ${table.identity} ENABLE ROW LEVEL SECURITY;`] : []),
    ...(security.includes('forced') ? [`ALTER TABLE ${table.identity} FORCE ROW LEVEL SECURITY;`] : []),
    ...(replica?.startsWith('index ') ? [`${alter} REPLICA IDENTITY USING INDEX ${replica.slice(6)};`] : []),
    ...(replica === 'full' || replica === 'nothing'
      ? [`${alter} REPLICA IDENTITY ${replica.toUpperCase()};`]
      : []),
    ...onTablespace(table),
  ];
  if (statements.length === 0) return [];
  return [{ key: `late ${table.identity}`, rank: ranks.late, sql: statements.join('\n'), inlined: [] }];
}

/** Only where the server has that tablespace: it belongs to the server, not to the schema. */
export function onTablespace(item: Item): string[] {
  const space = item.parts.get('tablespace');
  if (space === undefined) return [];
  const kind =
    item.class === 'index'
      ? 'INDEX'
      : item.parts.get('kind') === 'materialized view'
        ? 'MATERIALIZED VIEW'
        : 'TABLE';
  return [
    `DO $space$ BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_tablespace WHERE spcname = ${quoteLiteral(bareName(space))}) THEN ALTER ${kind} ${item.identity} SET TABLESPACE ${space}; END IF; END $space$;`,
  ];
}

/** The triggers behind constraints have names of the server's making: they are looked up by their constraint. */
function statePieces(table: Item): Piece[] {
  const states = splitOutside(table.parts.get('constraint_triggers') ?? '', '\n').filter(
    (state) => state !== '',
  );
  const statements = states.map((state) => {
    const [, action = '', name = '', owner = ''] =
      /^(disable|enable always|enable replica) ("(?:[^"]|"")*"|\S+) of (.+)$/s.exec(state) ?? [];
    return `DO $states$ DECLARE each name; BEGIN
  FOR each IN WITH RECURSIVE copy (oid) AS (
    SELECT oid FROM pg_catalog.pg_constraint WHERE conname = ${quoteLiteral(bareName(name))} AND conrelid = ${quoteLiteral(owner)}::pg_catalog.regclass
    UNION ALL SELECT c.oid FROM pg_catalog.pg_constraint c JOIN copy ON c.conparentid = copy.oid
  ) SELECT tgname FROM pg_catalog.pg_trigger WHERE tgisinternal AND tgrelid = ${quoteLiteral(table.identity)}::pg_catalog.regclass AND tgconstraint IN (SELECT oid FROM copy)
  LOOP EXECUTE pg_catalog.format('ALTER TABLE ONLY %s ${action.toUpperCase()} TRIGGER %I', ${quoteLiteral(table.identity)}, each); END LOOP;
END $states$;`;
  });
  return statements.length === 0
    ? []
    : [{ key: `states ${table.identity}`, rank: ranks.state, sql: statements.join('\n'), inlined: [] }];
}

/**
 * Tables and views.
 * @param split keys of those whose defaults and checks, or whose query, must stand apart
 * @param together the tables that are made together, the groups of them
 */
export function relationPieces(
  model: Model,
  split: ReadonlySet<string>,
  together: readonly (readonly Item[])[] = [],
): Piece[] {
  const grouped = new Set(together.flat());
  const pieces = model.of('relation').flatMap((item) => {
    const kind = item.parts.get('kind');
    const write = kind === 'view' || kind === 'materialized view' ? viewPieces : tablePieces;
    const own = grouped.has(item) ? [] : write(model, item, split.has(keyOf(item)));
    return [...own, ...latePieces(item), ...statePieces(item)];
  });
  const isSplit = (tables: readonly Item[]) => tables.some((table) => split.has(keyOf(table)));
  return [...together.flatMap((tables) => hierarchyPieces(model, tables, isSplit(tables))), ...pieces];
}
