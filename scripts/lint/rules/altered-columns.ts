// Takes the context of an ALTER TABLE, or of a block that altered tables; gives its tables as they were and as they are, with
// the columns that it is about. It judges nothing.
import { isOpaque } from '../statement/actions.ts';
import { child, list, type Node, rangeName, text } from '../statement/ast.ts';
import { type CatalogRelation, lookUp } from '../trace/traced.ts';
import type { Context } from './rule.ts';

/** A table before and after the migration. */
export interface AlteredColumns {
  readonly before: CatalogRelation;
  readonly after: CatalogRelation;
  readonly columns: readonly string[];
}

/** Only of tables that were there; of a block every column of the tables that it closed. @param isMeant by AlterTableCmd */
export function alteredColumns(
  { step: { statement }, trace, catalog, resulting, old }: Context,
  isMeant: (command: Node) => boolean,
): readonly AlteredColumns[] {
  if (catalog === undefined || resulting === undefined) return [];
  const both = (
    before: CatalogRelation | undefined,
    columns?: readonly string[],
  ): readonly AlteredColumns[] => {
    const after = before === undefined ? undefined : resulting.get(before.oid);
    if (before === undefined || after === undefined || old?.has(before.oid) === false) return [];
    return [{ before, after, columns: columns ?? before.columns.map(({ name }) => name) }];
  };
  if (statement.kind === 'AlterTableStmt') {
    const commands = list(statement.node, 'cmds').map((item) => child(item, 'AlterTableCmd'));
    const names = commands.filter(isMeant).map((command) => text(command, 'name') ?? '');
    const table = rangeName(child(statement.node, 'relation'));
    return names.length === 0 ? [] : both(lookUp(table, catalog), names);
  }
  if (trace === undefined || !isOpaque(statement)) return [];
  const closed = new Set(
    trace.locks.filter(({ mode }) => mode === 'AccessExclusiveLock').map(({ relation }) => relation),
  );
  return [...catalog.values()]
    .filter(({ schema, name, kind }) => ['r', 'p'].includes(kind) && closed.has(`${schema}.${name}`))
    .flatMap((relation) => both(relation));
}
