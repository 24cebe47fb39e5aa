// The rules on keys of tables that are spread over the shards of a Citus cluster: what Citus refuses, and a scratch server
// without it does not. https://docs.citusdata.com/en/stable/develop/reference_ddl.html
import { citusCalls } from '../statement/citus-calls.ts';
import { relationName, sameName, sqlName } from '../statement/names.ts';
import type { Action, Name } from '../statement/types.ts';
import { lookUp } from '../trace/traced.ts';
import {
  type Distribution,
  distributionBefore,
  distributionOf,
  isApart,
  madeOf,
  spreadBy,
} from './distribution.ts';
import { allActions } from './foreign-keys.ts';
import { type Context, defineStepRule, type Hit, type Rule } from './rule.ts';

/** The columns of each key that an action makes; an expression has the name ''. */
function keysOf(action: Action): readonly (readonly string[])[] {
  const ofColumns = (columns: readonly { name: string; unique: boolean; primary: boolean }[]) =>
    columns.filter(({ unique, primary }) => unique || primary).map(({ name }) => [name]);
  const isKey = ({ type }: { type: string }) => ['unique', 'primary', 'exclude'].includes(type);
  switch (action.kind) {
    case 'create-index':
      return action.unique ? [action.columns] : [];
    case 'add-constraint':
      // Its columns are those of the index, which was judged.
      return isKey(action.constraint) && action.constraint.usingIndex === undefined
        ? [action.constraint.columns]
        : [];
    case 'add-column':
      return ofColumns([action.column]);
    case 'create':
      return [
        ...ofColumns(action.columns),
        ...action.constraints.filter(isKey).map(({ columns }) => columns),
      ];
    default:
      return [];
  }
}

const withColumn = (column: string) =>
  `A shard knows its own rows alone. Let the key begin with ${column}, or take a column for distribution that the key has; a table that is the same on all nodes (create_reference_table) may have any key.`;

const keyWithoutColumn = defineStepRule({
  id: 'key-without-distribution-column',
  severity: 'error',
  failsWith: '0A000',
  summary: 'a unique or primary key of a distributed table without its distribution column',
  why: 'Citus refuses it: each shard could keep only its own rows apart.',
  findInStep: (context) => {
    for (const action of allActions(context.step)) {
      if (action.kind === 'create') continue;
      const found = distributionBefore(action.table, context);
      const hit = found === undefined ? null : lackingKey(action.table, found, keysOf(action));
      if (hit !== null) return hit;
    }
    for (const { table, now } of spreadBy(context)) {
      const { actions, relation } = madeOf(table, context);
      const known = (relation?.indexes ?? []).filter(({ unique }) => unique).map(({ columns }) => columns);
      const hit = lackingKey(table, now, [...known, ...actions.flatMap(keysOf)]);
      if (hit !== null) return hit;
    }
    return null;
  },
});

function lackingKey(
  table: Name,
  { kind, column }: Distribution,
  keys: readonly (readonly string[])[],
): Hit | null {
  const lacking = keys.find((columns) => column !== null && !columns.includes(column));
  if (kind !== 'distributed' || column === null || lacking === undefined) return null;
  const named = lacking.map((name) => (name === '' ? 'an expression' : name)).join(', ');
  return {
    table,
    effect: `the key (${named}) of ${sqlName(table)} has not its distribution column ${column}`,
    words: withColumn(column),
  };
}

interface ReferencingKey {
  readonly columns: readonly string[];
  readonly target: Name;
  /** As they are named; empty stands for the primary key. */
  readonly referenced: readonly string[];
}

function foreignKeysOf(action: Action): readonly ReferencingKey[] {
  const columns =
    action.kind === 'create' ? action.columns : action.kind === 'add-column' ? [action.column] : [];
  const constraints =
    action.kind === 'create'
      ? action.constraints
      : action.kind === 'add-constraint'
        ? [action.constraint]
        : [];
  return [
    ...columns.flatMap(({ name, references }) =>
      references === undefined
        ? []
        : [{ columns: [name], target: references.table, referenced: references.columns }],
    ),
    ...constraints.flatMap(({ columns: own, references, referenced = [] }) =>
      references === undefined ? [] : [{ columns: own, target: references, referenced }],
    ),
  ];
}

