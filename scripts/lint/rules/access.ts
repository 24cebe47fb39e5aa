// The rules on what takes rows or rights from the role that the running release works as.
import {
  child,
  isNode,
  list,
  listOf,
  type Node,
  nameOf,
  rangeName,
  strings,
  text,
} from '../statement/ast.ts';
import { sameName, sqlName } from '../statement/names.ts';
import type { Name } from '../statement/types.ts';
import { lookUp } from '../trace/traced.ts';
import { type Context, defineStepRule, existed, type Hit, isCreatedBefore, type Rule } from './rule.ts';

const securityCommands = new Set(['AT_EnableRowSecurity', 'AT_ForceRowSecurity']);

const rowSecurity = defineStepRule({
  id: 'enable-row-security',
  breaksRelease: true,
  severity: 'warning',
  summary:
    'ENABLE or FORCE ROW LEVEL SECURITY on a table that exists, a policy changed or restrictive, or DROP POLICY without another one',
  why: 'From then on a role sees only rows that a policy shows it: without one, none at all, and without an error.',
  findInStep: (context) => {
    const { kind, node } = context.step.statement;
    if (kind === 'DropStmt' && node.removeType === 'OBJECT_POLICY') return droppedPolicy(node, context);
    if (kind === 'AlterPolicyStmt' || (kind === 'CreatePolicyStmt' && node.permissive !== true))
      return narrowed(node, context);
    if (kind !== 'AlterTableStmt') return null;
    const command = list(node, 'cmds')
      .map((item) => text(child(item, 'AlterTableCmd'), 'subtype') ?? '')
      .find((subtype) => securityCommands.has(subtype));
    const table = rangeName(child(node, 'relation'));
    if (command === undefined || !existed(table, context) || hasPolicy(table, context)) return null;
    const whom = command === 'AT_ForceRowSecurity' ? 'also its owner' : 'every role but its owner';
    return {
      table,
      effect: `${whom} sees only rows of ${sqlName(table)} that a policy shows`,
      words:
        'Make the policies for every role that works with the table in the same migration, before this statement, and allow the rule with that reason.',
    };
  },
});

/** Rows that no other policy shows are gone from then on, without an error. */
function droppedPolicy(node: Node, context: Context): Hit | null {
  for (const object of list(node, 'objects')) {
    const parts = strings(child(object, 'List'), 'items');
    const table = nameOf(parts.slice(0, -1));
    if (!existed(table, context) || hasPolicy(table, context)) continue;
    return {
      table,
      effect: `rows of ${sqlName(table)} that only policy ${parts.at(-1)} shows are seen no more`,
      words:
        'Make the policy that takes its place in the same migration; where others show the rows already, allow the rule with that reason.',
    };
  }
  return null;
}

/** ALTER POLICY, and a policy AS RESTRICTIVE, of a table that has row level security for all that is known. */
function narrowed(node: Node, context: Context): Hit | null {
  const table = rangeName(child(node, 'table'));
  const isMade = context.before.some(
    ({ statement }) =>
      statement.kind === 'CreatePolicyStmt' && statement.node.policy_name === node.policy_name,
  );
  if (
    isMade ||
    !existed(table, context) ||
    [node.qual, node.with_check, node.roles].every((part) => part === undefined)
  )
    return null;
  return {
    table,
    effect: `rows of ${sqlName(table)} that policy ${text(node, 'policy_name')} does not show any more, or take, are seen and written no more`,
    words:
      'Make sure that the release that is running needs none of those rows, and allow the rule with that reason; or narrow it in a later migration with "-- migrate: after-deploy".',
  };
}

/** The file makes a policy for the table: somebody thought of who sees what. */
function hasPolicy(table: Name, { before, after }: Context): boolean {
  return [...before, ...after].some(
    ({ statement: { kind, node } }) =>
      kind === 'CreatePolicyStmt' && sameName(rangeName(child(node, 'table')), table),
  );
}

const harmless = new Set(['create', 'temp', 'temporary', 'trigger', 'truncate', 'references']);

const revoke = defineStepRule({
  id: 'revoke',
  breaksRelease: true,
  severity: 'warning',
  summary: 'REVOKE of rights that queries need',
  why: 'If the running release works as a role that had the right, its queries fail with 42501 from then on.',
  findInStep: (context) => {
    const { kind, node } = context.step.statement;
    if (kind !== 'GrantStmt' || node.is_grant === true || node.grant_option === true) return null;
    const rights = listOf(node, 'privileges', 'AccessPriv').map((right) => text(right, 'priv_name') ?? '');
    if (rights.length > 0 && rights.every((right) => harmless.has(right))) return null;
    const names = list(node, 'objects').map(objectName);
    const old = names.filter((name) => !isMadeHere(name, context));
    if (names.length > 0 && old.length === 0) return null;
    const table = old[0] ?? { name: '' };
    const isNoop = names.length > 0 && old.every((name) => grantsNothing(name, node, context));
    const what = rights.length === 0 ? 'every right' : rights.join(', ').toUpperCase();
    return {
      table,
      effect: `${what} on ${old.length === 0 ? 'these objects' : old.map(sqlName).join(', ')} is taken away`,
      words:
        'Make sure that no release that runs works as that role, then allow the rule with that reason; or take the right away in a later migration with "-- migrate: after-deploy".',
      ...(isNoop ? { severity: 'info' as const } : {}),
    };
  },
});

/** By the migrations so far nobody named here has a right on the table; the target may have given one by hand. */
function grantsNothing(name: Name, node: Node, { catalog }: Context): boolean {
  const relation = catalog === undefined ? undefined : lookUp(name, catalog);
  const grantees = listOf(node, 'grantees', 'RoleSpec').map((role) =>
    role.roletype === 'ROLESPEC_PUBLIC' ? '' : (text(role, 'rolename') ?? '?'),
  );
  return (
    relation !== undefined &&
    !relation.acl.some((item) => grantees.some((role) => item.replaceAll('"', '').startsWith(`${role}=`)))
  );
}

function objectName(object: Node): Name {
  if (isNode(object.RangeVar)) return rangeName(object.RangeVar);
  if (isNode(object.ObjectWithArgs)) return nameOf(strings(object.ObjectWithArgs, 'objname'));
  if (isNode(object.String)) return { name: text(object.String, 'sval') ?? '' };
  return nameOf(strings(child(object, 'List'), 'items'));
}

function isMadeHere(name: Name, context: Context): boolean {
  if (isCreatedBefore(name, context)) return true;
  return context.before.some(({ statement: { kind, node } }) => {
    if (kind === 'CreateFunctionStmt') return sameName(nameOf(strings(node, 'funcname')), name);
    if (kind === 'CreateSeqStmt') return sameName(rangeName(child(node, 'sequence')), name);
    return kind === 'CreateSchemaStmt' && text(node, 'schemaname') === name.name;
  });
}

export const accessRules: readonly Rule[] = [rowSecurity, revoke];
