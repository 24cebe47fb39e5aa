// The rules on tables, views and composite types that keep their name and lose what queries use of them: columns, rights,
// rows, or that rows can be written through them.
import { child, list, rangeName, text } from '../statement/ast.ts';
import { sameName, sqlName } from '../statement/names.ts';
import type { Name } from '../statement/types.ts';
import type { Catalog, CatalogRelation } from '../trace/traced.ts';
import { type Context, defineStepRule, type Hit, type Rule } from './rule.ts';

const brokenWhy =
  'The release that is running goes on using the name: queries for what is no longer behind it fail.';

const madeAnew = defineStepRule({
  id: 'made-anew-without',
  breaksRelease: true,
  severity: 'error',
  summary: 'a table or view made anew under its name with less: columns, rights, rows',
  why: brokenWhy,
  findInStep: (context): Hit | null => {
    const lost = replacedHere(context).flatMap(({ old, now }) => {
      const missing = whatIsMissing(old, now);
      return missing.length === 0 ? [] : [{ name: nameOf(old), missing }];
    });
    const table = lost[0]?.name;
    if (table === undefined) return null;
    return {
      table,
      effect: lost
        .map(({ name, missing }) => `${sqlName(name)} is made anew ${missing.join(', ')}`)
        .join('; '),
      words:
        'Keep under the name all that the running release uses: CREATE OR REPLACE VIEW where columns are only added at the end, the same GRANTs again where the object is made anew. Take the rest away in a later migration with "-- migrate: after-deploy".',
    };
  },
});

interface Replaced {
  readonly old: CatalogRelation;
  readonly now: CatalogRelation;
}

const readable = new Set(['r', 'p', 'v', 'm', 'f', 'c']);

/** Relations that this statement takes from their names, and that other relations have in the end. */
function replacedHere({ trace, catalog, resulting, old: known }: Context): readonly Replaced[] {
  if (trace === undefined || catalog === undefined || resulting === undefined) return [];
  const locked = new Set(
    trace.locks
      .filter(({ mode, existedBefore }) => existedBefore && mode === 'AccessExclusiveLock')
      .map(({ relation }) => relation),
  );
  if (locked.size === 0) return [];
  const now = byName(resulting);
  return [...catalog.values()].flatMap((old): Replaced[] => {
    const label = `${old.schema}.${old.name}`;
    const successor = now.get(label);
    const isOld = readable.has(old.kind) && locked.has(label) && known?.has(old.oid) !== false;
    return isOld && successor !== undefined && successor.oid !== old.oid ? [{ old, now: successor }] : [];
  });
}

function byName(catalog: Catalog): ReadonlyMap<string, CatalogRelation> {
  return new Map(
    [...catalog.values()]
      .filter(({ kind }) => readable.has(kind))
      .map((relation) => [`${relation.schema}.${relation.name}`, relation]),
  );
}

function nameOf({ schema, name }: CatalogRelation): Name {
  return { schema, name };
}

/** In words that follow "is made anew". */
function whatIsMissing(old: CatalogRelation, now: CatalogRelation): readonly string[] {
  const columns = old.columns.filter(({ name }) => !now.columns.some((column) => column.name === name));
  const types = old.columns.flatMap(({ name, type }) => {
    const successor = now.columns.find((column) => column.name === name);
    return successor === undefined || successor.type === type
      ? []
      : [`${name} as ${successor.type} (was ${type})`];
  });
  const rights = lostRights(old, now);
  const writing = lostWriting(old, now);
  return [
    ...(columns.length === 0 ? [] : [`without ${columns.map(({ name }) => name).join(', ')}`]),
    ...(types.length === 0 ? [] : [`with ${types.join(', ')}`]),
    ...(rights.length === 0 ? [] : [`without the rights of ${rights.join(', ')}`]),
    ...(writing.length === 0
      ? []
      : [`so that ${writing.join(' and ')} through it ${writing.length === 1 ? 'fails' : 'fail'}`]),
    ...(old.populated && !now.populated ? ['without its rows (WITH NO DATA): it cannot be read'] : []),
  ];
}

const rights: Readonly<Record<string, string>> = { r: 'SELECT', a: 'INSERT', w: 'UPDATE', d: 'DELETE' };

/** `reader (SELECT)`: what others than the owner had. Written as pg_class.relacl: `reader=r/owner`. */
function lostRights(old: CatalogRelation, now: CatalogRelation): readonly string[] {
  const left = grantsOf(now);
  return [...grantsOf(old)].flatMap(([grantee, had]) => {
    const has = left.get(grantee) ?? '';
    const lost = [...had].filter((letter) => rights[letter] !== undefined && !has.includes(letter));
    return lost.length === 0
      ? []
      : [`${grantee === '' ? 'PUBLIC' : grantee} (${lost.map((letter) => rights[letter]).join(', ')})`];
  });
}

