// The rules on functions, types, sequences and the like that the running release uses by their names.
import {
  child,
  isNode,
  list,
  listOf,
  type Node,
  nameOf,
  number,
  rangeName,
  strings,
  text,
} from '../statement/ast.ts';
import { sameName, sqlName } from '../statement/names.ts';
import type { Name } from '../statement/types.ts';
import { objectNames } from '../trace/usable.ts';
import { type Context, defineStepRule, type Hit, type Rule, type Step } from './rule.ts';

const brokenWhy =
  'The release that is running uses it by this name until the last instance is replaced: its queries fail.';
const later =
  'Ship a release that no longer uses it first. Then, in a later migration with "-- migrate: after-deploy", take it away.';

const words: Readonly<Record<string, string>> = {
  OBJECT_FUNCTION: 'function',
  OBJECT_PROCEDURE: 'procedure',
  OBJECT_ROUTINE: 'routine',
  OBJECT_AGGREGATE: 'aggregate',
  OBJECT_TYPE: 'type',
  OBJECT_DOMAIN: 'domain',
  OBJECT_SEQUENCE: 'sequence',
  OBJECT_OPERATOR: 'operator',
  OBJECT_COLLATION: 'collation',
  OBJECT_TSCONFIGURATION: 'text search configuration',
  OBJECT_EXTENSION: 'extension',
};
const functions = new Set(['function', 'procedure', 'routine', 'aggregate']);

function wordOf({ statement: { kind, node } }: Step): string | undefined {
  const field = { DropStmt: 'removeType', RenameStmt: 'renameType', AlterObjectSchemaStmt: 'objectType' }[
    kind
  ];
  return field === undefined ? undefined : words[String(node[field])];
}

function namesOf({ node }: Step['statement'], word: string): readonly Name[] {
  return word === 'sequence' && isNode(node.relation)
    ? [rangeName(child(node, 'relation'))]
    : objectNames(node);
}

/** What the statement takes from its name: of objects that were there, and that this file did not make itself. */
function taken({ step, before, trace }: Context): { word: string; names: readonly Name[] } | null {
  const word = wordOf(step);
  if (word === undefined || trace?.wasUsable === false) return null;
  const names = namesOf(step.statement, word).filter((name) => !before.some((one) => makes(one, name, word)));
  return names.length === 0 ? null : { word, names };
}

/** The object that a CREATE makes, with the word for it. */
function madeBy({ kind, node }: Step['statement']): { word: string; name: Name } | null {
  switch (kind) {
    case 'CreateFunctionStmt':
      return { word: 'function', name: nameOf(strings(node, 'funcname')) };
    case 'CreateSeqStmt':
      return { word: 'sequence', name: rangeName(child(node, 'sequence')) };
    case 'CreateEnumStmt':
    case 'CreateRangeStmt':
      return { word: 'type', name: nameOf(strings(node, 'typeName')) };
    case 'CompositeTypeStmt':
      return { word: 'type', name: rangeName(child(node, 'typevar')) };
    case 'CreateDomainStmt':
      return { word: 'type', name: nameOf(strings(node, 'domainname')) };
    case 'CreateExtensionStmt':
      return { word: 'extension', name: { name: text(node, 'extname') ?? '' } };
    case 'DefineStmt':
      return { word: words[String(node.kind)] ?? 'other', name: nameOf(strings(node, 'defnames')) };
    default:
      return null;
  }
}

function makes({ statement }: Step, name: Name, word: string): boolean {
  const made = madeBy(statement);
  if (made === null || !sameName(made.name, name)) return false;
  return (
    functions.has(word) === functions.has(made.word) && (made.word === 'sequence') === (word === 'sequence')
  );
}

const dropCallable = defineStepRule({
  id: 'drop-function-or-type',
  breaksRelease: true,
  severity: 'warning',
  summary: 'dropping a function, type, sequence, operator, collation or extension that is not made again',
  why: brokenWhy,
  findInStep: (context): Hit | null => {
    if (context.step.statement.kind !== 'DropStmt') return null;
    const found = taken(context);
    const gone =
      found?.names.filter((name) => !context.after.some((step) => makes(step, name, found.word))) ?? [];
    if (found === null || gone.length === 0) return null;
    const table = gone[0] as Name;
    return {
      table,
      effect: `${found.word} ${gone.map(sqlName).join(', ')} is gone for the release that is running`,
      words: later,
    };
  },
});

