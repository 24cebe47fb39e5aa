// Takes the configuration and the tracking tables that the ledger knows; gives what is left out of every comparison.
// Pure; it must not know databases.
import type { Config } from '../config/config.ts';
import { trackingName } from '../ledger/ledger.ts';
import type { IgnorePattern, SchemaOptions, TableName } from '../schema/types.ts';

/** @param tracking names `schema.table`, of other applications too; our own is added */
export function schemaOptions(config: Config, tracking: readonly string[] = []): SchemaOptions {
  const { ignore = [], include = [], partitions } = config.project.drift ?? {};
  const names = [...new Set([...tracking, trackingName(config.trackingTable)])].sort();
  return {
    ...{ tracking: names.map(tableName), include, ignore: ignore as readonly IgnorePattern[] },
    ...(partitions === undefined ? {} : { partitions }),
  };
}

function tableName(name: string): TableName {
  const at = name.indexOf('.');
  return { schema: name.slice(0, at), table: name.slice(at + 1) };
}

/** What every environment can have in common: owners and grants differ from one to the next. */
export function portable(options: SchemaOptions): SchemaOptions {
  return { ...options, include: [] };
}
