// Takes a way to query a database; sets traps in it: look-alikes of PostgreSQL's own functions, operators, types and
// catalogs, before them in the search path of every session. Whoever calls one by its bare name fails with "trapped".

type Run = (sql: string) => Promise<readonly Record<string, unknown>[]>;

/** Operators on these are what SQL of ours could use without naming a schema. */
const operators = [
  '=',
  '<>',
  '<',
  '>',
  '<=',
  '>=',
  '+',
  '-',
  '*',
  '/',
  '||',
  '~',
  '!~',
  '->',
  '->>',
  '%',
  '~~',
  '@>',
  '<<',
  '&',
];

/**
 * Everything that can be shadowed with the very same signature, so that nothing but the search path decides. Types that
 * are keywords (int, text[] …) cannot be shadowed; what pseudo-types stand in the way of is left out.
 * @param schema where the traps are; made here
 */
export async function setTraps(run: Run, database: string, schema = 'trap'): Promise<number> {
  await run(`CREATE SCHEMA ${schema}; GRANT USAGE ON SCHEMA ${schema} TO PUBLIC`);
  await run(
    `DO $traps$
    DECLARE f record;
    BEGIN
      FOR f IN SELECT p.oid, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid) AS args, p.prokind, p.proretset,
                 pg_catalog.format_type(p.prorettype, NULL) AS result, p.provariadic
                 FROM pg_catalog.pg_proc p
                WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind IN ('f', 'a')
                  AND p.proname !~ '(in|out|recv|send)$|^(ri_|bt|hash|gin|gist|spg|brin|pg_stat_get_|interval_|array_|range_|multirange_|tsm_|bernoulli|system)|handler|support|sel$|joinsel$|typanalyze' LOOP
        BEGIN
          EXECUTE pg_catalog.format('CREATE FUNCTION ${schema}.%I(%s) RETURNS %s %s LANGUAGE plpgsql AS %L', f.proname,
            pg_catalog.regexp_replace(f.args, '\\mORDER BY\\M.*$', ''), CASE WHEN f.proretset THEN 'SETOF' ELSE '' END, f.result,
            pg_catalog.format('BEGIN RAISE EXCEPTION %L; END', 'trapped: function ' || f.proname));
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
      END LOOP;
      FOR f IN SELECT o.oprname, pg_catalog.format_type(o.oprleft, NULL) AS l, pg_catalog.format_type(o.oprright, NULL) AS r,
                 pg_catalog.format_type(o.oprresult, NULL) AS result, o.oid
                 FROM pg_catalog.pg_operator o
                WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprleft <> 0
                  AND o.oprname IN (${operators.map((name) => `'${name}'`).join(', ')}) LOOP
        BEGIN
          EXECUTE pg_catalog.format('CREATE FUNCTION ${schema}.operator_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L', f.oid, f.l, f.r, f.result,
            pg_catalog.format('BEGIN RAISE EXCEPTION %L; END', pg_catalog.format('trapped: operator %s %s %s', f.l, f.oprname, f.r)));
          EXECUTE pg_catalog.format('CREATE OPERATOR ${schema}.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = ${schema}.operator_%s)', f.oprname, f.l, f.r, f.oid);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
      END LOOP;
      FOR f IN SELECT c.relname FROM pg_catalog.pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v') LOOP
        BEGIN
        EXECUTE pg_catalog.format('CREATE FUNCTION ${schema}.read_%s() RETURNS SETOF pg_catalog.%I LANGUAGE plpgsql AS %L', f.relname, f.relname,
          pg_catalog.format('BEGIN RAISE EXCEPTION %L; END', 'trapped: relation ' || f.relname));
        EXECUTE pg_catalog.format('CREATE VIEW ${schema}.%I AS SELECT * FROM ${schema}.read_%s()', f.relname, f.relname);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
      END LOOP;
      FOR f IN SELECT t.typname FROM pg_catalog.pg_type t WHERE t.typnamespace = 'pg_catalog'::regnamespace
                  AND t.typname IN ('regclass', 'regrole', 'regnamespace', 'regproc', 'regtype', 'oid', 'name', 'text', 'int8', 'int4', 'float8', 'bool', 'json', 'jsonb', 'xid', 'xid8', 'timestamptz') LOOP
        EXECUTE pg_catalog.format('CREATE DOMAIN ${schema}.%I AS pg_catalog.text CHECK (${schema}.refuse_type(%L))', f.typname, f.typname);
      END LOOP;
    END $traps$`.replace(
      'DO $traps$',
      `CREATE FUNCTION ${schema}.refuse_type(name pg_catalog.text) RETURNS pg_catalog.bool LANGUAGE plpgsql AS $t$ BEGIN RAISE EXCEPTION 'trapped: type %', name; END $t$; DO $traps$`,
    ),
  );
  await run(`ALTER DATABASE "${database}" SET search_path = ${schema}, pg_catalog, public`);
  const [made] = await run(
    `SELECT pg_catalog.count(*) AS n FROM pg_catalog.pg_proc WHERE pronamespace OPERATOR(pg_catalog.=) '${schema}'::pg_catalog.regnamespace`,
  );
  return Number(made?.n);
}
