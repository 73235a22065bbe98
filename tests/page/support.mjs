// What the tests of the page share: the real server on a free port, a real Chromium, and a list of
// scenarios. Environment: HOLDFAST_BINARY names the program, HOLDFAST_PAGE_SHOTS a folder for
// screenshots.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
export const web = join(here, '../../web');
const require = createRequire(join(web, 'package.json'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const binary = process.env.HOLDFAST_BINARY;
assert.ok(binary && existsSync(binary), 'HOLDFAST_BINARY names no program');

export const folder = mkdtempSync(join(tmpdir(), 'holdfast-page-'));
const running = new Set();

export class Server {
  constructor(name, ...options) {
    this.data = join(folder, name);
    this.options = options;
    this.port = 0;
  }
  command(input, ...words) {
    const { status, stdout, stderr } = spawnSync(binary, [...words, '--data', this.data], { input });
    assert.equal(status, 0, String(stderr));
    return String(stdout);
  }
  async start() {
    const words = ['serve', '--data', this.data, '--listen', `127.0.0.1:${this.port}`];
    this.process = spawn(binary, [...words, '--access-log', 'off', '--durability', 'relaxed', ...this.options], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this.process);
    this.ended = new Promise((done) => this.process.on('exit', done));
    let said = '';
    await new Promise((done, failed) => {
      const read = (text) => {
        said += text;
        const found = said.match(/http:\/\/127\.0\.0\.1:(\d+)\//);
        if (found) {
          this.port = Number(found[1]);
          done();
        }
      };
      this.process.stdout.on('data', read);
      this.process.stderr.on('data', read);
      this.process.on('exit', () => failed(new Error(said)));
    });
    this.url = `http://127.0.0.1:${this.port}`;
    return this;
  }
  async stop(signal = 'SIGTERM') {
    this.process.kill(signal);
    const code = await this.ended;
    running.delete(this.process);
    if (signal === 'SIGTERM') assert.equal(code, 0, 'the server did not end well');
  }
  // A request of another client; with `as`, by that account.
  async ask(method, path, headers = {}, body = undefined, as = undefined) {
    if (as) headers = { ...headers, Authorization: 'Basic ' + Buffer.from(as).toString('base64') };
    return fetch(this.url + path, { method, headers, body, redirect: 'manual' });
  }
  async put(path, body, as) {
    const { status } = await this.ask('PUT', path, {}, body, as);
    assert.ok(status === 201 || status === 204, `PUT ${path}: ${status}`);
  }
  async get(path, as) {
    const response = await this.ask('GET', path, {}, undefined, as);
    return response.status === 200 ? response.text() : `${response.status}`;
  }
  async lock(path, owner, as) {
    const body =
      '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/>' +
      `</D:locktype><D:owner>${owner}</D:owner></D:lockinfo>`;
    const response = await this.ask('LOCK', path, { Depth: '0' }, body, as);
    assert.equal(response.status, 200);
    return response.headers.get('Lock-Token');
  }
}

let browser;
// Everything that a page must not do, of all pages.
export const violations = [];

// Opens a window of its own. Options: width, dark, account ("name:password", which every request
// has in Authorization), language, and script: false runs none, 'lost' does not load that of the page.
export async function openWindow(options = {}) {
  browser ??= await chromium.launch({
    executablePath: process.env.HOLDFAST_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-proxy-server', '--disable-dev-shm-usage', ...(process.getuid() === 0 ? ['--no-sandbox'] : [])],
  });
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: options.width === 390 ? 780 : 800 },
    colorScheme: options.dark ? 'dark' : 'light',
    javaScriptEnabled: options.script !== false,
    locale: options.language ?? 'en-GB',
    timezoneId: 'Europe/Berlin',
    reducedMotion: 'reduce',
    hasTouch: options.width === 390,
    acceptDownloads: true,
    ...(options.account && {
      extraHTTPHeaders: { Authorization: 'Basic ' + Buffer.from(options.account).toString('base64') },
    }),
  });
  context.setDefaultTimeout(15_000);
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) =>
      console.error(`VIOLATION ${event.violatedDirective} ${event.blockedURI} ${event.sample}`),
    );
  });
  if (options.script === 'lost') await context.route('**/?page=page-*.js', (route) => route.abort());
  return watch(await context.newPage());
}

// Notes what a page must not do. Returns the page.
export function watch(page) {
  page.on('console', (message) => {
    const text = message.text();
    if (/VIOLATION|Content Security Policy|TrustedHTML/.test(text)) violations.push(`${page.url()}: ${text}`);
  });
  page.on('pageerror', (error) => violations.push(`${page.url()}: ${error.stack}`));
  page.on('dialog', (dialog) => violations.push(`${page.url()}: a dialog said ${dialog.message()}`));
  return page;
}

// Waits until the script has taken the page over.
export async function visit(page, url) {
  await page.goto(url);
  await page.waitForSelector('.script .tools');
}
export const names = (page) => page.locator('main td.name > a bdi').allTextContents();
export const tool = (page, name) => page.getByRole('toolbar').getByRole('button', { name });

export async function expectAccessible(page, what) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe);
  const { violations: found } = await page.evaluate(() => window.axe.run(document));
  const told = found.map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map((node) => node.html.slice(0, 200)).join('\n  ')}`);
  assert.deepEqual(told, [], `axe-core at ${what}`);
}
export async function expectFits(page, what) {
  const [inner, scroll] = await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth]);
  assert.ok(scroll <= inner, `${what} is ${scroll} wide in a window of ${inner}`);
}
export async function shoot(page, name) {
  const target = process.env.HOLDFAST_PAGE_SHOTS;
  if (!target) return;
  mkdirSync(target, { recursive: true });
  await page.screenshot({ path: join(target, `${name}.png`) });
}

// Drops files and folders of this machine's disk, as a person drags them in.
export async function drop(page, paths) {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'])
    await session.send('Input.dispatchDragEvent', { type, x: 300, y: 300, data });
  await session.detach();
}

const scenarios = [];
export const scenario = (name, run) => scenarios.push({ name, run });

// Runs the scenarios whose name contains one of the arguments, or all; ends the process.
export async function runScenarios() {
  const wanted = process.argv.slice(2);
  let failures = 0;
  for (const { name, run } of scenarios) {
    if (wanted.length > 0 && !wanted.some((each) => name.includes(each))) continue;
    const started = Date.now();
    try {
      let late;
      const limit = new Promise((_, failed) => {
        late = setTimeout(() => failed(new Error('it takes too long')), 240_000);
      });
      await Promise.race([run(), limit]).finally(() => clearTimeout(late));
      assert.deepEqual(violations, [], 'what a page must not do');
      console.log(`ok    ${name} (${Date.now() - started} ms)`);
    } catch (error) {
      ++failures;
      console.log(`FAILED ${name}\n${error.stack}`);
      for (const page of browser?.contexts().flatMap((each) => each.pages()) ?? [])
        await shoot(page, `failed ${name.slice(0, 20)}`).catch(() => {});
    }
    violations.length = 0;
    for (const context of browser?.contexts() ?? []) await context.close().catch(() => {});
  }
  await browser?.close();
  for (const each of running) each.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
  console.log(failures === 0 ? 'all done' : `${failures} failed`);
  process.exit(failures === 0 ? 0 : 1);
}
