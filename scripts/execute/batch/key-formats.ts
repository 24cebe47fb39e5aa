// Gives the settings under which the keys of a batch are read as text, and the SQL that lets the file's own statement run
// under those of its login all the same. It knows no tables. Text in another format would be another key: a float of
// fewer digits, a timestamp with day and month changed over, a time zone whose abbreviation means two.
import type { Session } from '../../connection/session.ts';
import { quoteLiteral } from '../../schema/sql.ts';

const formats: Readonly<Record<string, string>> = {
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
  array_nulls: 'on',
  lc_monetary: 'C',
};

/** What decides how such keys are read from text, too: with them the statement runs under ours. */
const decidesReading: Readonly<Record<string, RegExp>> = { array_nulls: /\[\]$/, lc_monetary: /^money/ };

/**
 * Has the session write keys in one format until it is reset. To be called on a session that has what its login gives it.
 * @returns for the type of the key, select-list items that give back what the login had, until the end of the transaction;
 *   empty where that is the same
 */
export async function setKeyFormats(session: Session): Promise<(type: string) => readonly string[]> {
  const names = Object.keys(formats);
  const [row = {}] = await session.query<Record<string, string>>(
    `SELECT ${names.map((name) => `pg_catalog.current_setting('${name}') AS "${name}"`).join(', ')}`,
  );
  const others = names.filter((name) => row[name] !== formats[name]);
  if (others.length > 0)
    await session.batch(others.map((name) => `SET ${name} = '${formats[name]}'`).join(';\n'));
  return (type) =>
    others
      .filter((name) => decidesReading[name]?.test(type) !== true)
      .map((name) => `pg_catalog.set_config('${name}', ${quoteLiteral(row[name] ?? '')}, true)`);
}
