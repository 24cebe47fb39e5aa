// Takes items of the model; gives the SQL of what belongs to the database as a whole: text search, foreign data,
// publications, event triggers, default privileges, settings. Pure; it must not know tables.

import { indexOutside, quoteLiteral, splitOutside } from '../sql.ts';
import { aclSql, forRole, parseAcl, roleName } from './acl.ts';
import { clause, onDatabase, optionsClause, settingValue, withoutArguments } from './clauses.ts';
import type { Item } from './model.ts';

const textSearchOptions: Record<string, Readonly<Record<string, string>>> = {
  parser: { start: 'START', token: 'GETTOKEN', end: 'END', headline: 'HEADLINE', types: 'LEXTYPES' },
  template: { init: 'INIT', lexize: 'LEXIZE' },
  dictionary: { template: 'TEMPLATE', options: '' },
  configuration: { parser: 'PARSER' },
};

/** `CONFIGURATION app.c` of `configuration app.c`. */
export function textSearchName(identity: string): string {
  const at = identity.indexOf(' ');
  return `${identity.slice(0, at).toUpperCase()}${identity.slice(at)}`;
}

/** CREATE TEXT SEARCH …, and a configuration's mappings. */
export function textSearchSql(item: Item): string {
  const at = item.identity.indexOf(' ');
  const [kind, name] = [item.identity.slice(0, at), item.identity.slice(at + 1)];
  const options = Object.entries(textSearchOptions[kind] ?? {}).flatMap(([key, option]) =>
    clause(item, key, (value) => (option === '' ? value : `${option} = ${value}`)),
  );
  const mappings = item.parts.get('mappings')?.split('\n') ?? [];
  return [
    `CREATE TEXT SEARCH ${kind.toUpperCase()} ${name} (${options.join(', ')});`,
    ...mappings.map((mapping) => `ALTER TEXT SEARCH CONFIGURATION ${name} ADD MAPPING FOR ${mapping};`),
  ].join('\n');
}

/**
 * CREATE FOREIGN DATA WRAPPER.
 * @param validated false leaves the validator for `validatorSql`
 */
export function foreignDataWrapperSql(item: Item, validated: boolean): string {
  const functions = [
    ...clause(item, 'handler', (value) => ` HANDLER ${value}`),
    ...(validated ? clause(item, 'validator', (value) => ` VALIDATOR ${value}`) : []),
  ];
  return `CREATE FOREIGN DATA WRAPPER ${item.identity}${functions.join('')}${optionsClause(item.parts.get('options'))};`;
}

/** For the end: options may be older than the validator, and it never saw the hidden values either. */
export function validatorSql(item: Item): string | undefined {
  const [validator] = clause(item, 'validator', (value) => value);
  return validator && `ALTER FOREIGN DATA WRAPPER ${item.identity} VALIDATOR ${validator};`;
}

/** CREATE SERVER. */
export function foreignServerSql(item: Item): string {
  const words = [
    ...clause(item, 'type', (value) => ` TYPE ${quoteLiteral(value)}`),
    ...clause(item, 'version', (value) => ` VERSION ${quoteLiteral(value)}`),
  ];
  return `CREATE SERVER ${item.identity}${words.join('')} FOREIGN DATA WRAPPER ${item.parts.get('wrapper')}${optionsClause(item.parts.get('options'))};`;
}

/** Without the values of its options: whoever loads the file must set them. */
export function userMappingSql({ identity, parts }: Item, reader: string): string {
  const at = indexOutside(identity, ' on ');
  const [user, server] = [identity.slice(0, at), identity.slice(at + ' on '.length)];
  const options = parts.get('options');
  const who = user === 'public' ? 'PUBLIC' : user === reader ? 'CURRENT_USER' : user;
  return `CREATE USER MAPPING FOR ${who} SERVER ${server}${options === '?' ? '' : optionsClause(options)};`;
}

/** CREATE PUBLICATION. */
export function publicationSql(item: Item): string {
  const { parts } = item;
  const objects = parts.has('all_tables')
    ? ['ALL TABLES']
    : [
        ...clause(item, 'tables', (value) => `TABLE ONLY ${splitOutside(value, '\n').join(', TABLE ONLY ')}`),
        ...clause(item, 'schemas', (value) => `TABLES IN SCHEMA ${value}`),
      ];
  const options = [
    `publish = ${quoteLiteral(parts.get('publish') ?? '')}`,
    ...(parts.has('via_root') ? ['publish_via_partition_root = true'] : []),
    ...(parts.has('generated_columns') ? ['publish_generated_columns = stored'] : []),
  ];
  return `CREATE PUBLICATION ${item.identity}${objects.length > 0 ? ` FOR ${objects.join(', ')}` : ''} WITH (${options.join(', ')});`;
}

