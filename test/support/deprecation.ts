// Has a file's tests fail that make a library say it is called in a way that it is going to refuse. Node's own warnings
// have a code and differ from version to version: they are let through.
import { registry } from './cleanup.ts';

process.on('warning', (warning: Error & { code?: string }) => {
  if (warning.name !== 'DeprecationWarning' || warning.code !== undefined) return;
  registry.afterFiles.push(() => Promise.reject(warning));
});
