// The rules on statements that reach the server's machine, other servers, or the rights of a superuser. They are found by
// the parse tree, and in blocks and function bodies by their words, for those are text until they run.
import { child, list, listOf, type Node, strings, text, walk } from '../statement/ast.ts';
import { defineStepRule, type Rule } from './rule.ts';

/** What a statement does beyond its database, in words. */
type Reach = 'program' | 'file' | 'server' | 'role';

interface ReachingCall {
  readonly reach: Reach;
  readonly what: string;
}

const fileFunctions =
  /\b(?:pg_read_file|pg_read_binary_file|pg_stat_file|pg_ls_\w{1,40}|pg_file_\w{1,40}|lo_import|lo_export|pg_logdir_ls)\b/;
const remoteFunctions = /\b(?:dblink|dblink_\w{1,40}|postgres_fdw_\w{1,40})\b/;
const untrusted = /^(?:c|plpython[23]?u|plperlu|pltclu|plsh|pljavau|plv8u|plr|plruby|plluau)$/;
const programRoles = /^pg_(?:execute_server_program|read_server_files|write_server_files)$/;
const mightyOptions = new Set(['superuser', 'isreplication', 'bypassrls']);
const remoteExtensions = new Set(['dblink', 'postgres_fdw', 'oracle_fdw', 'tds_fdw', 'mysql_fdw']);
const fileExtensions = new Set(['file_fdw', 'adminpack']);

/** Everything that a statement reaches beyond its database, with each reach once. */
export function reaches({
  kind,
  node,
}: {
  readonly kind: string;
  readonly node: Node;
}): readonly ReachingCall[] {
  const found: ReachingCall[] = [];
  found.push(...byStatement(kind, node));
  walk(node, (inner, part) => {
    if (inner === 'FuncCall') found.push(...byCall(strings(part, 'funcname').at(-1) ?? ''));
  });
  for (const body of bodies(kind, node)) found.push(...byWords(body));
  return found.filter(({ reach }, i) => found.findIndex((other) => other.reach === reach) === i);
}

function byStatement(kind: string, node: Node): readonly ReachingCall[] {
  switch (kind) {
    case 'CopyStmt':
      return text(node, 'filename') === undefined ? [] : [copy(node.is_program === true)];
    case 'CreateFunctionStmt':
      return languageOf(node, 'options').map(runsOutside);
    case 'DoStmt':
      return languageOf(node, 'args').map(runsOutside);
    case 'CreatePLangStmt':
      return [text(node, 'plname') ?? ''].filter((name) => untrusted.test(name)).map(runsOutside);
    case 'CreateExtensionStmt':
      return byExtension(text(node, 'extname') ?? '');
    case 'CreateForeignServerStmt':
    case 'CreateUserMappingStmt':
    case 'ImportForeignSchemaStmt':
      return [{ reach: 'server', what: 'connects to another server' }];
    case 'CreateRoleStmt':
    case 'AlterRoleStmt':
      return mightyRole(node);
    case 'GrantRoleStmt':
      return listOf(node, 'granted_roles', 'AccessPriv')
        .map((role) => text(role, 'priv_name') ?? '')
        .filter((name) => programRoles.test(name))
        .map((name) => ({ reach: 'role', what: `grants ${name}` }));
    default:
      return [];
  }
}

const copy = (isProgram: boolean): ReachingCall =>
  isProgram
    ? { reach: 'program', what: 'COPY runs a program on the machine of the server' }
    : { reach: 'file', what: 'COPY reads or writes a file on the machine of the server' };

const runsOutside = (language: string): ReachingCall => ({
  reach: 'program',
  what: `code in the language ${language} may do on the machine of the server whatever PostgreSQL may`,
});

function languageOf(node: Node, field: string): readonly string[] {
  return listOf(node, field, 'DefElem')
    .filter((element) => element.defname === 'language')
    .map((element) => text(child(child(element, 'arg'), 'String'), 'sval')?.toLowerCase() ?? '')
    .filter((name) => untrusted.test(name));
}

function byExtension(name: string): readonly ReachingCall[] {
  if (remoteExtensions.has(name))
    return [{ reach: 'server', what: `the extension ${name} connects to other servers` }];
  if (fileExtensions.has(name))
    return [{ reach: 'file', what: `the extension ${name} reads files on the machine of the server` }];
  return untrusted.test(name) ? [runsOutside(name)] : [];
}

/** SUPERUSER, REPLICATION, BYPASSRLS, where they are given rather than taken. */
function mightyRole(node: Node): readonly ReachingCall[] {
  return listOf(node, 'options', 'DefElem')
    .filter(({ defname, arg }) => mightyOptions.has(String(defname)) && isTrue(arg))
    .map(({ defname }) => ({
      reach: 'role',
      what: `makes a role ${String(defname).replace('isreplication', 'replication').toUpperCase()}`,
    }));
}

const isTrue = (value: unknown) => /"boolval":true|"ival":1\b/.test(JSON.stringify(value ?? null));

