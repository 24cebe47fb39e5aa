// Takes the catalog before and after a statement whose text does not tell (DO, CALL, SELECT f()); gives what it did.
// Pure: it knows neither the connection nor the rules.
import { quoteIdentifier } from '../statement/names.ts';
import type { Action, ColumnFacts, ConstraintType, Name } from '../statement/types.ts';
import type { Catalog, CatalogColumn, CatalogConstraint, CatalogRelation } from './traced.ts';

/** What changed of relations that were there before; `rewritten` names those with new storage. */
export function observeChanges(
  before: Catalog,
  after: Catalog,
  touched: readonly number[],
  rewritten: readonly string[],
): readonly Action[] {
  return touched.flatMap((oid) => {
    const old = before.get(oid);
    if (old === undefined) return [];
    const now = after.get(oid);
    if (now === undefined) return vanished(old, before, after);
    // Sequences are told of by their names.
    if (['i', 'I', 'S'].includes(old.kind)) return [];
    return [
      ...relationChanges(old, now, after),
      ...columnChanges(old, now, rewritten),
      ...constraintChanges(old, now),
      ...indexChanges(old, now),
    ];
  });
}

const words: Readonly<Record<string, { object: 'table' | 'view' | 'materialized view'; word: string }>> = {
  r: { object: 'table', word: 'TABLE' },
  p: { object: 'table', word: 'TABLE' },
  f: { object: 'table', word: 'FOREIGN TABLE' },
  v: { object: 'view', word: 'VIEW' },
  m: { object: 'materialized view', word: 'MATERIALIZED VIEW' },
};

function nameOf({ schema, name }: CatalogRelation): Name {
  return { schema, name };
}

function vanished(old: CatalogRelation, before: Catalog, after: Catalog): readonly Action[] {
  const table = nameOf(old);
  const what = words[old.kind];
  if (what !== undefined) {
    const isReplaced =
      what.object !== 'table' &&
      [...after.values()].some(({ schema, name }) => schema === old.schema && name === old.name);
    return isReplaced ? [] : [{ kind: 'drop', table, cascade: false, ...what }];
  }
  const owner = old.table === null ? undefined : before.get(old.table);
  if (owner === undefined || old.owned || !after.has(owner.oid)) return [];
  const stillIndexed = after.get(owner.oid)?.indexes.some(({ name }) => name === old.name) === true;
  const sql = `DROP INDEX ${quoteIdentifier(old.schema)}.${quoteIdentifier(old.name)}`;
  return stillIndexed ? [] : [{ kind: 'drop-index', table, concurrent: false, sql }];
}

function relationChanges(old: CatalogRelation, now: CatalogRelation, after: Catalog): readonly Action[] {
  const table = nameOf(old);
  const actions: Action[] = [];
  if (old.name !== now.name) {
    const object = words[old.kind]?.object === 'table' ? 'table' : 'view';
    actions.push({ kind: 'rename', table, object, from: old.name, to: now.name });
  }
  if (old.schema !== now.schema) actions.push({ kind: 'set-schema', table, to: now.schema });
  if (old.persistence !== now.persistence) {
    actions.push({
      kind: 'rewrite',
      table,
      by: 'logged',
      clause: now.persistence === 'u' ? 'SET UNLOGGED' : 'SET LOGGED',
    });
  }
  const parent = relationOf(now.parent, after);
  if (parent?.kind === 'p' && old.parent === null) {
    actions.push({ kind: 'attach-partition', table, parent: nameOf(parent), bound: 'FOR VALUES …' });
  }
  const formerParent = relationOf(old.parent, after);
  if (formerParent?.kind === 'p' && now.parent === null) {
    actions.push({ kind: 'detach-partition', table, parent: nameOf(formerParent), concurrent: false });
  }
  return actions;
}

function relationOf(oid: string | null, catalog: Catalog): CatalogRelation | undefined {
  return oid === null ? undefined : catalog.get(Number(oid));
}

function columnChanges(
  old: CatalogRelation,
  now: CatalogRelation,
  rewritten: readonly string[],
): readonly Action[] {
  const table = nameOf(old);
  const isRewritten = rewritten.includes(`${old.schema}.${old.name}`);
  const actions: Action[] = [];
  if (words[old.kind]?.object !== 'table') return actions;
  for (const column of old.columns) {
    const successor = now.columns.find(({ number }) => number === column.number);
    if (successor === undefined) actions.push({ kind: 'drop-column', table, column: column.name });
    else actions.push(...alteredColumn(table, column, successor));
  }
  for (const column of now.columns) {
    if (old.columns.some(({ number }) => number === column.number)) continue;
    actions.push({ kind: 'add-column', table, column: addedColumn(column, isRewritten) });
  }
  return actions;
}