const foreignKeyApart = defineStepRule({
  id: 'foreign-key-not-colocated',
  severity: 'error',
  failsWith: '0A000',
  summary: 'a foreign key between tables whose shards are not side by side',
  why: 'Citus checks a foreign key within one shard, or against a reference table. It refuses others, and one from a table of the coordinator to a distributed table meets the empty table that stands for the shards there: every row is refused.',
  findInStep: (context) => {
    const { step, before, after, catalog } = context;
    const here = [...before, step];
    const judge = (table: Name, own: Distribution | undefined, keys: readonly ReferencingKey[]) => {
      for (const key of keys) {
        const target = sameName(key.target, table) ? own : distributionOf(key.target, here, catalog);
        const why = own && target && whyRefused(own, target, key, context);
        if (why) return unlike(table, key, why);
      }
      return null;
    };
    for (const action of allActions(step)) {
      // A table that the file goes on to distribute is judged there.
      const isSpreadLater = after.some(({ statement }) =>
        citusCalls(statement).some((call) => sameName(call.table, action.table)),
      );
      if (action.kind === 'create' && isSpreadLater) continue;
      const hit = judge(action.table, distributionOf(action.table, here, catalog), foreignKeysOf(action));
      if (hit !== null) return hit;
    }
    for (const { table, now } of spreadBy(context)) {
      const { actions, relation } = madeOf(table, context);
      const known = (relation?.constraints ?? []).flatMap(({ references, columns, definition }) =>
        references === null
          ? []
          : [{ columns, target: relationName(references), referenced: named(definition) }],
      );
      const hit = judge(table, now, [...known, ...actions.flatMap(foreignKeysOf)]);
      if (hit !== null) return hit;
    }
    return null;
  },
});

/** The referenced columns of `FOREIGN KEY (a) REFERENCES t(b, c)`. */
function named(definition: string): readonly string[] {
  const target = definition.slice(definition.indexOf('REFERENCES '));
  const [, list = ''] = /^REFERENCES (?:"[^"]*"|[^("])*\(([^)]*)\)/.exec(target) ?? [];
  return list.split(',').map((name) => name.trim().replace(/^"|"$/g, ''));
}

/** Null where Citus takes it, or where too little is known to tell. */
function whyRefused(
  own: Distribution,
  target: Distribution,
  key: ReferencingKey,
  context: Context,
): string | null {
  if (target.kind === 'reference') return null;
  const isLocal = (kind: string) => kind === 'plain' || kind === 'local';
  if (isLocal(target.kind))
    return isLocal(own.kind) || own.kind === 'reference'
      ? null
      : 'the table that is referred to is on the coordinator alone';
  if (isLocal(own.kind) || own.kind === 'reference')
    return `the table that is referred to is ${target.kind === 'distributed' ? 'distributed' : 'on one shard'}, and this one is ${own.kind === 'reference' ? 'on every node' : 'on the coordinator alone'}`;
  if (own.kind !== target.kind) return 'they are spread in different ways';
  if (isApart(own, target)) return 'they are not colocated';
  if (own.column === null || target.column === null) return null;
  const referenced = key.referenced.length > 0 ? key.referenced : primaryKey(key.target, context);
  if (referenced.length === 0 && key.columns.includes(own.column)) return null;
  const at = key.columns.indexOf(own.column);
  return at !== -1 && referenced[at] === target.column
    ? null
    : `${own.column} must refer to ${target.column}, the distribution columns to each other`;
}

/** Empty where it is not known. */
function primaryKey(table: Name, { before, step, catalog }: Context): readonly string[] {
  for (const action of [...before, step].flatMap(allActions)) {
    if (action.kind !== 'create' || !sameName(action.table, table)) continue;
    const column = action.columns.find(({ primary }) => primary);
    if (column !== undefined) return [column.name];
    return action.constraints.find(({ type }) => type === 'primary')?.columns ?? [];
  }
  const relation = catalog === undefined ? undefined : lookUp(table, catalog);
  return relation?.constraints.find(({ type }) => type === 'p')?.columns ?? [];
}

function unlike(table: Name, { columns, target }: ReferencingKey, why: string): Hit {
  return {
    table,
    effect: `the foreign key (${columns.join(', ')}) of ${sqlName(table)} to ${sqlName(target)}: ${why}`,
    words:
      'Distribute both by the column that they share, the second with colocate_with, and let the key hold that column on both sides; or make the table that is referred to a reference table (create_reference_table); or leave the key out.',
  };
}

export const distributedKeyRules: readonly Rule[] = [keyWithoutColumn, foreignKeyApart];
