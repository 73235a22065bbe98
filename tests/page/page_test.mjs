// The page in a real Chromium against the real server. Arguments choose scenarios by a part of their
// name.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import {
  drop,
  expectAccessible,
  expectFits,
  folder,
  names,
  openWindow,
  runScenarios,
  scenario,
  Server,
  shoot,
  tool,
  violations,
  visit,
  watch,
} from './support.mjs';

// A picture of one colour (PNG, RFC 2083).
function png(width, height, rgb) {
  const crc = (bytes) => {
    let c = ~0;
    for (const byte of bytes) {
      c ^= byte;
      for (let n = 0; n < 8; ++n) c = (c >>> 1) ^ (c & 1 ? 0xedb88320 : 0);
    }
    return ~c >>> 0;
  };
  const chunk = (type, data) => {
    const out = Buffer.alloc(12 + data.length);
    out.writeUInt32BE(data.length, 0);
    out.write(type, 4, 'latin1');
    data.copy(out, 8);
    out.writeUInt32BE(crc(out.subarray(4, 8 + data.length)), 8 + data.length);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const row = Buffer.concat([Buffer.from([0]), ...Array(width).fill(Buffer.from(rgb))]);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const rows = deflateSync(Buffer.concat(Array(height).fill(row)));
  return Buffer.concat([signature, chunk('IHDR', head), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))]);
}
const kRed = png(320, 200, [190, 70, 60]);
const kBlue = png(320, 200, [60, 90, 180]);

async function filled(name, ...options) {
  const server = await new Server(name, ...options).start();
  for (const each of ['Photos', 'Music', 'Übungen', 'A folder with quite a long name that needs two lines on a phone'])
    await server.ask('MKCOL', `/${encodeURIComponent(each)}`);
  await server.put('/IMG_10.png', kRed);
  await server.put('/img_9.png', kBlue);
  await server.put('/notes.md', '# Notes\n\nSome *text* and a [link](img_9.png).\n');
  await server.put('/table.csv', 'name;amount\n"a;b";1\nc;2\n');
  await server.put('/plain.txt', 'one\ntwo\nthree\n');
  await server.put('/report.pdf', '%PDF-1.4\n%%EOF\n');
  await server.put('/archive.zip', 'PK');
  await server.put('/a_very_long_name_without_any_space_that_must_break_somewhere_or_the_page_scrolls_sideways.tar.gz', 'x');
  return server;
}

scenario('without script: fits, accessible, large enough to touch', async () => {
  const server = await filled('plain');
  await server.lock('/plain.txt', 'Ann');
  for (const width of [390, 1280])
    for (const dark of [false, true]) {
      const what = `${width}-${dark ? 'dark' : 'light'}-without-script`;
      const page = await openWindow({ width, dark, script: false });
      await page.goto(server.url);
      assert.deepEqual((await names(page)).slice(0, 6), [
        'A folder with quite a long name that needs two lines on a phone',
        'Music', 'Photos', 'Übungen',
        'a_very_long_name_without_any_space_that_must_break_somewhere_or_the_page_scrolls_sideways.tar.gz',
        'archive.zip',
      ]);
      await expectFits(page, what);
      for (const box of await page.locator('a:visible, button:visible, input:visible').evaluateAll((all) =>
        all.map((each) => [each.getBoundingClientRect(), each.outerHTML]).map(([r, html]) => [r.width, r.height, html])))
        assert.ok(box[0] >= 24 && box[1] >= 24, `${box[2]} is ${box[0]} × ${box[1]}`);
      assert.match(await page.locator('tr', { hasText: 'plain.txt' }).textContent(), /Locked by Ann/);
      await shoot(page, what);
      if ((width === 390) !== dark) continue;
      // Sorting, filtering, folders and errors are links and forms.
      await page.getByRole('link', { name: 'Size' }).click();
      assert.equal((await page.locator('th[aria-sort]').getAttribute('aria-sort')), 'descending');
      await page.getByRole('searchbox').fill('IMG');
      await page.getByRole('button', { name: 'Filter' }).click();
      assert.equal((await names(page)).length, 2);
      await page.getByRole('link', { name: 'Files' }).click();
      await page.getByRole('link', { name: 'Music' }).click();
      assert.match(await page.textContent('main'), /This folder is empty/);
      await page.goto(`${server.url}/none`);
      assert.match(await page.textContent('h1'), /Not found/);
      await shoot(page, `${what}-error`);
      await page.getByRole('link', { name: 'To the files' }).click();
      assert.equal(page.url(), `${server.url}/`);
    }
  // What looks at a page is a script itself.
  for (const dark of [false, true]) {
    const page = await openWindow({ script: 'lost', dark });
    await page.goto(server.url);
    await expectAccessible(page, 'the page without its script');
    await page.goto(`${server.url}/none`);
    await expectAccessible(page, 'an error');
  }
  await server.stop();
});

scenario('with script: fits, accessible, in the reader’s own time and language', async () => {
  const server = await filled('script');
  await server.ask('PUT', '/plain.txt', { 'X-OC-Mtime': '1767322800' }, 'x'); // 3:00 in UTC
  await server.lock('/table.csv', 'Ann');
  for (const width of [390, 1280])
    for (const dark of [false, true]) {
      const what = `${width}-${dark ? 'dark' : 'light'}`;
      // What lies behind the list is judged in two of the four looks.
      const thorough = (width === 390) === dark;
      const page = await openWindow({ width, dark });
      await visit(page, server.url);
      assert.match(await page.locator('tr', { hasText: 'plain.txt' }).locator('time').textContent(), /04:00/);
      await expectFits(page, what);
      await expectAccessible(page, what);
      await shoot(page, what);
      if (!thorough) continue;
      await page.getByLabel('Select notes.md').check();
      await page.getByLabel('Select plain.txt').check();
      await tool(page, 'Rename').waitFor({ state: 'detached' });
      await expectFits(page, `${what}, selected`);
      await expectAccessible(page, `${what}, selected`);
      await shoot(page, `${what}-selected`);
      await tool(page, 'Move').click();
      await page.getByRole('dialog').getByRole('button', { name: 'Music' }).waitFor();
      await expectAccessible(page, `${what}, a target`);
      await shoot(page, `${what}-target`);
      await page.keyboard.press('Escape');
      await page.keyboard.press('Escape');
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
      await expectAccessible(page, `${what}, keys`);
      await shoot(page, `${what}-keys`);
      await page.keyboard.press('Escape');
      await page.getByRole('link', { name: /notes\.md/ }).first().click();
      await page.locator('.prose h1').waitFor();
      await expectFits(page, `${what}, Markdown`);
      await expectAccessible(page, `${what}, Markdown`);
      await shoot(page, `${what}-markdown`);
    }
  const german = await openWindow({ language: 'de-DE' });
  await visit(german, server.url);
  await tool(german, 'Dateien hochladen').waitFor();
  assert.match(await german.locator('tr', { hasText: 'plain.txt' }).locator('time').textContent(), /02\.01\.2026/);
  await shoot(german, '1280-german');
  await server.stop();
});

