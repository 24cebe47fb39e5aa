// Takes files that the tool refuses; gives what it says, having made sure that it never tried to connect.
import { expect } from 'chai';
import { expectExit, project, type Result } from './cli.ts';

/** Nothing listens there: a command that exits 2 did not try to connect, for that would be 8. */
export const nowhere = {
  env: { DATABASE_URL: 'postgres://u@127.0.0.1:1/d', MIGRATE_CONNECT_TIMEOUT: '1ms' },
};

/** What `up` says of these files, which it refuses before it connects. */
export async function refusal(files: Record<string, string>): Promise<Result> {
  const result = await (await project(files)).run(['up'], nowhere);
  expectExit(result, 2);
  expect(result.stderr).to.include('The database was not touched');
  return result;
}
