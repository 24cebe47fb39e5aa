// Takes the model of a schema; gives the SQL of what stands on tables once they are there: keys, indexes, triggers,
// rules, policies, statistics and comments. Pure.

import { bareName, quoteLiteral } from '../sql.ts';
import { foreignKeyOf, isOnOnly, lastPart, onPartitionsToo } from './definitions.ts';
import type { Item, Model } from './model.ts';
import type { Dependency, Piece } from './order.ts';
import { onTablespace } from './relations.ts';
import { isWithTable, ranks } from './tables.ts';

const definitionOf = (item: Item) => item.parts.get('definition') ?? '';

function piece(item: Item, rank: number, ...statements: string[]): Piece {
  return { key: `${item.class} ${item.identity}`, rank, sql: statements.join('\n'), inlined: [] };
}

function indexSettings(model: Model, index: Item): string[] {
  const targets = index.parts.get('statistics')?.split(', ') ?? [];
  const above = model.find('index', index.parts.get('partition_of') ?? '');
  const isTaken = above !== undefined && (skipsForeign(model, above) || spreads(model, above));
  const parent = isTaken ? undefined : above?.identity;
  return [
    ...targets.map((target) => {
      const [column, value] = target.split(': ');
      return `ALTER INDEX ${index.identity} ALTER COLUMN ${column} SET STATISTICS ${value};`;
    }),
    ...(parent === undefined ? [] : [`ALTER INDEX ${parent} ATTACH PARTITION ${index.identity};`]),
    ...(index.parts.has('clustered')
      ? [`ALTER TABLE ${index.table} CLUSTER ON ${lastPart(index.identity)};`]
      : []),
    ...onTablespace(index),
  ];
}

/** An index that a failed build left behind; one that waits for its partitions is written as it was made. */
export function isBroken(index: Item): boolean {
  return index.parts.has('invalid') && !isOnOnly(definitionOf(index));
}

type IsMade = (item: Item) => boolean;

/**
 * Foreign keys to a partitioned table bring copies whose names PostgreSQL chooses: the first of the form
 * `table_column_fkey1` that is free. Names that keys to come need are held meanwhile by checks.
 */