scenario('uploads: files and folders that are dropped or picked keep names, folders and dates', async () => {
  const server = await new Server('uploads').start();
  const page = await openWindow();
  await visit(page, server.url);
  const source = join(folder, 'source');
  mkdirSync(join(source, 'tree/deep/er'), { recursive: true });
  mkdirSync(join(source, 'tree/empty'));
  writeFileSync(join(source, 'tree/deep/er/ü %&.txt'), 'deep');
  writeFileSync(join(source, 'tree/one.txt'), 'one');
  writeFileSync(join(source, 'single.bin'), Buffer.alloc(300_000, 7));
  await drop(page, [join(source, 'tree'), join(source, 'single.bin')]);
  await page.getByText('Uploaded: 3').first().waitFor();
  await page.locator('td.name', { hasText: 'single.bin' }).waitFor();
  assert.deepEqual(await names(page), ['tree', 'single.bin']);
  assert.equal(await server.get('/tree/deep/er/%C3%BC%20%25%26.txt'), 'deep');
  assert.equal(await server.get('/tree/one.txt'), 'one');
  assert.equal((await server.ask('GET', '/tree/empty/')).status, 200);
  const head = await server.ask('HEAD', '/single.bin');
  assert.equal(
    Date.parse(head.headers.get('Last-Modified')) / 1000,
    Math.floor(statSync(join(source, 'single.bin')).mtimeMs / 1000),
  );
  await expectAccessible(page, 'the queue');
  await shoot(page, '1280-queue');

  const chooser = page.waitForEvent('filechooser');
  await tool(page, 'Upload files').click();
  await (await chooser).setFiles([{ name: 'picked.txt', mimeType: 'text/plain', buffer: Buffer.from('picked') }]);
  await page.locator('td.name', { hasText: 'picked.txt' }).waitFor();
  assert.equal(await server.get('/picked.txt'), 'picked');
  await server.stop();
});

scenario('uploads: one question for a batch, which holds when the files land', async () => {
  const server = await new Server('exists').start();
  for (const name of ['a.txt', 'b.txt']) await server.put(`/${name}`, 'old');
  const page = await openWindow();
  await visit(page, server.url);
  const send = async (files) => {
    const chooser = page.waitForEvent('filechooser');
    await tool(page, 'Upload files').click();
    await (await chooser).setFiles(
      Object.entries(files).map(([name, text]) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) })),
    );
  };
  const close = () => page.locator('.queue').getByRole('button', { name: 'Close' }).click();
  const batch = { 'a.txt': 'new', 'b.txt': 'new', 'c.txt': 'new' };

  await send(batch);
  assert.match(await page.getByRole('dialog').textContent(), /2 of the files/);
  await expectAccessible(page, 'the question');
  await shoot(page, '1280-question');
  await page.getByRole('button', { name: 'Cancel' }).click();
  assert.equal(await server.get('/c.txt'), '404');

  await send(batch);
  await page.getByRole('button', { name: 'Skip' }).click();
  await page.getByText('Uploaded: 1').first().waitFor();
  assert.equal(await server.get('/a.txt'), 'old');
  assert.equal(await server.get('/c.txt'), 'new');
  await close();

  await send({ 'a.txt': 'other' });
  await page.getByRole('button', { name: 'Keep both' }).click();
  await page.locator('td.name', { hasText: 'a (2).txt' }).waitFor();
  assert.equal(await server.get('/a.txt'), 'old');
  assert.equal(await server.get('/a%20(2).txt'), 'other');
  await close();

  await send({ 'a.txt': 'replaced' });
  await page.getByRole('button', { name: 'Replace' }).click();
  await page.getByText('Uploaded: 1').first().waitFor();
  assert.equal(await server.get('/a.txt'), 'replaced');
  await close();

  // What is stored between the question and the arrival is not replaced.
  const before = async (path, text) => {
    let done = false;
    await page.route(`**${path}`, async (route) => {
      if (route.request().method() === 'PUT' && !done) {
        done = true;
        await server.put(path, text);
      }
      await route.continue();
    });
  };
  await before('/a.txt', 'by somebody else');
  await send({ 'a.txt': 'too late' });
  await page.getByRole('button', { name: 'Replace' }).click();
  await page.getByText('Changed meanwhile').waitFor();
  assert.equal(await server.get('/a.txt'), 'by somebody else');
  await before('/d.txt', 'first');
  await send({ 'd.txt': 'second' });
  await page.locator('.queue li.failed', { hasText: 'd.txt' }).waitFor();
  assert.equal(await server.get('/d.txt'), 'first');
  await page.locator('.queue li.failed', { hasText: 'd.txt' }).getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('button', { name: 'Replace' }).click();
  await page.locator('.queue li.done', { hasText: 'd.txt' }).waitFor();
  assert.equal(await server.get('/d.txt'), 'second');
  await server.stop();
});

