// Takes nothing; gives the SQL that reads routines, types, operators and what is built of them, one SELECT per
// class with the columns identity, parent and definition, over the scope of sql.ts.
// It must not know how the rows are hashed, filtered or compared.

import { firstUserOid, flag, lines, notMember, part, partWhen, sorted } from '../sql.ts';
import { domainNotNull } from './by-version.ts';

const signature = `ns.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')'`;

const volatility = part(
  'volatility',
  `CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END`,
);
const parallel = partWhen(
  `p.proparallel <> 'u'`,
  'parallel',
  `CASE p.proparallel WHEN 's' THEN 'safe' ELSE 'restricted' END`,
);

// A value that reads like a list of settings has no comma in it, and begins with `=`.
const settings = sorted(`ARRAY(SELECT CASE WHEN item ~ ', [^[:space:],=]*=' OR item !~ '^[^[:space:],=]+='
      THEN '=' || replace(replace(item, '%', '%25'), ',', '%2C') ELSE item END FROM unnest(p.proconfig) AS item)`);

export const routine = `
  SELECT ${signature}, NULL, ${lines(
    part(
      'kind',
      `CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'w' THEN 'window function' ELSE 'function' END`,
    ),
    part('arguments', 'pg_get_function_arguments(p.oid)'),
    part('returns', 'pg_get_function_result(p.oid)'),
    part('language', 'quote_ident(l.lanname)'),
    volatility,
    parallel,
    flag('strict', 'p.proisstrict'),
    flag('leakproof', 'p.proleakproof'),
    flag('security_definer', 'p.prosecdef'),
    part('cost', 'p.procost::text'),
    partWhen('p.proretset', 'rows', 'p.prorows::text'),
    partWhen('p.prosupport <> 0', 'support', 'p.prosupport::regproc::text'),
    part('settings', settings),
    part('transforms', sorted('ARRAY(SELECT format_type(item, NULL) FROM unnest(p.protrftypes) AS item)')),
    part('library', 'p.probin'),
    part('body', 'coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)'),
  )}
  FROM pg_proc p JOIN ns ON ns.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
  WHERE p.oid >= ${firstUserOid} AND p.prokind <> 'a' AND ${notMember('pg_proc', 'p.oid')}
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
      AND d.deptype = 'i' AND d.refclassid = 'pg_type'::regclass)`;

export const aggregate = `
  SELECT ${signature}, NULL, ${lines(
    part('arguments', 'pg_get_function_arguments(p.oid)'),
    partWhen(
      `a.aggkind <> 'n'`,
      'kind',
      `CASE a.aggkind WHEN 'o' THEN 'ordered-set' ELSE 'hypothetical-set' END || ', direct arguments ' || a.aggnumdirectargs`,
    ),
    part('transition', 'a.aggtransfn::regproc::text'),
    part('state', 'format_type(a.aggtranstype, NULL)'),
    partWhen('a.aggtransspace <> 0', 'state_size', 'a.aggtransspace::text'),
    part('initial', 'a.agginitval'),
    partWhen('a.aggfinalfn <> 0', 'final', `a.aggfinalfn::regproc::text`),
    part('final_modify', `a.aggfinalmodify::text`),
    flag('final_extra', 'a.aggfinalextra'),
    partWhen('a.aggcombinefn <> 0', 'combine', 'a.aggcombinefn::regproc::text'),
    partWhen('a.aggserialfn <> 0', 'serialize', 'a.aggserialfn::regproc::text'),
    partWhen('a.aggdeserialfn <> 0', 'deserialize', 'a.aggdeserialfn::regproc::text'),
    partWhen('a.aggmtransfn <> 0', 'moving_transition', 'a.aggmtransfn::regproc::text'),
    partWhen('a.aggminvtransfn <> 0', 'moving_inverse', 'a.aggminvtransfn::regproc::text'),
    partWhen('a.aggmtranstype <> 0', 'moving_state', 'format_type(a.aggmtranstype, NULL)'),
    partWhen('a.aggmtransspace <> 0', 'moving_state_size', 'a.aggmtransspace::text'),
    part('moving_initial', 'a.aggminitval'),
    partWhen('a.aggmfinalfn <> 0', 'moving_final', 'a.aggmfinalfn::regproc::text'),
    partWhen('a.aggmtransfn <> 0', 'moving_final_modify', 'a.aggmfinalmodify::text'),
    flag('moving_final_extra', 'a.aggmfinalextra'),
    partWhen('a.aggsortop <> 0', 'sort_operator', 'a.aggsortop::regoperator::text'),
    parallel,
  )}
  FROM pg_proc p JOIN ns ON ns.oid = p.pronamespace JOIN pg_aggregate a ON a.aggfnoid = p.oid
  WHERE p.oid >= ${firstUserOid} AND ${notMember('pg_proc', 'p.oid')}`;

