// Takes an item of the model; gives whether PostgreSQL lets only a superuser make it. Pure.
// https://www.postgresql.org/docs/16/sql-commands.html

import type { ObjectClass } from '../types.ts';
import type { Item } from './model.ts';

const always: readonly ObjectClass[] = [
  ...([
    'operator-class',
    'operator-family',
    'access-method',
    'foreign-data-wrapper',
    'event-trigger',
  ] as const),
  'language',
];

/** Whether only a superuser may create the object. */
export function needsSuperuser({ class: name, identity, parts }: Item): boolean {
  if (always.includes(name)) return true;
  if (name === 'routine')
    return parts.has('leakproof') || ['c', 'internal'].includes(parts.get('language') ?? '');
  if (name === 'type') return parts.get('kind') === 'base';
  if (name === 'cast') return parts.get('method') === 'binary';
  if (name === 'aggregate')
    return parts.get('state') === 'internal' || parts.get('moving_state') === 'internal';
  if (name === 'text-search') return /^(parser|template) /.test(identity);
  if (name === 'publication') return parts.has('all_tables') || parts.has('schemas');
  return name === 'relation' && parts.has('constraint_triggers');
}