/** Disabled, without the text of its connection; nothing is made at the publisher. */
export function subscriptionSql(item: Item): string {
  const slot = item.parts.get('slot');
  const options = [
    'connect = false',
    'enabled = false',
    `slot_name = ${slot === undefined ? 'NONE' : quoteLiteral(slot)}`,
    ...clause(item, 'options', (value) => value),
  ];
  return `CREATE SUBSCRIPTION ${item.identity} CONNECTION '' PUBLICATION ${item.parts.get('publications')} WITH (${options.join(', ')});`;
}

const states: Record<string, string> = { no: 'DISABLE', replica: 'ENABLE REPLICA', always: 'ENABLE ALWAYS' };

/** CREATE EVENT TRIGGER, and its state where that is not the usual one. */
export function eventTriggerSql(item: Item): string {
  const tags = item.parts
    .get('tags')
    ?.split(', ')
    .map((tag) => quoteLiteral(tag));
  const state = states[item.parts.get('enabled') ?? ''];
  return [
    `CREATE EVENT TRIGGER ${item.identity} ON ${item.parts.get('event')}${tags === undefined ? '' : ` WHEN TAG IN (${tags.join(', ')})`} EXECUTE FUNCTION ${withoutArguments(item.parts.get('procedure') ?? '')}();`,
    ...(state === undefined ? [] : [`ALTER EVENT TRIGGER ${item.identity} ${state};`]),
  ].join('\n');
}

/** Whose default privileges, where and on what: `app in schema public on large objects`. */
export interface DefaultPrivileges {
  readonly role: string;
  /** Undefined where they are for the whole database. */
  readonly schema: string | undefined;
  /** As GRANT names it: `LARGE OBJECTS`. */
  readonly kind: string;
  /** What stands before the GRANT or REVOKE. */
  readonly alter: string;
}

/** @param reader the role that runs the SQL: its own need no FOR ROLE */
export function defaultPrivilegesOf(identity: string, reader: string): DefaultPrivileges {
  const [, role = '', schema, objects = ''] =
    /^("(?:[^"]|"")*"|\S+)(?: in schema ("(?:[^"]|"")*"|\S+))? on ([\w ]+)$/.exec(identity) ?? [];
  const of = role === reader ? '' : ` FOR ROLE ${role}`;
  const alter = `ALTER DEFAULT PRIVILEGES${of}${schema === undefined ? '' : ` IN SCHEMA ${schema}`}`;
  return { role, schema, kind: objects.toUpperCase(), alter };
}

/** What a role gives away with what it makes from now on. Those for the whole database stand in place of the built-in ones. */
export function defaultPrivilegesSql({ identity, parts }: Item, reader: string): string {
  const { role, schema, kind, alter } = defaultPrivilegesOf(identity, reader);
  const taken =
    schema === undefined
      ? [
          `${alter} REVOKE ALL ON ${kind} FROM ${role === reader ? 'CURRENT_USER' : role};`,
          ...(kind === 'FUNCTIONS' || kind === 'TYPES'
            ? [`${alter} REVOKE ALL ON ${kind} FROM PUBLIC;`]
            : []),
        ]
      : [];
  const given = parseAcl(parts.get('privileges') ?? '').flatMap(({ grantee, letters }) => {
    const sql = aclSql(`${grantee}=${letters}/x`, `ON ${kind}`, reader).map((grant) => `${alter} ${grant}`);
    const to = roleName(grantee);
    return sql.length === 0 || to === 'PUBLIC' || to === reader ? sql : [forRole(to, sql)];
  });
  const all = [...taken, ...given];
  if (role === reader) return all.join('\n');
  return forRole(role, all);
}

/** Settings of the database, for all roles or one; values that may be secrets are not known. */
export function settingSql({ identity, parts }: Item): string | undefined {
  const value = parts.get('value') ?? '';
  if (value === '(hidden)') return undefined;
  const at = identity.lastIndexOf(' ');
  const [owner, name] = [identity.slice(0, at), identity.slice(at + 1)];
  const set = `SET ${name} TO ${settingValue(name, value).replaceAll('%', '%%')}`;
  return ofRole(owner, (who) => onDatabase(`ALTER ${who} ${set}`));
}

/**
 * What is done to settings of the database, or to those of a role in it where the server has that role.
 * @param owner `database`, or `role x`
 * @param statement is told how ALTER calls it, for `format`
 */
export function ofRole(owner: string, statement: (who: string) => string): string {
  if (owner === 'database') return statement('DATABASE %I');
  const role = owner.slice('role '.length);
  return forRole(role, [statement(`ROLE ${role.replaceAll('%', '%%')} IN DATABASE %I`)]);
}