const attributes = `(SELECT string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
      || CASE WHEN a.attcollation <> at.typcollation THEN ' COLLATE ' || a.attcollation::regcollation::text ELSE '' END,
      ', ' ORDER BY a.attnum)
      FROM pg_attribute a JOIN pg_type at ON at.oid = a.atttypid
      WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)`;

function support(key: string, name: string): string {
  return partWhen(`t.typtype = 'b' AND t.${name} <> 0`, key, `t.${name}::regproc::text`);
}

// Row types, array types and multiranges come and go with what they belong to.
export const type = `
  SELECT ns.name || '.' || quote_ident(t.typname), NULL, ${lines(
    part(
      'kind',
      `CASE WHEN NOT t.typisdefined THEN 'shell' ELSE CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain'
        WHEN 'c' THEN 'composite' WHEN 'r' THEN 'range' ELSE 'base' END END`,
    ),
    part(
      'labels',
      `(SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid)`,
    ),
    partWhen(`t.typtype = 'c'`, 'attributes', attributes),
    partWhen(`t.typtype = 'd'`, 'base', 'format_type(t.typbasetype, t.typtypmod)'),
    partWhen(
      `t.typtype = 'd' AND t.typcollation <> (SELECT b.typcollation FROM pg_type b WHERE b.oid = t.typbasetype)`,
      'collation',
      't.typcollation::regcollation::text',
    ),
    flag('not_null', 't.typnotnull'),
    domainNotNull,
    // typdefault is text as the creator's search_path had it.
    part('default', 'coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault)'),
    part('subtype', 'format_type(r.rngsubtype, NULL)'),
    partWhen('r.rngcollation <> 0', 'subtype_collation', 'r.rngcollation::regcollation::text'),
    part(
      'subtype_operator_class',
      `(SELECT quote_ident(n.nspname) || '.' || quote_ident(o.opcname) FROM pg_opclass o
        JOIN pg_namespace n ON n.oid = o.opcnamespace WHERE o.oid = r.rngsubopc)`,
    ),
    partWhen('r.rngcanonical <> 0', 'canonical', 'r.rngcanonical::regproc::text'),
    partWhen('r.rngsubdiff <> 0', 'subtype_difference', 'r.rngsubdiff::regproc::text'),
    part('multirange', 'format_type(r.rngmultitypid, NULL)'),
    support('input', 'typinput'),
    support('output', 'typoutput'),
    support('receive', 'typreceive'),
    support('send', 'typsend'),
    support('modifier_input', 'typmodin'),
    support('modifier_output', 'typmodout'),
    support('analyze', 'typanalyze'),
    support('subscript', 'typsubscript'),
    partWhen(
      `t.typtype = 'b'`,
      'layout',
      `concat_ws(', ', 'length ' || t.typlen, 'alignment ' || t.typalign::text, 'storage ' || t.typstorage::text,
        'category ' || t.typcategory::text, 'delimiter ' || t.typdelim::text, CASE WHEN t.typispreferred THEN 'preferred' END,
        CASE WHEN t.typbyval THEN 'by value' END, CASE WHEN t.typcollation <> 0 THEN 'collatable' END,
        'element ' || nullif(t.typelem, 0)::regtype::text)`,
    ),
  )}
  FROM pg_type t JOIN ns ON ns.oid = t.typnamespace
  LEFT JOIN pg_class c ON c.oid = t.typrelid
  LEFT JOIN pg_range r ON r.rngtypid = t.oid
  WHERE t.oid >= ${firstUserOid} AND (c.oid IS NULL OR c.relkind = 'c') AND t.typtype <> 'm'
    AND NOT EXISTS (SELECT FROM pg_type element WHERE element.typarray = t.oid) AND ${notMember('pg_type', 't.oid')}`;
