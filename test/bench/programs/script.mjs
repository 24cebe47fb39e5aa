// Stands in for psql where there is none: sends a file's transactions one statement at a time on one connection.
// Argument: the file, whose statements are parted by a line that holds only "--".
import { readFileSync } from 'node:fs';
import pg from 'pg';

const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
for (const statement of readFileSync(process.argv[2], 'utf8').split('\n--\n')) await client.query(statement);
await client.end();