const changeSignature = defineStepRule({
  id: 'change-signature',
  breaksRelease: true,
  severity: 'warning',
  summary: 'a function made anew that no longer takes the same arguments',
  why: 'The release that is running calls it with the arguments of before: its queries fail.',
  findInStep: (context): Hit | null => {
    if (context.step.statement.kind !== 'DropStmt') return null;
    const found = taken(context);
    if (found === null || !functions.has(found.word)) return null;
    for (const object of listOf(context.step.statement.node, 'objects', 'ObjectWithArgs')) {
      const name = nameOf(strings(object, 'objname'));
      const again = context.after.filter((step) => makes(step, name, found.word));
      const broken = callsOf(object, name, context).find(
        (types) => !again.some(({ statement }) => accepts(statement.node, types)),
      );
      if (again.length === 0 || broken === undefined) continue;
      return {
        table: name,
        effect: `${found.word} ${sqlName(name)} no longer takes (${broken.join(', ')})`,
        words:
          'Make the new one beside the old: PostgreSQL keeps both under one name. Drop the old one in a later migration with "-- migrate: after-deploy".',
      };
    }
    return null;
  },
});

/** The types that the function could be called with, fewer where the last have defaults: as it was, else as the text has it. */
function callsOf(object: Node, { name }: Name, { trace }: Context): readonly (readonly string[])[] {
  const given = object.args_unspecified === true ? null : list(object, 'objargs').map(typeText);
  const known = (trace?.callables ?? []).filter(
    (one) => one.name === name && (given === null || one.types.join() === given.join()),
  );
  const calls = known.flatMap(({ types, defaults }) =>
    Array.from({ length: defaults + 1 }, (_, left) => types.slice(0, types.length - left)),
  );
  return calls.length > 0 || given === null ? calls : [given];
}

/** Calls with arguments of these types still find the function: further parameters have defaults. */
function accepts(made: Node, before: readonly string[]): boolean {
  const parameters = listOf(made, 'parameters', 'FunctionParameter').filter(
    ({ mode }) => !['FUNC_PARAM_OUT', 'FUNC_PARAM_TABLE'].includes(String(mode)),
  );
  if (parameters.length < before.length) return false;
  return parameters.every((parameter, i) =>
    i < before.length
      ? typeText({ TypeName: child(parameter, 'argType') }) === before[i]
      : isNode(parameter.defexpr),
  );
}

function typeText(item: Node): string {
  const type = child(item, 'TypeName');
  const bounds =
    list(type, 'arrayBounds').length > 0 || number(type, 'arrayBounds') !== undefined ? '[]' : '';
  return `${strings(type, 'names').at(-1) ?? ''}${bounds}`;
}

const renameCallable = defineStepRule({
  id: 'rename-function-or-type',
  breaksRelease: true,
  severity: 'error',
  summary: 'renaming a function, type, sequence, operator or collation, or moving it into another schema',
  why: brokenWhy,
  findInStep: (context): Hit | null => {
    const { kind, node } = context.step.statement;
    if (kind === 'DropStmt') return null;
    const found = taken(context);
    const table = found?.names[0];
    if (found === null || table === undefined) return null;
    const to =
      kind === 'RenameStmt' ? `called ${text(node, 'newname')}` : `in schema ${text(node, 'newschema')}`;
    return {
      table,
      effect: `${found.word} ${sqlName(table)} is ${to} from now on`,
      words: `Make a ${found.word} of the new name beside it, and drop the old one in a later migration with "-- migrate: after-deploy".`,
    };
  },
});

const ambiguousCall = defineStepRule({
  id: 'ambiguous-call',
  breaksRelease: true,
  severity: 'error',
  summary: 'a function beside another of its name that makes calls ambiguous',
  why: 'The release that is running calls the function by that name: its queries fail with 42725 (function is not unique).',
  findInStep: ({ trace }): Hit | null => {
    const calls = trace?.ambiguous ?? [];
    if (calls.length === 0) return null;
    return {
      table: { name: '' },
      effect: `${calls.join(', ')} may mean several functions from now on`,
      words:
        'Give the new function another name, or parameters without defaults whose number or types tell it from the old one. Where it takes the place of the old one: DROP and CREATE in one migration, with every call that was taken before.',
      // Clients that send no types with their parameters; the others go on.
      ...(calls.every((call) => call.includes('?')) ? { severity: 'warning' as const } : {}),
    };
  },
});

export const callableRules: readonly Rule[] = [dropCallable, changeSignature, renameCallable, ambiguousCall];