scenario('uploads: what refuses one refuses all, and says so; what is lost is tried again', async () => {
  const server = await new Server('refused').start();
  await server.put('/locked.txt', 'x');
  const token = await server.lock('/locked.txt', 'Ann');
  const page = await openWindow();
  await visit(page, server.url);
  const source = join(folder, 'refused-source');
  mkdirSync(source);
  for (const name of ['locked.txt', 'n1.txt', 'n2.txt']) writeFileSync(join(source, name), 'mine');
  await drop(page, ['locked.txt', 'n1.txt', 'n2.txt'].map((name) => join(source, name)));
  await page.getByRole('button', { name: 'Replace' }).click();
  await page.getByText(/The uploads have stopped: .*lock/).first().waitFor();
  await shoot(page, '1280-stopped');
  assert.equal(await server.get('/locked.txt'), 'x');
  assert.equal((await server.ask('UNLOCK', '/locked.txt', { 'Lock-Token': token })).status, 204);
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByText('Uploaded: 3').first().waitFor();
  assert.equal(await server.get('/locked.txt'), 'mine');
  await page.locator('.queue').getByRole('button', { name: 'Close' }).click();

  // The server is killed in the middle and comes back.
  writeFileSync(join(source, 'large.bin'), Buffer.alloc(30_000_000, 5));
  const session = await page.context().newCDPSession(page);
  const throttle = (rate) =>
    session.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: rate });
  await session.send('Network.enable');
  await throttle(5_000_000);
  await drop(page, [join(source, 'large.bin')]);
  await page.locator('.queue .state', { hasText: /[1-9]\d? %/ }).waitFor();
  await server.stop('SIGKILL');
  await throttle(-1);
  await page.locator('.queue .state', { hasText: 'Waiting' }).waitFor();
  await server.start();
  await page.locator('.queue li.done', { hasText: 'large.bin' }).waitFor({ timeout: 30_000 });
  assert.equal((await server.ask('HEAD', '/large.bin')).headers.get('Content-Length'), '30000000');
  await server.stop();
});

scenario('uploads: a large file goes on after a reload and a restart, from where it was', async () => {
  const server = await new Server('resumed').start();
  const bytes = randomBytes(process.env.HOLDFAST_FULL_SCALE === '1' ? 2 ** 31 - 1 : 60_000_000);
  const source = join(folder, 'resumed-source');
  mkdirSync(source);
  const file = join(source, 'film.bin');
  writeFileSync(file, bytes);
  const offsets = [];
  const throttled = async (page, rate) => {
    page.on('request', (request) => {
      const offset = request.headers()['upload-offset'];
      if (request.method() === 'PATCH') offsets.push(Number(offset));
    });
    await visit(page, server.url);
    const session = await page.context().newCDPSession(page);
    await session.send('Network.enable');
    await session.send('Network.emulateNetworkConditions', {
      offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: rate,
    });
    await drop(page, [file]);
  };
  const first = await openWindow();
  await throttled(first, bytes.length / 6);
  await first.locator('.queue .state', { hasText: /[4-9]\d %/ }).waitFor({ timeout: 60_000 });
  assert.equal(await server.get('/film.bin'), '404');
  // The page is gone, and the server is killed and comes back.
  const again = await first.context().newPage();
  watch(again);
  await first.close();
  await server.stop('SIGKILL');
  await server.start();
  const before = offsets.length;
  await throttled(again, -1);
  await again.locator('.queue li.done', { hasText: 'film.bin' }).waitFor({ timeout: 200_000 });
  assert.equal(offsets[0], 0);
  assert.ok(offsets[before] >= 16 * 2 ** 20, `it went on at ${offsets[before]}`);
  const stored = await server.ask('GET', '/film.bin');
  const hash = createHash('sha256');
  for await (const chunk of stored.body) hash.update(chunk);
  assert.equal(hash.digest('hex'), createHash('sha256').update(bytes).digest('hex'));
  assert.equal(Date.parse(stored.headers.get('Last-Modified')) / 1000, Math.floor(statSync(file).mtimeMs / 1000));
  // What is cancelled is gone on the server as well.
  writeFileSync(file, randomBytes(40_000_000));
  utimesSync(file, 1_700_000_000, 1_700_000_000);
  const session = await again.context().newCDPSession(again);
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', {
    offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 10_000_000,
  });
  await drop(again, [file]);
  await again.getByRole('button', { name: 'Replace' }).click();
  await again.locator('.queue .state', { hasText: /[4-9]\d %/ }).waitFor({ timeout: 60_000 });
  await again.locator('.queue li', { hasText: 'film.bin' }).getByRole('button', { name: /Cancel/ }).last().click();
  const left = () => server.command('', 'upload', 'list');
  for (let n = 0; n < 50 && !left().startsWith('0 uploads'); ++n)
    await new Promise((done) => setTimeout(done, 100));
  assert.match(left(), /^0 uploads/);
  await server.stop();
});

