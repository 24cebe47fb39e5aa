// The floor of everything that is written for Node and asks a database anything: connect, SELECT 1, disconnect.
import pg from 'pg';

const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
await client.query('SELECT 1');
await client.end();
