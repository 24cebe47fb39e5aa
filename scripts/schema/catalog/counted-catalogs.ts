// The catalogs whose rows the change token counts, and where a row says what it belongs to; and what tells that one has none. Data.

/** Catalogs with OIDs; a row counts with its OID and its xmin. */
export interface CountedCatalog {
  readonly name: string;
  /** Columns that hold the schema or the relation that the row belongs to; hidden ones do not count. */
  readonly namespace?: string;
  readonly relation?: string;
  /** A column that holds a type; types of hidden schemas do not count. */
  readonly type?: string;
  /** Also rows that came with the server count: plpgsql is an extension that anybody may update or drop. */
  readonly brought?: boolean;
  /** A new database has none of it at all. */
  readonly empty?: boolean;
  /** A column of pg_class that is true of each relation that has any of it. */
  readonly flag?: 'relhasrules' | 'relhastriggers';
}

/** All whose rows make a difference to the schema, but for those that have a count of their own. */
export const catalogs: readonly CountedCatalog[] = [
  { name: 'pg_proc', namespace: 'pronamespace' },
  { name: 'pg_constraint', namespace: 'connamespace', relation: 'conrelid' },
  { name: 'pg_attrdef', relation: 'adrelid' },
  { name: 'pg_trigger', relation: 'tgrelid', flag: 'relhastriggers' },
  { name: 'pg_rewrite', relation: 'ev_class', flag: 'relhasrules' },
  { name: 'pg_policy', relation: 'polrelid', empty: true },
  { name: 'pg_statistic_ext', namespace: 'stxnamespace', relation: 'stxrelid', empty: true },
  { name: 'pg_enum', type: 'enumtypid', empty: true },
  { name: 'pg_extension', brought: true },
  { name: 'pg_publication', empty: true },
  { name: 'pg_publication_rel', relation: 'prrelid', empty: true },
  { name: 'pg_publication_namespace', empty: true },
  { name: 'pg_event_trigger', empty: true },
  { name: 'pg_default_acl', empty: true },
  { name: 'pg_foreign_data_wrapper', empty: true },
  { name: 'pg_foreign_server', empty: true },
  { name: 'pg_transform', empty: true },
];

/** The same, of which a new database has many already: those do not count. */
export const broughtCatalogs: readonly CountedCatalog[] = [
  { name: 'pg_collation', namespace: 'collnamespace' },
  { name: 'pg_operator', namespace: 'oprnamespace' },
  { name: 'pg_opclass', namespace: 'opcnamespace' },
  { name: 'pg_opfamily', namespace: 'opfnamespace' },
  { name: 'pg_amop' },
  { name: 'pg_amproc' },
  { name: 'pg_cast' },
  { name: 'pg_conversion', namespace: 'connamespace' },
  { name: 'pg_ts_config', namespace: 'cfgnamespace' },
  { name: 'pg_ts_dict', namespace: 'dictnamespace' },
  { name: 'pg_ts_parser', namespace: 'prsnamespace' },
  { name: 'pg_ts_template', namespace: 'tmplnamespace' },
  { name: 'pg_language' },
  { name: 'pg_am' },
];

/** An SQL condition for catalogs that come without rows: as long as such a one has no page, it has no row. */
export const hasPages = (name: string) => `pg_catalog.pg_relation_size('pg_catalog.${name}'::regclass) > 0`;