scenario('accounts: a quota stops the queue; a delete is undone; trash and versions', async () => {
  const server = new Server('accounts');
  server.command('secret words\n', 'user', 'add', 'ann', '--home', '/', '--quota-bytes', '100KiB');
  server.command('secret words\n', 'user', 'add', 'bob', '--home', '/');
  await server.start();
  const ann = 'ann:secret words';
  const bob = 'bob:secret words';
  await server.put('/text.txt', 'first\nsame\n', ann);
  await server.put('/other.txt', 'x', ann);
  const page = await openWindow({ account: ann });
  await visit(page, server.url);

  await page.getByLabel('Select text.txt').check();
  await page.getByLabel('Select other.txt').check();
  await tool(page, 'Delete').click();
  await page.getByText('Deleted: 2').first().waitFor();
  assert.deepEqual(await names(page), []);
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('Restored: 2').first().waitFor();
  assert.deepEqual(await names(page), ['other.txt', 'text.txt']);

  await page.getByRole('link', { name: /other\.txt/ }).first().focus();
  await page.keyboard.press('Delete');
  await page.locator('td.name', { hasText: 'other.txt' }).waitFor({ state: 'detached' });
  await tool(page, 'Trash').click();
  await page.getByRole('button', { name: 'Restore: other.txt' }).waitFor();
  await expectAccessible(page, 'the trash');
  await shoot(page, '1280-trash');
  await page.getByRole('button', { name: 'Restore: other.txt' }).click();
  await page.getByText('The trash is empty.').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  assert.equal(await server.get('/other.txt', ann), 'x');

  // What one account stores within a minute is one version.
  await server.put('/text.txt', 'second\nsame\n', bob);
  await page.getByLabel('Select text.txt').check();
  await tool(page, 'Versions').click();
  await page.getByRole('button', { name: 'Compare' }).first().waitFor();
  await expectAccessible(page, 'the versions');
  await page.getByRole('button', { name: 'Compare' }).first().click();
  await page.locator('.lines .removed', { hasText: 'first' }).waitFor();
  await page.locator('.lines .added', { hasText: 'second' }).waitFor();
  await shoot(page, '1280-compare');
  await page.getByRole('button', { name: 'Back' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Restore' }).first().click();
  await page.getByText('Restored: text.txt').first().waitFor();
  assert.equal(await server.get('/text.txt', ann), 'first\nsame\n');

  const chooser = page.waitForEvent('filechooser');
  await page.keyboard.press('Escape');
  await tool(page, 'Upload files').click();
  await (await chooser).setFiles([{ name: 'big.bin', mimeType: 'x/y', buffer: Buffer.alloc(200 * 1024) }]);
  await page.locator('.queue .why').waitFor();
  assert.equal(await server.get('/big.bin', ann), '404');
  await server.stop();
});

scenario('signing in: on a page, out again, and back to where one was', async () => {
  const server = new Server('sessions');
  server.command('secret words\n', 'user', 'add', 'ann', '--home', '/', '--quota-bytes', '1MiB');
  await server.start();
  const ann = 'ann:secret words';
  await server.ask('MKCOL', '/Photos', {}, undefined, ann);
  await server.put('/Photos/one.txt', 'text', ann);
  for (const width of [390, 1280])
    for (const dark of [false, true])
      for (const language of ['en-GB', 'de-DE']) {
        const page = await openWindow({ width, dark, language, script: width === 390 ? false : true });
        const response = await page.goto(`${server.url}/Photos/?sort=size`);
        assert.equal(response.status(), 401);
        const what = `${width}-${dark ? 'dark' : 'light'}-${language.slice(0, 2)}`;
        if (page.context()) await expectFits(page, 'the page that signs in');
        if (width === 1280) await expectAccessible(page, 'the page that signs in');
        await shoot(page, `${what}-sign-in`);
        const german = language === 'de-DE';
        await page.getByLabel(german ? 'Passwort' : 'Password').fill('wrong');
        await page.getByLabel('Name').fill('ann');
        await page.keyboard.press('Enter');
        await page.getByRole('alert').waitFor();
        assert.equal(await page.getByLabel('Name').inputValue(), 'ann');
        await shoot(page, `${what}-sign-in-wrong`);
        await page.getByLabel(german ? 'Passwort' : 'Password').fill('secret words');
        await page.getByRole('button', { name: german ? 'Anmelden' : 'Sign in' }).click();
        await page.getByText('one.txt').first().waitFor();
        assert.equal(page.url(), `${server.url}/Photos/?sort=size`);
        await expectFits(page, 'the page of who is signed in');
        await shoot(page, `${what}-signed-in`);
        const [cookie] = await page.context().cookies();
        assert.ok(cookie.httpOnly && cookie.sameSite === 'Strict' && cookie.value.length === 43);
        await page.getByRole('button', { name: german ? 'Abmelden' : 'Sign out' }).click();
        await page.getByLabel(german ? 'Passwort' : 'Password').waitFor();
        assert.deepEqual(await page.context().cookies(), []);
        await page.goBack();
        assert.equal(await page.getByText('one.txt').count(), 0, 'nothing is shown from a cache');
        await page.context().close();
      }

  // What the page does goes by the cookie, and stops when that ends elsewhere.
  const page = await openWindow();
  await page.goto(server.url);
  await page.getByLabel('Name').fill('ann');
  await page.getByLabel('Password').fill('secret words');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.script .tools');
  await tool(page, 'New folder').click();
  await page.keyboard.type('Made');
  await page.keyboard.press('Enter');
  await page.locator('td.name', { hasText: 'Made' }).waitFor();
  const { sessions } = JSON.parse(server.command('', 'user', 'session', 'list', '--json'));
  assert.equal(sessions.length, 1);
  assert.match(sessions[0].client, /Chrome/);
  server.command('', 'user', 'session', 'end', sessions[0].id);
  await page.getByLabel('Select Made').check();
  await tool(page, 'Delete').click();
  await page.locator('.message.bad').getByRole('button', { name: 'Sign in' }).click();
  await page.getByLabel('Password').waitFor();
  await server.stop();

  const open = await new Server('sessions', '--anonymous', 'read').start();
  const guest = await openWindow({ width: 390 });
  await visit(guest, `${open.url}/Photos/`);
  await expectFits(guest, 'the page of a guest');
  await expectAccessible(guest, 'the page of a guest');
  await shoot(guest, '390-guest');
  await guest.getByRole('link', { name: 'Sign in' }).click();
  await guest.getByLabel('Name').fill('ann');
  await guest.getByLabel('Password').fill('secret words');
  await guest.keyboard.press('Enter');
  await guest.getByRole('button', { name: 'Sign out' }).waitFor();
  assert.equal(guest.url(), `${open.url}/Photos/`);
  await open.stop();
});

scenario('account: quota, password, devices and sessions', async () => {
  const server = new Server('own-account');
  server.command('secret words\n', 'user', 'add', 'ann', '--home', '/', '--quota-bytes', '1MiB');
  await server.start();
  const ann = 'ann:secret words';
  await server.put('/f', Buffer.alloc(300 * 1024), ann);
  const signIn = async (page, password = 'secret words') => {
    await page.goto(server.url);
    await page.getByLabel('Name').fill('ann');
    await page.getByLabel(/Password|Passwort/).fill(password);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.script .tools');
  };
  for (const width of [390, 1280])
    for (const dark of [false, true])
      for (const language of ['en-GB', 'de-DE']) {
        const page = await openWindow({ width, dark, language });
        await signIn(page);
        await tool(page, language === 'de-DE' ? 'Konto' : 'Account').click();
        await page.getByRole('dialog').getByText(/300[.,]0 KiB/).waitFor();
        for (const each of await page.getByRole('dialog').locator('summary').all()) await each.click();
        await expectAccessible(page, 'the account');
        await expectFits(page, 'the account');
        await shoot(page, `${width}-${dark ? 'dark' : 'light'}-${language.slice(0, 2)}-account`);
        await page.context().close();
      }

  const page = await openWindow();
  await signIn(page);
  await tool(page, 'Account').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Passwords of devices (0)').click();
  await dialog.getByLabel('Name of the device').fill('<b>phone');
  await dialog.getByLabel('Only reading').check();
  await dialog.getByRole('button', { name: 'Make a password' }).click();
  const secret = await dialog.locator('code').textContent();
  await shoot(page, '1280-token');
  await expectAccessible(page, 'a new password of a device');
  assert.equal(await server.get('/f', `ann:${secret}`).then((text) => text.length), 300 * 1024);
  assert.equal((await server.ask('PUT', '/g', {}, 'x', `ann:${secret}`)).status, 403);
  await dialog.getByText('Passwords of devices (1)').waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();
  assert.equal(await dialog.locator('code').count(), 0);
  await dialog.getByRole('button', { name: 'Revoke: <b>phone' }).click();
  await dialog.getByText('Passwords of devices (0)').waitFor();
  assert.equal(await server.get('/f', `ann:${secret}`), '401');

  await page.keyboard.press('Escape');
  const other = await openWindow();
  await signIn(other);
  await tool(page, 'Account').click();
  await dialog.locator('summary', { hasText: 'Signed in' }).click();
  await dialog.getByText('This browser').waitFor();
  for (let left = await dialog.getByRole('button', { name: /^End/ }).count(); left > 0; --left) {
    await dialog.getByRole('button', { name: /^End/ }).first().click();
    await dialog.getByText(`Signed in (${left})`).waitFor();
  }
  await other.goto(server.url);
  await other.getByLabel('Password').waitFor();

  await dialog.getByText('Change the password').first().click();
  await dialog.getByLabel('Present password').fill('wrong');
  await dialog.getByLabel('New password').fill('other words');
  await dialog.getByRole('button', { name: 'Change the password' }).click();
  await dialog.getByRole('alert').waitFor();
  await dialog.getByLabel('Present password').fill('secret words');
  await dialog.getByRole('button', { name: 'Change the password' }).click();
  await page.waitForURL('**/?session=*');
  await page.getByLabel('Name').fill('ann');
  await page.getByLabel('Password').fill('other words');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.script .tools');
  await server.stop();
});

scenario('links: made, opened without an account, and revoked', async () => {
  const server = new Server('links');
  server.command('secret words\n', 'user', 'add', 'ann', '--home', '/private');
  await server.start();
  const ann = 'ann:secret words';
  for (const path of ['/private/', '/private/Photos', '/private/Photos/sub']) await server.ask('MKCOL', path, {}, undefined, ann);
  await server.put('/private/Photos/one.txt', 'text', ann);
  const urls = [];
  for (const [width, dark, language] of [[390, false, 'de-DE'], [1280, true, 'en-GB'], [1280, false, 'en-GB']]) {
    const german = language === 'de-DE';
    const page = await openWindow({ width, dark, language, account: ann });
    await visit(page, `${server.url}/private/`);
    await page.getByLabel(german ? 'Photos auswählen' : 'Select Photos').check();
    await tool(page, german ? 'Teilen' : 'Share').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel(german ? 'Wofür er ist' : 'What it is for').fill('<b>Bob');
    if (dark) await dialog.getByLabel(/^Password/).fill('eight and more');
    await dialog.getByRole('button', { name: german ? 'Link erzeugen' : 'Make a link' }).click();
    urls.push(await dialog.locator('code').textContent());
    await expectAccessible(page, 'the links of a folder');
    await expectFits(page, 'the links of a folder');
    await shoot(page, `${width}-${dark ? 'dark' : 'light'}-share`);
    await page.context().close();
  }
  for (const width of [390, 1280])
    for (const script of [false, true]) {
      const page = await openWindow({ width, script, dark: width === 390 });
      await page.goto(urls[0]);
      if (script) await page.waitForSelector('.script .tools');
      assert.deepEqual(await names(page), ['sub', 'one.txt']);
      assert.ok(!(await page.content()).includes('private'));
      await expectFits(page, 'the page of a link');
      if (script) await expectAccessible(page, 'the page of a link');
      await shoot(page, `${width}-link${script ? '' : '-without-script'}`);
      await page.getByRole('link', { name: 'sub' }).first().click();
      await page.getByText('This folder is empty.').waitFor();
      await page.locator('header nav').getByRole('link', { name: 'Photos' }).click();
      await page.getByText('one.txt').first().waitFor();
      await page.context().close();
    }
  const page = await openWindow();
  await page.goto(urls[1]);
  await page.getByLabel('Password').fill('wrong one');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
  await expectAccessible(page, 'the password of a link');
  await shoot(page, '1280-link-password');
  await page.getByLabel('Password').fill('eight and more');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.script .tools');
  assert.equal(page.url(), urls[1]);

  const own = await openWindow({ account: ann });
  await visit(own, `${server.url}/private/`);
  await own.getByLabel('Select Photos').check();
  await tool(own, 'Share').click();
  const revoke = own.getByRole('dialog').getByRole('button', { name: 'Revoke: <b>Bob' });
  await revoke.first().waitFor();
  for (let left = await revoke.count(); left > 0; --left) {
    await revoke.first().click();
    await own.waitForFunction((count) => document.querySelectorAll('dialog li').length === count, left - 1);
  }
  for (const url of urls) assert.equal(await server.get(new URL(url).pathname), '404');
  await server.stop();
});

scenario('many at once: select, move by keyboard, copy, rename; refusals are named', async () => {
  const server = await new Server('many').start();
  for (let n = 1; n <= 6; ++n) await server.put(`/f${n}.txt`, `${n}`);
  await server.ask('MKCOL', '/target');
  await server.ask('MKCOL', '/target/inner');
  await server.put('/target/inner/f2.txt', 'there');
  const page = await openWindow();
  await visit(page, server.url);

  // A range with shift, by mouse and by keys; all; none.
  await page.getByLabel('Select f1.txt').click();
  await page.getByLabel('Select f3.txt').click({ modifiers: ['Shift'] });
  await page.getByRole('toolbar', { name: '3 selected' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: /f1\.txt/ }).first().focus();
  await page.keyboard.press('Shift+ArrowDown');
  await page.keyboard.press('Shift+ArrowDown');
  await page.getByRole('toolbar', { name: '3 selected' }).waitFor();
  await page.keyboard.press('Control+a');
  await page.getByRole('toolbar', { name: '7 selected' }).waitFor();
  await page.keyboard.press('Escape');

  // Moved with the keyboard alone; one name exists.
  await page.getByLabel('Select f1.txt').check();
  await page.getByLabel('Select f2.txt').check();
  await tool(page, 'Move').focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'target' }).waitFor();
  await page.keyboard.press('Enter');
  await dialog.getByRole('button', { name: 'inner' }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await dialog.getByText('/target/inner/').waitFor();
  await dialog.getByText('No folders in here.').waitFor();
  await dialog.getByRole('button', { name: 'Move here' }).click();
  await page.getByRole('button', { name: 'Keep both' }).click();
  await page.getByText('Moved: 2').first().waitFor();
  assert.equal(await server.get('/target/inner/f1.txt'), '1');
  assert.equal(await server.get('/target/inner/f2.txt'), 'there');
  assert.equal(await server.get('/target/inner/f2%20(2).txt'), '2');

  // Cut, and pasted elsewhere; copied beside itself.
  await page.getByRole('link', { name: /f3\.txt/ }).first().focus();
  await page.keyboard.press('Control+x');
  await page.getByRole('link', { name: /^target/ }).first().click();
  await page.waitForURL('**/target/');
  await page.keyboard.press('Control+v');
  await page.locator('td.name', { hasText: 'f3.txt' }).waitFor();
  assert.equal(await server.get('/f3.txt'), '404');
  await page.getByRole('link', { name: /f3\.txt/ }).first().focus();
  await page.keyboard.press('Control+c');
  await page.keyboard.press('Control+v');
  await page.locator('td.name', { hasText: 'f3 (2).txt' }).waitFor();

  // Up by key, with the folder's row in focus; renamed.
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: /f3\.txt/ }).first().focus();
  await page.keyboard.press('Backspace');
  await page.waitForFunction(() => document.activeElement?.textContent.startsWith('target'));
  await page.getByRole('link', { name: /f4\.txt/ }).first().focus();
  await page.keyboard.press('F2');
  await page.getByRole('textbox', { name: 'New name' }).fill('../evil');
  await page.keyboard.press('Enter');
  await page.getByText('A name has no slash').waitFor();
  await page.getByRole('textbox', { name: 'New name' }).fill('f5.txt');
  await page.keyboard.press('Enter');
  await page.getByText('There is something of this name').first().waitFor();
  assert.equal(await server.get('/f5.txt'), '5');
  await page.keyboard.press('F2');
  await page.getByRole('textbox', { name: 'New name' }).fill('ä & ?.txt');
  await page.keyboard.press('Enter');
  await page.locator('td.name', { hasText: 'ä & ?.txt' }).waitFor();
  assert.equal(await server.get('/%C3%A4%20%26%20%3F.txt'), '4');

  // Guests are asked before a delete; what is locked stays and is named.
  await server.lock('/f5.txt', 'Ann');
  await page.keyboard.press('Escape');
  await page.getByLabel('Select f5.txt').check();
  await page.getByLabel('Select f6.txt').check();
  await tool(page, 'Delete').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog', { name: 'Not done: 1' }).getByText('f5.txt').waitFor();
  await expectAccessible(page, 'refusals');
  await shoot(page, '1280-refused');
  await page.keyboard.press('Escape');
  assert.equal(await server.get('/f5.txt'), '5');
  assert.equal(await server.get('/f6.txt'), '404');

  // The filter, as one types.
  await page.keyboard.press('/');
  await page.keyboard.type('TARG');
  await page.locator('td.name', { hasText: 'f5.txt' }).waitFor({ state: 'hidden' });
  assert.deepEqual(await page.locator('main tbody tr:visible td.name bdi').allTextContents(), ['target']);

  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await tool(page, 'New folder').click();
  await page.keyboard.type('made here');
  await page.keyboard.press('Enter');
  await page.locator('td.name', { hasText: 'made here' }).waitFor();
  assert.equal((await server.ask('GET', '/made%20here/')).status, 200);
  await server.stop();
});

