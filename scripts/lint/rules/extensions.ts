// The rule on extensions that Azure Database for PostgreSQL flexible server does not offer.
import { defineRule, type Rule } from './rule.ts';

/** Extensions offered, taken from the column of version 16; later versions have the same but for a few: https://learn.microsoft.com/azure/postgresql/extensions/concepts-extensions-by-engine */
const offered = new Set(
  `address_standardizer address_standardizer_data_us age amcheck anon azure_ai azure_storage bloom btree_gin btree_gist
  citext credcheck cube dblink dict_int dict_xsyn earthdistance fuzzystrmatch hll hstore hypopg intagg intarray ip4r isn
  lo login_hook ltree oracle_fdw orafce pageinspect pg_buffercache pg_cron pg_diskann pg_duckdb pg_failover_slots
  pg_freespacemap pg_hint_plan pg_partman pg_prewarm pg_repack pg_squeeze pg_stat_statements pg_trgm pg_visibility
  pgaudit pgcrypto pglogical pgrouting pgrowlocks pgstattuple plpgsql plv8 postgis postgis_raster postgis_sfcgal
  postgis_tiger_geocoder postgis_topology postgres_fdw postgres_protobuf semver session_variable sslinfo tablefunc
  tdigest tds_fdw timescaledb topn tsm_system_rows tsm_system_time unaccent uuid-ossp vector`.split(/\s+/),
);

const instead: ReadonlyMap<string, string> = new Map([
  ['moddatetime', 'A trigger function of your own that sets NEW.updated_at to now() does the same.'],
  ['xml2', 'The built-in xpath() and XMLTABLE do the same.'],
  ['seg', 'The built-in range types do the same, such as numrange.'],
  ['tcn', 'A trigger of your own that calls pg_notify() does the same.'],
  ['pgjwt', 'Use hmac() of the extension pgcrypto in a function of your own, or sign in the application.'],
  ['adminpack', 'No migration needs it: remove it.'],
]);

const azureExtension = defineRule({
  id: 'extension-not-on-azure',
  severity: 'warning',
  summary: 'an extension that Azure Database for PostgreSQL does not offer',
  why: 'The migration passes here and fails there: CREATE EXTENSION is refused unless the extension is on the list of azure.extensions.',
  failsWith: '0A000',
  on: 'create-extension',
  when: ({ table }) => !offered.has(table.name),
  anywhere: true,
  effect: (table) => `extension ${table} is not on Azure's list`,
  words: (_table, { table }) => instead.get(table.name) ?? 'Choose an extension of the list, or plain SQL.',
});

const extensionNotOnScratch = defineRule({
  id: 'extension-not-on-scratch',
  severity: 'info',
  summary: 'an extension that the scratch server lacks',
  why: 'From here on this review goes by the text of the statements alone. SHADOW_DATABASE_URL may name a server that has the extension.',
  failsWith: '0A000',
  on: 'create-extension',
  when: ({ table }, { step }) => offered.has(table.name) && step.trace?.error?.sqlState === '0A000',
  anywhere: true,
  effect: (table) => `extension ${table} is not installed on the scratch server`,
  words: (_table, { table }) =>
    `Nothing to change here: install ${table.name} on the scratch server, or name one that has it in SHADOW_DATABASE_URL.`,
});

export const extensionRules: readonly Rule[] = [azureExtension, extensionNotOnScratch];
