// Takes stdout and stderr; sees to it that neither ends a run in its middle: a reader that went away (`| head`, a closed
// terminal), a full disk. It must not know what is written.
import { exitCodes } from '../base/errors.ts';

const told = 'State: what was to be done is done; make migrate-status shows what is applied.';

/** Once, before anything is written. What could not be written is told in the end: `usage`, where all else went well. */
export function watchStreams(): void {
  let lost: Error | null = null;
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // Where nobody reads any more, a run goes on unseen: half of it because of a pager would be worse.
      if (error.code !== 'EPIPE') lost ??= error;
    });
  process.once('exit', () => {
    if (lost === null) return;
    if ((process.exitCode ?? exitCodes.ok) === exitCodes.ok) process.exitCode = exitCodes.usage;
    process.stderr.write(`ERROR Not all of the output could be written: ${lost.message}\n${told}\n`);
  });
}