function alteredColumn(table: Name, old: CatalogColumn, now: CatalogColumn): readonly Action[] {
  const actions: Action[] = [];
  if (old.name !== now.name)
    actions.push({ kind: 'rename', table, object: 'column', from: old.name, to: now.name });
  if (old.type !== now.type) {
    actions.push({
      kind: 'alter-type',
      table,
      column: old.name,
      type: now.type,
      typeName: { name: now.type },
    });
  }
  if (!old.notNull && now.notNull) actions.push({ kind: 'set-not-null', table, column: now.name });
  return actions;
}

function addedColumn(column: CatalogColumn, isRewritten: boolean): ColumnFacts {
  const plainDefault = column.default !== null && !column.generated;
  return {
    name: column.name,
    type: plainDefault && column.default?.startsWith('nextval(') ? serialType(column.type) : column.type,
    typeName: { name: column.type },
    notNull: column.notNull,
    ...(plainDefault ? { default: column.default } : {}),
    volatile: plainDefault && isRewritten,
    identity: column.identity,
    ...(column.generated ? { generated: column.default ?? '' } : {}),
    checks: [],
    unique: false,
    primary: false,
  };
}

function serialType(type: string): string {
  return type === 'bigint' ? 'bigserial' : type === 'smallint' ? 'smallserial' : 'serial';
}

const constraintTypes: Readonly<Record<string, ConstraintType>> = {
  c: 'check',
  f: 'foreign',
  p: 'primary',
  u: 'unique',
  x: 'exclude',
};

function constraintChanges(old: CatalogRelation, now: CatalogRelation): readonly Action[] {
  const table = nameOf(old);
  const isThere = (column: string) => now.columns.some(({ name }) => name === column);
  const gone = old.constraints.filter(
    ({ name, columns }) => columns.every(isThere) && !now.constraints.some((one) => one.name === name),
  );
  const changed = now.constraints.flatMap((constraint): readonly Action[] => {
    const former = old.constraints.find(({ name }) => name === constraint.name);
    if (former === undefined) return addedConstraint(table, constraint, old, now);
    return !former.valid && constraint.valid
      ? [{ kind: 'validate-constraint', table, name: constraint.name }]
      : [];
  });
  return [...gone.map(({ name }): Action => ({ kind: 'drop-constraint', table, name })), ...changed];
}

/** USING INDEX gives the index the constraint's name: one of the same columns is gone, or had that name. */
function takenOverIndex(
  constraint: CatalogConstraint,
  old: CatalogRelation,
  now: CatalogRelation,
): string | undefined {
  return old.indexes.find(
    ({ name, unique, columns }) =>
      unique &&
      columns.join() === constraint.columns.join() &&
      (name === constraint.name || !now.indexes.some((index) => index.name === name)),
  )?.name;
}

function addedConstraint(
  table: Name,
  constraint: CatalogConstraint,
  old: CatalogRelation,
  now: CatalogRelation,
): readonly Action[] {
  const type = constraintTypes[constraint.type];
  if (type === undefined) return [];
  const [schema = '', name = ''] = constraint.references?.split('.') ?? [];
  const takenOver =
    type === 'primary' || type === 'unique' ? takenOverIndex(constraint, old, now) : undefined;
  return [
    {
      kind: 'add-constraint',
      table,
      constraint: {
        type,
        name: constraint.name,
        columns: constraint.columns,
        ...(constraint.references === null ? {} : { references: { schema, name } }),
        // Over columns that were added empty nothing was compared: as good as NOT VALID.
        notValid: !constraint.valid || (type === 'foreign' && isOverNewColumns(constraint, old)),
        ...(takenOver === undefined ? {} : { usingIndex: takenOver }),
        definition: constraint.definition.replace(/ NOT VALID$/, ''),
      },
    },
  ];
}

function isOverNewColumns({ columns }: CatalogConstraint, old: CatalogRelation): boolean {
  return columns.every((column) => !old.columns.some(({ name }) => name === column));
}

function indexChanges(old: CatalogRelation, now: CatalogRelation): readonly Action[] {
  const table = nameOf(old);
  return now.indexes
    .filter(
      ({ name }) =>
        !old.indexes.some((index) => index.name === name) &&
        !now.constraints.some((constraint) => constraint.name === name),
    )
    .map((index) => ({
      kind: 'create-index',
      table,
      index: index.name,
      columns: index.columns,
      concurrent: false,
      unique: index.unique,
      only: false,
      partial: index.partial,
      sql: index.definition,
    }));
}
