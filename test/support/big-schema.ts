// Takes counts; gives the SQL of a schema of that size, as a large application would have it: for measuring.
// It must not know who measures what.

export interface BigSchemaSize {
  readonly tables: number;
  readonly columnsPerTable: number;
  readonly indexesPerTable: number;
  readonly functions: number;
}

/** The size that the targets for gate and snapshot are given for: 5,000 columns, 3,000 indexes, 500 functions. */
export const bigSchemaSize: BigSchemaSize = {
  tables: 1000,
  columnsPerTable: 5,
  indexesPerTable: 3,
  functions: 500,
};

const columnTypes = [
  'text NOT NULL',
  "varchar(80) DEFAULT 'none'",
  'numeric(12,2) DEFAULT 0',
  'timestamptz DEFAULT now()',
];

function table(number: number, size: BigSchemaSize): string {
  const columns = Array.from(
    { length: size.columnsPerTable - 1 },
    (_, i) => `  c${i + 1} ${columnTypes[i % columnTypes.length]}`,
  );
  const name = `big.t${number}`;
  // The primary key is an index too.
  const indexes = Array.from(
    { length: size.indexesPerTable - 1 },
    (_, i) => `CREATE INDEX t${number}_i${i + 1} ON ${name} (c${(i % (size.columnsPerTable - 1)) + 1});`,
  );
  return [
    `CREATE TABLE ${name} (\n${['  id bigint PRIMARY KEY', ...columns].join(',\n')}\n);`,
    ...indexes,
    ...(number % 10 === 0 ? [`COMMENT ON TABLE ${name} IS 'Table number ${number}';`] : []),
  ].join('\n');
}

function routine(number: number): string {
  return `CREATE FUNCTION big.f${number}(a integer, b text DEFAULT 'x') RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  -- function number ${number}
  RETURN b || (a + ${number})::text;
END
$$;`;
}

/** A batch of statements for an empty database; everything is in the schema `big`. */
export function bigSchemaSql(size: BigSchemaSize = bigSchemaSize): string {
  return [
    'CREATE SCHEMA big;',
    ...Array.from({ length: size.tables }, (_, i) => table(i + 1, size)),
    ...Array.from({ length: size.functions }, (_, i) => routine(i + 1)),
  ].join('\n');
}
