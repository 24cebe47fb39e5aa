// Takes migrations; gives the subscriptions that they add up to, as SQL for db/schema.sql. No scratch database has them:
// they would connect to another server. So they are read from the files alone. Pure.

import pg from 'pg';
import type { Migration } from '../base/types.ts';
import type { Parser } from '../files/statements.ts';
import { quoteLiteral } from '../schema/sql.ts';

interface Subscription {
  readonly connection: string;
  readonly publications: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

type Node = Readonly<Record<string, unknown>>;

const textOf = (node: unknown) => (node as { String?: { sval?: string } })?.String?.sval ?? '';
const listOf = (node: unknown) => (Array.isArray(node) ? node.map(textOf) : []);

/** Options that say how rows arrive; the others are given by what is written here. */
const kept = [
  ...['binary', 'streaming', 'two_phase', 'synchronous_commit', 'origin', 'disable_on_error'],
  ...['password_required', 'run_as_owner', 'failover'],
];

function optionsOf(node: unknown): Map<string, string> {
  const found = (Array.isArray(node) ? node : []).map((each) => (each as { DefElem: Node }).DefElem);
  return new Map(found.map(({ defname, arg }) => [String(defname), optionText(arg as Node | undefined)]));
}

function optionText(node: Node | undefined): string {
  if (node === undefined) return 'true';
  const { String: text, Boolean: truth, TypeName: type } = node as Record<string, Node | undefined>;
  if (truth !== undefined) return String(truth.boolval ?? false);
  return text === undefined ? (listOf(type?.names).at(-1) ?? '') : String(text.sval);
}

/** A connection without its password, as `key=value` or as a URL. */
function withoutPassword(connection: string): string {
  return connection
    .replace(/(^|\s)(?:ssl)?password\s*=\s*(?:'(?:[^'\\]|\\.)*'|\S*)/gi, '$1')
    .replace(/^(\w+:\/\/[^:@/]*):[^@/]*@/, '$1@')
    .replace(/([?&])(?:ssl)?password=[^&]*&?/gi, '$1')
    .trim();
}

function change(found: Map<string, Subscription>, kind: string, node: Node): void {
  const name = String(node.subname ?? '');
  const before = found.get(name);
  if (kind === 'CreateSubscriptionStmt')
    found.set(name, {
      connection: withoutPassword(String(node.conninfo ?? '')),
      publications: listOf(node.publication),
      options: optionsOf(node.options),
    });
  else if (kind === 'DropSubscriptionStmt') found.delete(name);
  else if (kind === 'RenameStmt' && node.renameType === 'OBJECT_SUBSCRIPTION') rename(found, node);
  else if (kind === 'AlterSubscriptionStmt' && before !== undefined) found.set(name, altered(before, node));
}

function rename(found: Map<string, Subscription>, node: Node): void {
  const old = textOf(node.object);
  const subscription = found.get(old);
  if (subscription === undefined) return;
  found.delete(old);
  found.set(String(node.newname), subscription);
}

function altered(before: Subscription, node: Node): Subscription {
  const names = listOf(node.publication);
  const others = before.publications.filter((name) => !names.includes(name));
  switch (node.kind) {
    case 'ALTER_SUBSCRIPTION_CONNECTION':
      return { ...before, connection: withoutPassword(String(node.conninfo ?? '')) };
    case 'ALTER_SUBSCRIPTION_SET_PUBLICATION':
      return { ...before, publications: names };
    case 'ALTER_SUBSCRIPTION_ADD_PUBLICATION':
      return { ...before, publications: [...others, ...names] };
    case 'ALTER_SUBSCRIPTION_DROP_PUBLICATION':
      return { ...before, publications: others };
    case 'ALTER_SUBSCRIPTION_OPTIONS':
      return { ...before, options: new Map([...before.options, ...optionsOf(node.options)]) };
    default:
      return before;
  }
}

/** CREATE SUBSCRIPTION of each, disabled and without its password: nothing connects, no slot is made. */
export function subscriptionsSql(migrations: readonly Migration[], parse: Parser): string[] {
  const found = new Map<string, Subscription>();
  for (const { up } of migrations.filter(({ up }) => /\bsubscription\b/i.test(up.text))) {
    const parsed = parse(up.text);
    if (parsed.ok === true) for (const { kind, node } of parsed.statements) change(found, kind, node);
  }
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { connection, publications, options }]) => {
      const slot = options.get('slot_name') ?? name;
      const list = [
        'connect = false',
        'enabled = false',
        `slot_name = ${slot.toLowerCase() === 'none' ? 'NONE' : quoteLiteral(slot)}`,
        ...kept.flatMap((key) =>
          options.has(key) ? [`${key} = ${quoteLiteral(options.get(key) ?? '')}`] : [],
        ),
      ];
      return `CREATE SUBSCRIPTION ${pg.escapeIdentifier(name)} CONNECTION ${quoteLiteral(connection)} PUBLICATION ${publications.map((each) => pg.escapeIdentifier(each)).join(', ')} WITH (${list.join(', ')});`;
    });
}
