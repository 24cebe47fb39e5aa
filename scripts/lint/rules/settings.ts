// The rules on settings that a migration makes, for itself or for sessions to come.
import type { Statement } from '../../base/types.ts';
import { isZeroTime, settingsSet } from '../../files/settings-set.ts';
import { child, isNode, type Node, text, walk } from '../statement/ast.ts';
import { quoteIdentifier } from '../statement/names.ts';
import { defineStepRule, type Rule } from './rule.ts';

const bounds = new Set(['lock_timeout', 'statement_timeout']);

const timeoutLifted = defineStepRule({
  id: 'time-out-lifted',
  severity: 'warning',
  summary: 'a file switches lock_timeout or statement_timeout off',
  why: 'A statement that waits for a lock without limit lets every later query on that table wait behind it.',
  findInStep: ({ step: { statement } }) => {
    const name = liftedBy(statement);
    return name === null
      ? null
      : {
          table: { name: '' },
          effect: `${name} is switched off for what follows`,
          words: `Remove the line: what a statement may wait and take is set by the tool. Where this file needs another bound, say so at its head: -- migrate: ${name.replace('_timeout', '-timeout')}=10s`,
        };
  },
});

/** The bound that a statement sets to 0, for itself, for a role, database or function, or in a body; null for any other. */
function liftedBy({ kind, node, text }: Statement): string | null {
  const sets = [...settingsSet({ kind, node })];
  walk({ [kind]: node }, (inner, at) => {
    // ALTER ROLE and ALTER DATABASE have theirs in a field of that name.
    if (inner === 'VariableSetStmt' || inner === 'setstmt')
      sets.push(...settingsSet({ kind: 'VariableSetStmt', node: at }));
  });
  const found = sets.find(({ name, value }) => bounds.has(name) && value !== null && isZeroTime(value));
  if (found !== undefined) return found.name;
  if (kind !== 'DoStmt' && kind !== 'CreateFunctionStmt') return null;
  return inBody.exec(text)?.slice(1).find(Boolean)?.toLowerCase() ?? null;
}

/** `SET … lock_timeout = 0` and set_config() in the text of a body; what is put together there is not seen. */
const zero = String.raw`(?:'{1,2}\s*)?[+-]?0+(?:\.0*)?\s*(?:(?:us|ms|s|min|h|d)\s*)?(?:'|;|$)`;
const inBody = new RegExp(
  String.raw`\b(lock_timeout|statement_timeout)\s*(?:=|\bto\b)\s*${zero}|\bset_config\s*\(\s*'{1,2}(lock_timeout|statement_timeout)'{1,2}\s*,\s*${zero}`,
  'i',
);

/** Settings by which the same text makes other objects, or other values. */
const decidesWhatIsMade =
  /^(search_path|default_(tablespace|table_access_method|toast_compression)|timezone|datestyle|intervalstyle|check_function_bodies|role)$/i;

const storedSetting = defineStepRule({
  id: 'stored-setting',
  severity: 'info',
  summary: 'a setting stored for a role or database: ALTER ROLE … SET, ALTER DATABASE … SET',
  why: 'It counts for later sessions, not for this file. The files after it begin with it, in the same run as in a later one; sessions of the application that are open keep what they had. The scratch database does not have it, so lint, verify and schema.sql see those files without it.',
  findInStep: ({ step: { statement } }) => {
    const stored = storedBy(statement);
    if (stored === null) return null;
    const decides = stored.names.some((name) => decidesWhatIsMade.test(name));
    return {
      table: { name: '' },
      effect: `${stored.names.join(', ')} ${stored.names.length === 1 ? 'is' : 'are'} stored for ${stored.whom}`,
      words: decides
        ? 'Names, types and values of later files may mean something else than on the scratch database: write the names of those files with their schemas, or set it in each file that needs it (SET …); store settings where servers are set up.'
        : 'Store settings where servers are set up, once per database and role, unless every environment names them alike.',
      ...(decides ? { severity: 'warning' as const } : {}),
    };
  },
});

interface StoredSetting {
  readonly names: readonly string[];
  readonly whom: string;
}

const storing: Readonly<Record<string, (node: Statement['node']) => string>> = {
  AlterRoleSetStmt: (node) => (isNode(node.role) ? `role ${roleName(node.role)}` : 'every role'),
  AlterDatabaseSetStmt: (node) => `database ${quoteIdentifier(text(node, 'dbname') ?? '')}`,
};

function storedBy({ kind, node, text: sql }: Statement): StoredSetting | null {
  const whom = storing[kind];
  if (whom !== undefined) {
    const setting = child(node, 'setstmt');
    const isAll = setting.kind === 'VAR_RESET_ALL';
    return { names: [isAll ? 'every setting' : (text(setting, 'name') ?? '?')], whom: whom(node) };
  }
  if (kind !== 'DoStmt') return null;
  const names = sql.split(';').flatMap(namedInBlock);
  return names.length === 0 ? null : { names: [...new Set(names)], whom: 'a role or database' };
}

/** What a statement of a block stores, where its words name the setting: also those that it puts together. */
function namedInBlock(piece: string): readonly string[] {
  const at = piece.search(/\balter\s{1,20}(?:role|user|database|system)\b/i);
  const name =
    at === -1 ? null : /\bset\s{1,20}"?([\w.]{1,63})"?\s{0,20}(?:=|to\b|from\b)/i.exec(piece.slice(at));
  return name?.[1] === undefined ? [] : [name[1].toLowerCase()];
}

function roleName(role: Node): string {
  const spec = isNode(role.RoleSpec) ? role.RoleSpec : role;
  const name = text(spec, 'rolename');
  return name === undefined ? 'of the run' : quoteIdentifier(name);
}

export const settingRules: readonly Rule[] = [timeoutLifted, storedSetting];