scenario('search below: with script and without, results lead to their folders', async () => {
  const server = await filled('search');
  await server.ask('MKCOL', '/Photos/Sea');
  await server.put('/Photos/Sea/Needle.txt', 'one');
  await server.put('/Photos/needle.png', kRed);
  const texts = (page) => page.locator('main tbody td.name > a:first-of-type bdi').allTextContents();
  for (const script of [true, false]) {
    const page = await openWindow({ width: script ? 1280 : 390, script });
    await page.goto(server.url);
    if (script) {
      await page.waitForSelector('.script .tools');
      await page.keyboard.press('/');
    } else {
      await page.getByRole('searchbox').focus();
    }
    await page.keyboard.type('NEEDLE');
    if (script) await page.keyboard.press('Enter');
    else await page.getByRole('button', { name: 'Search below' }).click();
    await page.locator('td.name', { hasText: 'Needle.txt' }).waitFor();
    assert.deepEqual(await texts(page), ['needle.png', 'Needle.txt']);
    await expectFits(page, 'search');
    if (script) await expectAccessible(page, 'search');
    await shoot(page, `search-${script}`);
    await page.getByRole('link', { name: 'Photos/Sea' }).click();
    await page.waitForURL(`${server.url}/Photos/Sea/`);
    assert.deepEqual(await texts(page), ['Needle.txt']);
    await page.goBack();
    await page.locator('td.name', { hasText: 'needle.png' }).waitFor();
    assert.equal((await texts(page)).length, 2);
    if (!script) continue;
    // A result is a row like any other: it opens and is removed where it is. What is typed on leaves
    // the search.
    await page.getByRole('link', { name: 'Needle.txt' }).first().click();
    await page.getByText('one', { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('searchbox').fill('music');
    await page.locator('td.name', { hasText: 'Music' }).waitFor();
    assert.equal(new URL(page.url()).search, '');
  }
  const german = await openWindow({ width: 390, language: 'de-DE', script: false });
  await german.goto(`${server.url}/?filter=needle&below=yes`);
  await german.getByRole('button', { name: 'Darunter suchen' }).waitFor();
  await server.stop();
});

scenario('zip: of a folder without script, of a selection with it', async () => {
  const server = await filled('zip');
  await server.put('/Photos/%C3%9Cber%20uns.txt', 'below');
  const listed = async (download) => {
    const path = await download.path();
    assert.equal(spawnSync('unzip', ['-tq', path]).status, 0);
    return String(spawnSync('unzip', ['-Z1', path], { env: { ...process.env, LC_ALL: 'C.UTF-8' } }).stdout).trim().split('\n').sort();
  };
  const plain = await openWindow({ width: 390, script: false });
  await plain.goto(`${server.url}/Photos/`);
  const [whole] = await Promise.all([plain.waitForEvent('download'), plain.getByRole('link', { name: 'All as zip' }).click()]);
  assert.equal(whole.suggestedFilename(), 'Photos.zip');
  assert.deepEqual(await listed(whole), ['Photos/Über uns.txt']);

  const page = await openWindow({});
  await visit(page, server.url);
  for (const name of ['Photos', 'plain.txt']) await page.locator('tr', { hasText: name }).first().locator('.check input').click();
  const [some] = await Promise.all([page.waitForEvent('download'), tool(page, 'As zip').click()]);
  assert.equal(some.suggestedFilename(), 'files.zip');
  assert.deepEqual(await listed(some), ['Photos/', 'Photos/Über uns.txt', 'plain.txt']);
  await server.stop();
});

scenario('previews: pictures, sound, text, Markdown, tables; nothing hostile runs', async () => {
  const server = await filled('previews');
  await server.put(
    '/hostile.md',
    '<script>alert(1)</script><img src=x onerror=alert(2)> [click](javascript:alert(3))\n\n' +
      '<form action="https://evil.example"><button>x</button></form><iframe src="/"></iframe>' +
      '<style>body{display:none}</style> \n\n![far](https://evil.example/x.png) **kept**',
  );
  await server.put('/evil.html', '<script>alert(4)</script>');
  await server.put('/evil.svg', '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(5)"><script>alert(6)</script></svg>');
  await server.put('/bad.png', 'this is no picture');
  await server.put('/latin.txt', Buffer.from([0x66, 0xff, 0x67]));
  const page = await openWindow();
  await visit(page, server.url);
  const opened = async (name) => {
    await page.getByRole('link', { name: new RegExp(`^${name.replace('.', '\\.')}`) }).first().click();
    await page.locator('dialog.viewer').waitFor();
  };
  const close = async () => {
    await page.keyboard.press('Escape');
    await page.locator('dialog.viewer').waitFor({ state: 'detached' });
  };

  await opened('img_9.png');
  await page.waitForFunction(() => document.querySelector('.stage img')?.naturalWidth === 320);
  await expectAccessible(page, 'a picture');
  await shoot(page, '1280-picture');
  await page.keyboard.press('ArrowRight');
  await page.locator('.stage img[alt="IMG_10.png"]').waitFor();
  await page.goBack();
  await page.locator('dialog.viewer').waitFor({ state: 'detached' });
  assert.equal(page.url(), `${server.url}/`);

  await opened('hostile.md');
  await page.locator('.prose strong', { hasText: 'kept' }).waitFor();
  assert.equal(await page.locator('.prose').locator('script, iframe, form, button, style, [onerror], [src*=evil], [href^=javascript]').count(), 0);
  // Where it is made safe, in a document that runs nothing, the policy reports what it finds.
  for (const each of violations.splice(0)) assert.match(each, /script-src|style-src|inline/);
  await page.getByRole('button', { name: 'Source' }).click();
  await page.locator('.lines', { hasText: '<script>alert(1)' }).waitFor();
  await close();

  await opened('table.csv');
  await page.locator('.grid').waitFor();
  assert.deepEqual(await page.locator('.grid tr:nth-child(2) td').allTextContents(), ['a;b', '1']);
  await close();
  await opened('plain.txt');
  await page.locator('.lines').waitFor();
  assert.equal(await page.locator('.lines div').count(), 4);
  await expectAccessible(page, 'a text');
  await shoot(page, '1280-text');
  await close();
  await opened('bad.png');
  await page.getByText('There is no preview').waitFor();
  await close();
  await opened('latin.txt');
  await page.getByText('not text in UTF-8').waitFor();
  await close();
  await opened('evil.svg');
  await close();
  await opened('report.pdf');
  await page.locator('.stage iframe').waitFor();
  await close();
  // A page that is stored is text here, and a download elsewhere.
  await opened('evil.html');
  await page.locator('.lines', { hasText: 'alert(4)' }).waitFor();
  await close();
  await server.stop();
});

scenario('editing: locks, saves, and conflicts between two browsers', async () => {
  const server = new Server('editing');
  server.command('secret words\n', 'user', 'add', 'ann', '--home', '/');
  server.command('secret words\n', 'user', 'add', 'bob', '--home', '/');
  await server.start();
  const [ann, bob] = ['ann:secret words', 'bob:secret words'];
  await server.put('/text.txt', 'one', ann);
  const hers = await openWindow({ account: ann });
  const his = await openWindow({ account: bob });
  const edit = async (page) => {
    await visit(page, server.url);
    await page.getByRole('link', { name: /^text\.txt/ }).first().click();
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.locator('dialog textarea').waitFor();
  };
  await edit(hers);
  await hers.locator('dialog textarea').fill('two');
  await hers.keyboard.press('Control+s');
  await hers.locator('.bar .state', { hasText: 'Saved' }).waitFor();
  assert.equal(await server.get('/text.txt', ann), 'two');
  await expectAccessible(hers, 'the editor');
  await shoot(hers, '1280-editor');

  // He sees whose lock it is, in the list and in the editor.
  await edit(his);
  await his.getByText('ann has locked the file').waitFor();
  assert.equal(await his.locator('dialog textarea').getAttribute('readonly') !== null, true);
  await his.keyboard.press('Escape');
  await his.keyboard.press('Escape');
  await his.locator('.lock', { hasText: 'Locked by ann' }).waitFor();

  // Her lock is broken, and he saves before her.
  spawnSync(process.env.HOLDFAST_BINARY, ['lock', 'break', '/text.txt', '--data', server.data]);
  await server.put('/text.txt', 'his text', bob);
  await hers.locator('dialog textarea').fill('her text');
  await hers.getByRole('button', { name: 'Save' }).click();
  await hers.getByText('The file has changed meanwhile').waitFor();
  assert.equal(await hers.getByLabel('The text that is stored').inputValue(), 'his text');
  assert.equal(await hers.getByLabel('Your text').inputValue(), 'her text');
  assert.equal(await server.get('/text.txt', ann), 'his text');
  await expectAccessible(hers, 'the conflict');
  await shoot(hers, '1280-conflict');
  await hers.getByRole('button', { name: 'Keep mine as a copy' }).click();
  await hers.getByText('Saved: text (2).txt').first().waitFor();
  assert.equal(await server.get('/text%20(2).txt', ann), 'her text');
  assert.equal(await hers.locator('dialog textarea').inputValue(), 'his text');

  // Not saved and closed: asked. Loaded anew: what was typed is still there.
  await hers.locator('dialog textarea').fill('half a sent');
  await hers.keyboard.press('Escape');
  await hers.getByText('There are changes that are not saved').waitFor();
  await hers.getByRole('button', { name: 'Cancel' }).click();
  hers.removeAllListeners('dialog');
  hers.on('dialog', (dialog) => void dialog.accept());
  await hers.reload();
  await edit(hers);
  assert.equal(await hers.locator('dialog textarea').inputValue(), 'half a sent');
  await server.stop();
});

scenario('many rows, 20,000 with HOLDFAST_FULL_SCALE=1', async () => {
  const server = await new Server('large').start();
  await server.ask('MKCOL', '/c');
  let next = 0;
  const count = process.env.HOLDFAST_FULL_SCALE ? 20_000 : 6_000;
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      while (next < count) await server.put(`/c/file ${next++}.txt`, '');
    }),
  );
  const page = await openWindow();
  page.setDefaultTimeout(150_000);
  page.setDefaultNavigationTimeout(150_000);
  const started = Date.now();
  await visit(page, `${server.url}/c/`);
  console.log(`      shown after ${Date.now() - started} ms`);
  // So many stream in the order of their bytes, folders first, whatever the query says.
  await server.ask('MKCOL', '/c/z folder');
  const plain = await server.get('/c/?sort=-size');
  assert.match(plain, /More than 5000 entries/);
  assert.doesNotMatch(plain, /[?]sort=/);
  const first = [...plain.matchAll(/<td class="name">.*?<bdi>(.*?)<.bdi>/g)].slice(0, 4).map((row) => row[1]);
  assert.deepEqual(first, ['z folder', 'file 0.txt', 'file 1.txt', 'file 10.txt']);
  assert.ok(plain.includes(`Folders: 1 · Files: ${count} · 0 B`));
  assert.doesNotMatch(await server.get('/c/?filter=5999&sort=-size'), /More than/);
  assert.equal(await page.locator('main tbody tr').count(), count);
  await page.keyboard.press('Control+a');
  await page.getByRole('toolbar', { name: `${count} selected` }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  await page.keyboard.type(`${count - 1}`);
  await page.waitForFunction(() => document.querySelectorAll('main tbody tr:not([hidden])').length === 1);
  await server.stop();
});

