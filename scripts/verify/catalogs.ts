// Takes catalogs whose rows have changed; gives the classes of objects that those rows are. Pure.
// What is merely spelled with the name of a changed object follows that object: if it is as before, so is the spelling.
import { type ObjectClass, objectClasses } from '../schema/types.ts';

const classesByCatalog: Readonly<Record<string, readonly ObjectClass[]>> = {
  pg_class: ['relation', 'index', 'sequence'],
  pg_index: ['index'],
  // An index has columns with statistics.
  pg_attribute: ['column', 'column-order', 'type', 'index'],
  pg_type: ['type'],
  pg_proc: ['routine', 'aggregate'],
  // From PostgreSQL 18 on NOT NULL is one.
  pg_constraint: ['constraint', 'type', 'column'],
  pg_attrdef: ['column'],
  pg_trigger: ['trigger'],
  pg_rewrite: ['relation', 'rule'],
  pg_policy: ['policy'],
  pg_statistic_ext: ['statistics'],
  pg_enum: ['type'],
  pg_publication: ['publication'],
  pg_publication_rel: ['publication'],
  pg_publication_namespace: ['publication'],
  pg_event_trigger: ['event-trigger'],
  pg_default_acl: ['default-privileges'],
  pg_collation: ['collation'],
  pg_operator: ['operator'],
  pg_cast: ['cast'],
  pg_conversion: ['conversion'],
  pg_foreign_data_wrapper: ['foreign-data-wrapper'],
  pg_foreign_server: ['foreign-server'],
  pg_foreign_table: ['relation'],
  pg_inherits: ['relation'],
  pg_partitioned_table: ['relation'],
  pg_sequence: ['sequence', 'column'],
  pg_range: ['type'],
  pg_aggregate: ['aggregate'],
  distribution: ['distribution'],
  pg_description: ['comment'],
  pg_namespace: ['schema'],
  pg_db_role_setting: ['setting'],
  pg_user_mappings: ['user-mapping'],
};

/**
 * All classes where a catalog stands for more than its own.
 * @param include what is compared besides: owners and grants stand in many catalogs
 */
export function classesOf(catalogs: readonly string[], include: readonly string[]): readonly ObjectClass[] {
  const found = new Set<ObjectClass>();
  if (catalogs.length > 0 && include.length > 0)
    for (const name of ['owner', 'grant'] as const) found.add(name);
  for (const catalog of catalogs) {
    const classes = classesByCatalog[catalog];
    if (classes === undefined) return objectClasses;
    for (const name of classes) found.add(name);
  }
  return objectClasses.filter((name) => found.has(name));
}
