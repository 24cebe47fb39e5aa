-- {{name}}
--
-- Down: brings the schema back to what it was before the up, in reverse order. make migrate-verify proves it.
-- Where there is no way back, let this file hold only `-- migrate: irreversible <reason>`.

