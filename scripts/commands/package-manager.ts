// Takes which files an application has and a template in npm's words; gives the template in those of the application's
// package manager, or what a person must put there. Pure.

/** How one package manager installs from its lock file, and calls the command of a package. */
interface Manager {
  /** The file by which it is known. */
  readonly lock: string;
  /** Another file that must be there, or must not, of managers with the same lock file. */
  readonly beside?: { readonly file: string; readonly there: boolean };
  readonly cache: string;
  readonly install: string;
  readonly call: string;
  /** In an image, without packages for development; null where that takes more than a line. */
  readonly production: string | null;
  /** Files besides package.json and the lock that an install reads, where they are there. */
  readonly reads: readonly string[];
}

const managers: readonly Manager[] = [
  {
    lock: 'pnpm-lock.yaml',
    cache: 'pnpm',
    install: 'pnpm install --frozen-lockfile',
    call: 'pnpm exec migrate',
    production: 'corepack enable && pnpm install --frozen-lockfile --prod --no-optional',
    reads: ['pnpm-workspace.yaml', '.npmrc'],
  },
  {
    lock: 'yarn.lock',
    beside: { file: '.yarnrc.yml', there: true },
    cache: 'yarn',
    install: 'yarn install --immutable',
    call: 'yarn run migrate',
    production: null,
    reads: [],
  },
  {
    lock: 'yarn.lock',
    beside: { file: '.yarnrc.yml', there: false },
    cache: 'yarn',
    install: 'yarn install --frozen-lockfile',
    call: 'yarn --silent run migrate',
    production:
      'corepack enable && yarn install --frozen-lockfile --production --ignore-optional --non-interactive && yarn cache clean',
    reads: ['.yarnrc', '.npmrc'],
  },
];

/** Locks of managers whose words nobody has written down here. */
const unknownLocks = ['bun.lock', 'bun.lockb'];

export interface Spelt {
  readonly content: string;
  /** What a person must change; null where nothing is left. */
  readonly note: string | null;
}

/**
 * @param has whether the application's folder has a file of that name
 * @param template a workflow or a Dockerfile as for npm
 */
export function inManagersWords(template: string, has: (file: string) => boolean): Spelt {
  if (has('package-lock.json')) return { content: template, note: null };
  const manager = managers.find(
    ({ lock, beside }) => has(lock) && (beside === undefined || has(beside.file) === beside.there),
  );
  const isImage = template.includes('\nFROM ');
  if (manager === undefined || (isImage && manager.production === null)) {
    const lock = [...managers.map((each) => each.lock), ...unknownLocks].find(has);
    if (lock === undefined) return { content: template, note: null };
    return { content: template, note: `it installs with npm ci: put there what installs by your ${lock}` };
  }
  return { content: isImage ? image(template, manager, has) : workflow(template, manager), note: null };
}

function image(
  template: string,
  { lock, production, reads }: Manager,
  has: (file: string) => boolean,
): string {
  const files = [lock, ...reads.filter(has)].join(' ');
  return template
    .replace('package.json package-lock.json', `package.json ${files}`)
    .replace(/^RUN npm ci .*$/m, `RUN ${production}`);
}

/** corepack comes with Node.js, and brings the release that package.json names; before setup-node, which asks for its cache. */
function workflow(template: string, { cache, install, call }: Manager): string {
  return template
    .replace(/^( *)- uses: actions\/setup-node@/m, '$1- run: corepack enable\n$&')
    .replace('cache: npm', `cache: ${cache}`)
    .replace('- run: npm ci', `- run: ${install}`)
    .replaceAll('npx --no migrate', call);
}
