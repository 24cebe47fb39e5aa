// Takes nothing; gives the SQL that reads options of foreign objects without the secrets that they may hold.
// It must not know which objects have them.

/** Names of options whose values are safe to keep; any other option shows its name only, it may hold a password. */
const plainOptions = [
  ...[
    'host',
    'hostaddr',
    'port',
    'dbname',
    'schema_name',
    'table_name',
    'column_name',
    'updatable',
    'truncatable',
  ],
  ...['use_remote_estimate', 'fetch_size', 'batch_size', 'extensions', 'async_capable', 'parallel_commit'],
  ...['fdw_startup_cost', 'fdw_tuple_cost', 'filename', 'format', 'header', 'delimiter', 'encoding', 'null'],
  ...['parallel_abort', 'analyze_sampling', 'keep_connections', 'quote', 'escape', 'force_not_null'],
  ...['force_null', 'password_required', 'sslmode', 'connect_timeout', 'application_name'],
];

/** Options as SQL writes them, `name 'value'`, sorted, one a line; of harmless ones only with their value. */
export function foreignOptions(array: string): string {
  const plain = plainOptions.map((name) => `'${name}'`).join(', ');
  return `(SELECT string_agg(quote_ident(split_part(item, '=', 1)) || CASE WHEN split_part(item, '=', 1) IN (${plain})
    THEN ' ' || quote_literal(substr(item, strpos(item, '=') + 1)) ELSE '' END, E'\\n' ORDER BY item COLLATE "C") FROM unnest(${array}) AS item)`;
}