scenario('--page: off runs no script, read changes nothing', async () => {
  const off = await filled('off', '--page', 'off');
  const page = await openWindow();
  await page.goto(off.url);
  assert.equal(await page.locator('script, .tools').count(), 0);
  await expectAccessible(page, '--page off');
  await off.stop();
  const read = await filled('read', '--page', 'read');
  await visit(page, read.url);
  await page.getByLabel('Select plain.txt').check();
  assert.deepEqual(await page.getByRole('toolbar').getByRole('button').allTextContents(), ['Download', 'Clear']);
  const download = page.waitForEvent('download');
  await tool(page, 'Download').click();
  assert.equal((await download).suggestedFilename(), 'plain.txt');
  await read.stop();
});

scenario('hostile names are text', async () => {
  const server = await new Server('hostile', '--prefix', '/dav').start();
  const hostile = ['<img src=x onerror=alert(1)>', '"onclick="alert(2)', "';alert(3)", 'javascript:alert(4)', '{{alert(5)}}', '%2e%2e', 'a\u202Egpj.exe', '&lt;', '?filter=x', '#s-file'];
  for (const name of hostile) await server.put(`/dav/${encodeURIComponent(name)}`, 'x');
  await server.ask('MKCOL', `/dav/${encodeURIComponent('<b>folder')}`);
  const page = await openWindow();
  await visit(page, `${server.url}/dav/`);
  assert.deepEqual((await names(page)).sort(), ['<b>folder', ...hostile.map((name) => name.replace('\u202E', '\uFFFD'))].sort());
  await expectAccessible(page, 'hostile names');
  await shoot(page, '1280-hostile');
  await page.keyboard.press('Control+a');
  await tool(page, 'Delete').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('Deleted: 11').first().waitFor();
  assert.deepEqual(await names(page), []);
  await server.stop();
});

await runScenarios();
