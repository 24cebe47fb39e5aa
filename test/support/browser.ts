// Gives a page of a real Chromium, and what went wrong in it. Tests that need one are skipped, and say so, where there is
// none: Debian's package `chromium`, or CHROMIUM names the program.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';

const program = process.env.CHROMIUM ?? '/usr/bin/chromium';

const quiet = [
  ...['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
];

export interface Watched {
  readonly page: Page;
  /** Errors and warnings of the console, exceptions, and every request but the one for the page. */
  readonly trouble: string[];
}

/** Call it in `before`; the tests of the suite are skipped where there is no Chromium. */
export function needsChromium(context: Mocha.Context): void {
  if (existsSync(program)) return;
  console.warn(
    `\nSKIPPED: ${program} is missing, so the page is not tried in a browser (apt-get install chromium)\n`,
  );
  context.skip();
}

let running: Promise<{ context: BrowserContext; profile: string }> | undefined;

async function launch(): Promise<{ context: BrowserContext; profile: string }> {
  const { chromium } = await import('playwright-core');
  const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: program,
    headless: true,
    chromiumSandbox: false,
    args: quiet,
    viewport: { width: 1360, height: 860 },
  });
  return { context, profile };
}

/** A file opened in a page of its own. */
export async function openInChromium(url: string): Promise<Watched> {
  running ??= launch();
  const { context } = await running;
  const page = await context.newPage();
  const trouble: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) trouble.push(message.text());
  });
  page.on('pageerror', (error) => trouble.push(String(error)));
  page.on('request', (request) => {
    if (request.url().split('#')[0] !== url) trouble.push(`request of ${request.url()}`);
  });
  await page.goto(url);
  return { page, trouble };
}

/** Call it in `after`. */
export async function closeChromium(): Promise<void> {
  if (running === undefined) return;
  const { context, profile } = await running;
  running = undefined;
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}