function byCall(name: string): readonly ReachingCall[] {
  const only = (pattern: RegExp) => pattern.exec(name)?.[0] === name;
  if (only(fileFunctions))
    return [{ reach: 'file', what: `${name}() reads or writes files on the machine of the server` }];
  return only(remoteFunctions) ? [{ reach: 'server', what: `${name}() connects to another server` }] : [];
}

/** The text of a block, or of a function whose body is a string. */
function bodies(kind: string, node: Node): readonly string[] {
  const field = { DoStmt: 'args', CreateFunctionStmt: 'options' }[kind];
  if (field === undefined) return [];
  return listOf(node, field, 'DefElem')
    .filter(({ defname }) => defname === 'as')
    .flatMap(({ arg }) => {
      const value = child({ arg }, 'arg');
      const items = list(child(value, 'List'), 'items');
      return (items.length > 0 ? items : [value]).map((item) => text(child(item, 'String'), 'sval') ?? '');
    });
}

/**
 * Cut at semicolons, without lines that are comments: what else has these words is a question to the author. Each
 * pattern stands for itself, so that the time is linear in the length.
 */
function byWords(body: string): readonly ReachingCall[] {
  const code = body.toLowerCase().replaceAll(/^[ \t]*--.*$/gm, '');
  return code.split(';').flatMap(byWordsOfOne);
}

function byWordsOfOne(piece: string): readonly ReachingCall[] {
  const after = (pattern: RegExp) => {
    const at = piece.search(pattern);
    return at === -1 ? '' : piece.slice(at);
  };
  const found: ReachingCall[] = [];
  const copied = after(/\bcopy\b/);
  if (/\bprogram\b/.test(copied)) found.push(copy(true));
  else if (/\b(?:from|to)\s{1,20}'/.test(copied)) found.push(copy(false));
  const file = fileFunctions.exec(piece)?.[0];
  if (file !== undefined) found.push(...byCall(file));
  const remote = remoteFunctions.exec(piece)?.[0];
  if (remote !== undefined) found.push(...byCall(remote));
  if (/\bcreate\s{1,20}(?:server|user\s{1,20}mapping)\b|\bimport\s{1,20}foreign\b/.test(piece))
    found.push({ reach: 'server', what: 'connects to another server' });
  const role = after(/\b(?:create|alter)\s{1,20}(?:role|user|group)\b/);
  const option = /\b(?:superuser|replication|bypassrls)\b/.exec(role)?.[0];
  if (option !== undefined) found.push({ reach: 'role', what: `makes a role ${option.toUpperCase()}` });
  const granted = /\bpg_(?:execute_server_program|read_server_files|write_server_files)\b/.exec(
    after(/\bgrant\b/),
  )?.[0];
  if (granted !== undefined) found.push({ reach: 'role', what: `grants ${granted}` });
  return found;
}

interface Spec {
  readonly id: string;
  readonly reach: Reach;
  readonly severity: Rule['severity'];
  readonly summary: string;
  readonly why: string;
  readonly words: string;
}

function defineReach({ reach, words, ...rule }: Spec): Rule {
  return defineStepRule({
    ...rule,
    // What needs such rights is refused on the scratch server: this explains it.
    failsWith: '42501',
    downToo: true,
    findInStep: ({ step: { statement } }) => {
      const hit = reaches(statement).find((one) => one.reach === reach);
      return hit === undefined ? null : { table: { name: '' }, effect: hit.what, words };
    },
  });
}

export const serverRightsRules: readonly Rule[] = [
  defineReach({
    id: 'server-program',
    reach: 'program',
    severity: 'error',
    summary: 'a program on the machine of the server: COPY … PROGRAM, code in an untrusted language',
    why: 'It needs a superuser or pg_execute_server_program, which a role that migrates should not have, and managed servers refuse it.',
    words: 'Run the program where the application runs, and send what it gives through the connection.',
  }),
  defineReach({
    id: 'server-file',
    reach: 'file',
    severity: 'error',
    summary: 'a file on the machine of the server: COPY from or to a file, pg_read_file, lo_import, file_fdw',
    why: 'It needs a superuser or pg_read_server_files, and the file is there on no other machine: not after a failover, and not on managed servers.',
    words:
      'Bring rows as INSERT in a migration, or load them with \\copy of psql, which reads the file where it runs.',
  }),
  defineReach({
    id: 'other-server',
    reach: 'server',
    severity: 'warning',
    summary: 'another server: dblink, postgres_fdw, CREATE SERVER, CREATE USER MAPPING',
    why: 'Whoever may use it reaches that server as the role whose password is kept here, and a migration that waits for it waits with its locks.',
    words:
      'Make servers and user mappings outside of migrations, for each environment its own; a migration then uses their names. Where it is meant so, allow it in the file.',
  }),
  defineReach({
    id: 'role-with-server-rights',
    reach: 'role',
    severity: 'error',
    summary: 'a role made SUPERUSER, REPLICATION or BYPASSRLS, or given the server’s files and programs',
    why: 'Whoever may change a migration becomes superuser of the whole server with it, and it stays when the migration is reverted.',
    words: 'Make such roles where servers are set up, by hand and once; migrations need none of them.',
  }),
];