function grantsOf({ acl }: CatalogRelation): ReadonlyMap<string, string> {
  const grants = new Map<string, string>();
  for (const item of acl) {
    const slash = item.lastIndexOf('/');
    const equals = item.lastIndexOf('=', slash);
    const [grantee, letters, grantor] = [
      item.slice(0, equals),
      item.slice(equals + 1, slash),
      item.slice(slash + 1),
    ];
    if (grantee !== grantor) grants.set(grantee, `${grants.get(grantee) ?? ''}${letters}`);
  }
  return grants;
}

const writes: readonly (readonly [bit: number, verb: string])[] = [
  [8, 'INSERT'],
  [4, 'UPDATE'],
  [16, 'DELETE'],
];

/** What could be written through the old relation, and cannot through the new one. */
function lostWriting(old: CatalogRelation, now: CatalogRelation): readonly string[] {
  const before = writableBits(old);
  const after = writableBits(now);
  return writes.filter(([bit]) => (before & bit) !== 0 && (after & bit) === 0).map(([, verb]) => verb);
}

function writableBits({ kind, writable }: CatalogRelation): number {
  if (kind === 'v') return writable ?? 0;
  return kind === 'r' || kind === 'p' || kind === 'f' ? 28 : 0;
}

const attributes = defineStepRule({
  id: 'change-attribute',
  breaksRelease: true,
  severity: 'error',
  summary: 'an attribute of a composite type is renamed, dropped, added or of another type',
  why: 'The release that is running reads and writes values of the type as it was: field by field, or as a row of so many fields.',
  findInStep: (context): Hit | null => {
    const change = changeOfType(context);
    if (change === null || isMadeHere(change.type, context)) return null;
    return {
      table: change.type,
      effect: `type ${sqlName(change.type)}: ${change.what}`,
      words:
        'Make a type of another name with the new attributes, and functions and columns that use it beside the old ones; drop the old type in a later migration with "-- migrate: after-deploy".',
      ...(change.onlyAdds ? { severity: 'warning' as const } : {}),
    };
  },
});

interface TypeChange {
  readonly type: Name;
  readonly what: string;
  readonly onlyAdds: boolean;
}

function changeOfType({ step: { statement }, trace, catalog, resulting }: Context): TypeChange | null {
  const { kind, node } = statement;
  if (kind === 'RenameStmt' && node.renameType === 'OBJECT_ATTRIBUTE') {
    const what = `attribute ${text(node, 'subname')} is called ${text(node, 'newname')} from now on`;
    return { type: rangeName(child(node, 'relation')), what, onlyAdds: false };
  }
  if (kind === 'AlterTableStmt' && node.objtype === 'OBJECT_TYPE') {
    const changes = list(node, 'cmds').flatMap((item) => attributeChange(child(item, 'AlterTableCmd')));
    return {
      type: rangeName(child(node, 'relation')),
      what: changes.map(({ what }) => what).join(', '),
      onlyAdds: changes.every(({ adds }) => adds),
    };
  }
  // A block: its text is not read, what the type has become is seen.
  if (kind !== 'DoStmt' || trace === undefined || catalog === undefined || resulting === undefined)
    return null;
  for (const old of catalog.values()) {
    const now = old.kind === 'c' ? resulting.get(old.oid) : undefined;
    const isTouched = trace.locks.some(({ relation }) => relation === `${old.schema}.${old.name}`);
    const what = now === undefined || !isTouched ? [] : differences(old, now);
    if (what.length > 0) return { type: nameOf(old), what: what.join(', '), onlyAdds: false };
  }
  return null;
}

function attributeChange(command: ReturnType<typeof child>): readonly { what: string; adds: boolean }[] {
  const name = text(command, 'name');
  switch (text(command, 'subtype')) {
    case 'AT_DropColumn':
      return [{ what: `attribute ${name} is gone`, adds: false }];
    case 'AT_AlterColumnType':
      return [{ what: `attribute ${name} is of another type`, adds: false }];
    case 'AT_AddColumn':
      return [
        {
          what: `attribute ${text(child(child(command, 'def'), 'ColumnDef'), 'colname')} is added`,
          adds: true,
        },
      ];
    default:
      return [];
  }
}

function differences(old: CatalogRelation, now: CatalogRelation): readonly string[] {
  return old.columns.flatMap(({ number, name, type }) => {
    const successor = now.columns.find((column) => column.number === number);
    if (successor === undefined) return [`attribute ${name} is gone`];
    if (successor.name !== name) return [`attribute ${name} is called ${successor.name} from now on`];
    return successor.type === type ? [] : [`attribute ${name} is of another type`];
  });
}

function isMadeHere(type: Name, { before, old, catalog }: Context): boolean {
  const known = [...(catalog?.values() ?? [])].find(({ schema, name }) => sameName(type, { schema, name }));
  if (known !== undefined && old?.has(known.oid) === false) return true;
  return before.some(
    ({ statement: { kind, node } }) =>
      kind === 'CompositeTypeStmt' && sameName(rangeName(child(node, 'typevar')), type),
  );
}

export const madeAnewRules: readonly Rule[] = [madeAnew, attributes];
