// Takes nothing; gives the SQL that reads collations, operators, casts and what is built of them, one SELECT per class
// with the columns identity, parent and definition, over the scope of sql.ts.
// It must not know how the rows are hashed, filtered or compared.

import { firstUserOid, flag, lines, notMember, part, partWhen } from '../sql.ts';
import { columnIfThere } from './by-version.ts';

export const collation = `
  SELECT ns.name || '.' || quote_ident(c.collname), NULL, ${lines(
    part(
      'provider',
      `CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'c' THEN 'libc' WHEN 'd' THEN 'default' ELSE 'builtin' END`,
    ),
    part('collate', 'c.collcollate'),
    part('ctype', 'c.collctype'),
    part('locale', columnIfThere('c', 'colliculocale', 'colllocale')),
    part('rules', columnIfThere('c', 'collicurules')),
    flag('nondeterministic', 'NOT c.collisdeterministic'),
  )}
  FROM pg_collation c JOIN ns ON ns.oid = c.collnamespace
  WHERE c.oid >= ${firstUserOid} AND ${notMember('pg_collation', 'c.oid')}`;

const operands = `(SELECT coalesce(format_type(nullif(o.oprleft, 0), NULL), 'NONE') || ', ' || coalesce(format_type(nullif(o.oprright, 0), NULL), 'NONE'))`;

// An operator that is only named by others is a promise, not an object: pg_dump leaves it out too.
export const operator = `
  SELECT ns.name || '.' || o.oprname || ' (' || ${operands} || ')', NULL, ${lines(
    part('procedure', 'o.oprcode::regprocedure::text'),
    partWhen('o.oprresult <> 0', 'result', 'format_type(o.oprresult, NULL)'),
    partWhen('o.oprcom <> 0', 'commutator', 'o.oprcom::regoperator::text'),
    partWhen('o.oprnegate <> 0', 'negator', 'o.oprnegate::regoperator::text'),
    partWhen('o.oprrest <> 0', 'restrict', 'o.oprrest::regproc::text'),
    partWhen('o.oprjoin <> 0', 'join', 'o.oprjoin::regproc::text'),
    flag('hashes', 'o.oprcanhash'),
    flag('merges', 'o.oprcanmerge'),
  )}
  FROM pg_operator o JOIN ns ON ns.oid = o.oprnamespace
  WHERE o.oid >= ${firstUserOid} AND o.oprcode <> 0 AND ${notMember('pg_operator', 'o.oid')}`;

/** Members of classes and families as SQL writes them, with the class that each belongs to where it belongs to one. */
const members = `(
    SELECT amopfamily AS family, d.refobjid AS class, 'OPERATOR ' || amopstrategy || ' ' || amopopr::regoperator::text
      || coalesce(' FOR ORDER BY ' || (SELECT quote_ident(n.nspname) || '.' || quote_ident(f.opfname) FROM pg_opfamily f
        JOIN pg_namespace n ON n.oid = f.opfnamespace WHERE f.oid = amopsortfamily), '') AS item
    FROM pg_amop m ${ofClass('pg_amop')} WHERE m.oid >= ${firstUserOid} AND ${notMember('pg_amop', 'm.oid')}
    UNION ALL
    SELECT amprocfamily, d.refobjid, 'FUNCTION ' || amprocnum || ' (' || format_type(amproclefttype, NULL) || ', '
      || format_type(amprocrighttype, NULL) || ') ' || amproc::regprocedure::text
    FROM pg_amproc m ${ofClass('pg_amproc')} WHERE m.oid >= ${firstUserOid} AND ${notMember('pg_amproc', 'm.oid')}
  )`;

function ofClass(catalog: string): string {
  return `LEFT JOIN pg_depend d ON d.classid = '${catalog}'::regclass AND d.objid = m.oid
      AND d.refclassid = 'pg_opclass'::regclass AND d.deptype = 'i'`;
}

const joinedMembers = `string_agg(item, E'\\n' ORDER BY item COLLATE "C")`;

export const operatorClass = `
  SELECT ns.name || '.' || quote_ident(o.opcname) || ' USING ' || am.amname, NULL, ${lines(
    part('type', 'format_type(o.opcintype, NULL)'),
    flag('default', 'o.opcdefault'),
    part('family', `quote_ident(fn.nspname) || '.' || quote_ident(f.opfname)`),
    partWhen('o.opckeytype <> 0', 'storage', 'format_type(o.opckeytype, NULL)'),
    part('members', `(SELECT ${joinedMembers} FROM ${members} AS m WHERE m.class = o.oid)`),
  )}
  FROM pg_opclass o JOIN ns ON ns.oid = o.opcnamespace JOIN pg_am am ON am.oid = o.opcmethod
  JOIN pg_opfamily f ON f.oid = o.opcfamily JOIN pg_namespace fn ON fn.oid = f.opfnamespace
  WHERE o.oid >= ${firstUserOid} AND ${notMember('pg_opclass', 'o.oid')}`;

// A family of the server itself is listed once somebody has added to it. What belongs to a class is the class's.
export const operatorFamily = `
  SELECT quote_ident(n.nspname) || '.' || quote_ident(f.opfname) || ' USING ' || am.amname, NULL, ${lines(
    part('members', 'members.list'),
    `'kind=operator family'`,
  )}
  FROM pg_opfamily f JOIN pg_namespace n ON n.oid = f.opfnamespace
  LEFT JOIN ns ON ns.oid = f.opfnamespace JOIN pg_am am ON am.oid = f.opfmethod
  LEFT JOIN (SELECT family, ${joinedMembers} AS list FROM ${members} AS m WHERE m.class IS NULL GROUP BY family
  ) members ON members.family = f.oid
  WHERE ns.oid IS NOT NULL AND ${notMember('pg_opfamily', 'f.oid')}
    AND (f.oid >= ${firstUserOid} OR members.list IS NOT NULL)`;

// A range type brings the cast to its multirange.
export const cast = `
  SELECT '(' || format_type(c.castsource, NULL) || ' AS ' || format_type(c.casttarget, NULL) || ')', NULL, ${lines(
    part(
      'method',
      `CASE c.castmethod WHEN 'f' THEN c.castfunc::regprocedure::text WHEN 'i' THEN 'inout' ELSE 'binary' END`,
    ),
    part(
      'context',
      `CASE c.castcontext WHEN 'e' THEN 'explicit' WHEN 'a' THEN 'assignment' ELSE 'implicit' END`,
    ),
  )}
  FROM pg_cast c WHERE c.oid >= ${firstUserOid} AND ${notMember('pg_cast', 'c.oid')}
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_cast'::regclass AND d.objid = c.oid AND d.deptype = 'i')`;

export const conversion = `
  SELECT ns.name || '.' || quote_ident(c.conname), NULL, ${lines(
    part('from', 'pg_encoding_to_char(c.conforencoding)'),
    part('to', 'pg_encoding_to_char(c.contoencoding)'),
    part('procedure', 'c.conproc::regprocedure::text'),
    flag('default', 'c.condefault'),
  )}
  FROM pg_conversion c JOIN ns ON ns.oid = c.connamespace
  WHERE c.oid >= ${firstUserOid} AND ${notMember('pg_conversion', 'c.oid')}`;