function reservedNames(model: Model, table: string, isMade: IsMade): readonly Item[] {
  const keys = model.partsOf(table, 'constraint').filter((item) => isForeignKey(item) && isMade(item));
  const copied = keys.some((item) => {
    const target = foreignKeyOf(definitionOf(item))?.target ?? '';
    return model.find('relation', target)?.parts.get('kind') === 'partitioned table';
  });
  return copied && keys.length > 1 ? keys.filter(({ name }) => /_fkey\d*"?$/.test(name)) : [];
}

const isForeignKey = (item: Item) => definitionOf(item).startsWith('FOREIGN KEY');

function reservedPieces(model: Model, isMade: IsMade): Piece[] {
  return model.of('relation').flatMap(({ identity }) => {
    const names = reservedNames(model, identity, isMade).map(({ name }) => name);
    if (names.length === 0) return [];
    const sql = names.map((name) => `ALTER TABLE ${identity} ADD CONSTRAINT ${name} CHECK (true);`);
    return [{ key: `reserved ${identity}`, rank: ranks.foreignKey, sql: sql.join('\n'), inlined: [] }];
  });
}

function constraintPieces(model: Model, item: Item, isMade: IsMade): Piece[] {
  const definition = definitionOf(item);
  if (item.parts.has('validated'))
    return [piece(item, ranks.default, `ALTER TABLE ${item.table} VALIDATE CONSTRAINT ${item.name};`)];
  if (isWithTable(model, item)) return [];
  if (item.parts.has('domain')) {
    if (!definition.endsWith('NOT VALID')) return [];
    return [
      piece(item, ranks.default, `ALTER DOMAIN ${item.table} ADD CONSTRAINT ${item.name} ${definition};`),
    ];
  }
  const add = (only: string, text: string) =>
    `ALTER TABLE ${only}${item.table} ADD CONSTRAINT ${item.name} ${text};`;
  if (isForeignKey(item)) {
    const reserved = reservedNames(model, item.table ?? '', isMade).includes(item);
    const free = reserved ? [`ALTER TABLE ${item.table} DROP CONSTRAINT ${item.name};`] : [];
    return [piece(item, ranks.foreignKey, ...free, add('', definition))];
  }
  if (definition.startsWith('CHECK')) return [piece(item, ranks.default, add('', definition))];
  const index = model
    .partsOf(item.table ?? '', 'index')
    .find((candidate) => candidate.parts.get('constraint') === item.name);
  // pg_get_constraintdef leaves the index's options out, except those of EXCLUDE.
  const options = / WITH \(([^()"]*)\)$/.exec(index === undefined ? '' : definitionOf(index))?.[1];
  const [, start, end] = /^(.*?)( (?:WHERE .*|DEFERRABLE.*)|)$/s.exec(definition) ?? [];
  const text =
    options === undefined || definition.startsWith('EXCLUDE')
      ? definition
      : `${start} WITH (${options})${end}`;
  const settings = index === undefined ? [] : indexSettings(model, index);
  const above = model.find('index', index?.parts.get('partition_of') ?? '');
  if (!spreadsItself(definition)) return [piece(item, ranks.key, add('ONLY ', text), ...settings)];
  return [piece(item, ranks.key, above === undefined ? add('', text) : renameCopy(item, above), ...settings)];
}

/**
 * Indexes that ATTACH PARTITION takes no others for: those of partitions come with the constraint on the partitioned table.
 */
const spreadsItself = (definition: string) =>
  definition.startsWith('EXCLUDE') || definition.includes(' WITHOUT OVERLAPS)');

/** True for an index whose constraint makes those of the partitions itself, instead of taking the ones that are there. */
export const spreads = (model: Model, index: Item): boolean =>
  spreadsItself(
    definitionOf(model.find('constraint', `${index.table}.${index.parts.get('constraint')}`) ?? index),
  );

/** Names the copy of a constraint as it is called here: the server chose one. */
function renameCopy(item: Item, above: Item): string {
  const bare = (name: string) => quoteLiteral(bareName(name));
  const table = quoteLiteral(item.table ?? '');
  return `DO $copy$ DECLARE found name; BEGIN
  SELECT c.conname INTO STRICT found FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_constraint p ON p.oid = c.conparentid
    WHERE c.conrelid = ${table}::pg_catalog.regclass AND p.conname = ${bare(lastPart(above.identity))} AND p.conrelid = ${quoteLiteral(above.table ?? '')}::pg_catalog.regclass;
  IF found <> ${bare(item.name)} THEN EXECUTE pg_catalog.format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', ${table}, found, ${bare(item.name)}); END IF;
END $copy$;`;
}

/**
 * An index that is valid although a foreign table among the partitions has none: only CREATE INDEX without ONLY makes that.
 * It takes the indexes of the partitions that are there.
 */
export function skipsForeign(model: Model, index: Item): boolean {
  if (index.parts.has('invalid') || !isOnOnly(definitionOf(index))) return false;
  const holdsForeign = (table: string): boolean =>
    model
      .of('relation')
      .some(
        ({ parts, identity }) =>
          parts.get('partition_of') === table &&
          (parts.get('kind') === 'foreign table' || holdsForeign(identity)),
      );
  return holdsForeign(index.table ?? '');
}

/** Such an index comes after those of its partitions, and of theirs. */
export function foreignDependencies(model: Model): Dependency[] {
  return model.of('index').flatMap((index) => {
    const above: Dependency[] = [];
    let parent = model.find('index', index.parts.get('partition_of') ?? '');
    for (; parent !== undefined; parent = model.find('index', parent.parts.get('partition_of') ?? ''))
      if (skipsForeign(model, parent))
        above.push({ from: `index ${parent.identity}`, to: `index ${index.identity}` });
    return above;
  });
}

function indexPieces(model: Model, item: Item): Piece[] {
  if (item.parts.has('constraint') || isBroken(item)) return [];
  const definition = definitionOf(item);
  const sql = skipsForeign(model, item) ? onPartitionsToo(definition) : definition;
  return [piece(item, ranks.index, `${sql};`, ...indexSettings(model, item))];
}

const states: Record<string, string> = { no: 'DISABLE', replica: 'ENABLE REPLICA', always: 'ENABLE ALWAYS' };

/** ENABLE or DISABLE of a trigger or rule as the item has it. */
export const switchSql = (item: Item): string =>
  `ALTER TABLE ONLY ${item.table} ${states[item.parts.get('enabled') ?? ''] ?? 'ENABLE'} ${item.class.toUpperCase()} ${item.name};`;

const stateSql = (item: Item): string[] => (item.parts.has('enabled') ? [switchSql(item)] : []);

function triggerPieces(item: Item): Piece[] {
  const state = stateSql(item);
  // The copies on partitions come with the trigger on the partitioned table.
  const statements = item.parts.has('inherited') ? state : [`${definitionOf(item)};`, ...state];
  return statements.length === 0 ? [] : [piece(item, ranks.trigger, ...statements)];
}

function rulePieces(item: Item): Piece[] {
  const definition = definitionOf(item).replace(/;$/, '');
  return [piece(item, ranks.rule, `${definition};`, ...stateSql(item))];
}

function policyPieces(item: Item): Piece[] {
  const { parts } = item;
  const clauses = [
    `CREATE POLICY ${item.name} ON ${item.table}`,
    ...(parts.get('kind') === 'restrictive' ? ['AS RESTRICTIVE'] : []),
    ...(parts.get('command') === 'all' ? [] : [`FOR ${parts.get('command')?.toUpperCase()}`]),
    ...(parts.get('roles') === 'public' ? [] : [`TO ${parts.get('roles')}`]),
    ...(parts.has('using') ? [`USING (${parts.get('using')})`] : []),
    ...(parts.has('check') ? [`WITH CHECK (${parts.get('check')})`] : []),
  ];
  return [piece(item, ranks.policy, `${clauses.join(' ')};`)];
}

function statisticsPieces(item: Item): Piece[] {
  const target = item.parts.get('target');
  const alter = target === undefined ? [] : [`ALTER STATISTICS ${item.identity} SET STATISTICS ${target};`];
  return [piece(item, ranks.statistics, `${definitionOf(item)};`, ...alter)];
}

/**
 * Everything that stands on tables and types, comments excepted.
 * @param isMade false for what is there already, and keeps its name
 */
export function attachedPieces(model: Model, isMade: IsMade = () => true): Piece[] {
  return [
    ...reservedPieces(model, isMade),
    ...model.of('constraint').flatMap((item) => constraintPieces(model, item, isMade)),
    ...model.of('index').flatMap((item) => indexPieces(model, item)),
    ...model.of('trigger').flatMap(triggerPieces),
    ...model.of('rule').flatMap(rulePieces),
    ...model.of('policy').flatMap(policyPieces),
    ...model.of('statistics').flatMap(statisticsPieces),
  ];
}
