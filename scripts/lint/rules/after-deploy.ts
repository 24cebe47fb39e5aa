// Which rules an after-deploy migration has answered: it runs when no release uses any more what it takes away. Data only.

/** Ids of rules that are not asked about a file with `-- migrate: after-deploy`. */
export const answeredByAfterDeploy: ReadonlySet<string> = new Set([
  ...['drop-table', 'drop-view', 'drop-column', 'drop-schema'],
  ...['rename-table', 'rename-column', 'rename-schema', 'set-schema', 'rename-enum-value'],
]);
