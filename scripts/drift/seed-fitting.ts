// Takes the columns of a scratch table; gives them with the attempts whose values their own domains and checks let through: of
// several such columns no row would be let through by chance. It must not know which rows there are.
import { quoteLiteral } from '../schema/sql.ts';
import type { Query } from '../schema/types.ts';
import { type Hints, type SeedColumn, seedValue } from './seed-values.ts';

/** @param attempts how many values of each are tried; a column that none of them fits stays as it was */
export async function withFitting(
  scratch: Query,
  columns: readonly SeedColumn[],
  hints: Hints,
  attempts: number,
): Promise<SeedColumn[]> {
  const asked = columns.filter(({ domain, checks }) => domain !== null || checks.length > 0);
  if (asked.length === 0) return [...columns];
  const trials = asked.flatMap((column) =>
    Array.from({ length: attempts }, (_, attempt) => trialSql(column, attempt, hints, asked.indexOf(column))),
  );
  const body = `DECLARE fits boolean; found text := ''; BEGIN ${trials.join('\n')} PERFORM set_config('seed.fitting', found, false); END`;
  await scratch(`DO ${quoteLiteral(body)}`);
  const [row] = await scratch("SELECT current_setting('seed.fitting') AS found");
  const found = String(row?.found).split(' ');
  return columns.map((column) => {
    const own = `${asked.indexOf(column)}:`;
    const fitting = found
      .filter((each) => each.startsWith(own))
      .map((each) => Number(each.slice(own.length)));
    return fitting.length === 0 ? column : { ...column, fitting };
  });
}

function trialSql(column: SeedColumn, attempt: number, hints: Hints, place: number): string {
  const value = seedValue(column, attempt, hints);
  const fits = ['true', ...column.checks.map((check) => `(${check}) IS NOT FALSE`)].join(' AND ');
  const source = `(SELECT (${value})::${column.domain ?? column.type} AS ${column.name}) AS tried`;
  // Counted, so that the server computes it.
  return `BEGIN SELECT count(${column.name}) >= 0 AND bool_and(${fits}) INTO fits FROM ${source}; IF fits THEN found := found || ' ${place}:${attempt}'; END IF;
    EXCEPTION WHEN OTHERS THEN NULL; END;`;
}
