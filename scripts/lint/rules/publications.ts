// The rule on published tables that PostgreSQL can replicate no UPDATE and DELETE of: published so, or made so afterwards.
import { child, listOf, type Node, rangeName, text } from '../statement/ast.ts';
import { relationName, sameName, sqlName } from '../statement/names.ts';
import type { Name } from '../statement/types.ts';
import { type Catalog, lookUp } from '../trace/traced.ts';
import { type Context, defineStepRule, type Hit, type Rule } from './rule.ts';

const published = defineStepRule({
  id: 'published-without-identity',
  severity: 'error',
  summary: 'a published table without replica identity: published so, or its key taken away',
  why: 'PostgreSQL refuses every UPDATE and DELETE of such a table with 55000, from the moment that it is published and has no key.',
  findInStep: (context): Hit | null => {
    const { trace, catalog } = context;
    const bare =
      trace?.unreplicable?.map(relationName) ??
      (trace === undefined && catalog !== undefined ? bareByText(context, catalog) : []);
    const table = bare[0];
    if (table === undefined) return null;
    const isNew = catalog !== undefined && bare.every((name) => lookUp(name, catalog) === undefined);
    return {
      table,
      effect: `UPDATE and DELETE of ${bare.map(sqlName).join(', ')} fail as long as it is published`,
      words:
        'Give the table a primary key, or REPLICA IDENTITY USING INDEX with a unique index over columns that are not null, before it is published or loses the key that it has; row filters of a publication may use, and column lists must hold, the columns of that key.',
      // Nobody updates a table that is not there yet, and logs may be inserted into only.
      ...(isNew ? { severity: 'warning' as const } : {}),
    };
  },
});

/** What a publication that the statement makes or extends takes in, where nothing was watched. */
function bareByText({ step: { statement }, before }: Context, catalog: Catalog): readonly Name[] {
  const { kind, node } = statement;
  if (!['CreatePublicationStmt', 'AlterPublicationStmt'].includes(kind)) return [];
  if (String(node.action ?? 'AP_AddObjects') === 'AP_DropObjects' || publishesOnlyInserts(node)) return [];
  const specs = listOf(node, 'pubobjects', 'PublicationObjSpec');
  const schemas = specs.flatMap(({ pubobjtype, name }) =>
    pubobjtype === 'PUBLICATIONOBJ_TABLES_IN_SCHEMA' ? [String(name)] : [],
  );
  const named = specs
    .filter(({ pubobjtype }) => pubobjtype === 'PUBLICATIONOBJ_TABLE')
    .map((spec) => rangeName(child(child(spec, 'pubtable'), 'relation')));
  const inSchemas = [...catalog.values()]
    .filter(({ kind, schema }) => kind === 'r' && (node.for_all_tables === true || schemas.includes(schema)))
    .map(({ schema, name }): Name => ({ schema, name }));
  const tables = [...named, ...inSchemas];
  return tables.filter(
    (table) => lookUp(table, catalog)?.hasIdentity === false && !gotIdentity(table, before),
  );
}

function publishesOnlyInserts(node: Node): boolean {
  const option = listOf(node, 'options', 'DefElem').find(({ defname }) => defname === 'publish');
  const value = text(child(child(option ?? {}, 'arg'), 'String'), 'sval');
  return value !== undefined && !/update|delete/i.test(value);
}

/** An earlier statement of the file adds a primary key or sets the identity. */
function gotIdentity(table: Name, before: Context['before']): boolean {
  return before.some(
    ({ actions, statement }) =>
      actions.some(
        (action) =>
          sameName(action.table, table) &&
          action.kind === 'add-constraint' &&
          action.constraint.type === 'primary',
      ) ||
      (statement.kind === 'AlterTableStmt' && /replica\s+identity/i.test(statement.text)),
  );
}

export const publicationRules: readonly Rule[] = [published];
