// Run by other_clients_test.cc: a Chromium without a screen, steered through its debugging pipe, with two
// extensions that are made here. Both write with their own Origin, chrome-extension://…; one has the
// permission to reach the server, the other is a stranger to it like any web page.
import assert from 'node:assert';
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';

const { URL: base, ACCOUNT, PASSWORD } = process.env;

const browser = spawn(
  'chromium',
  [
    '--headless=new',
    ...(process.getuid() === 0 ? ['--no-sandbox'] : []),
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--no-first-run',
    '--no-proxy-server',
    '--disable-background-networking',
    '--disable-component-update',
    '--ignore-certificate-errors',
    '--remote-debugging-pipe',
    '--enable-unsafe-extension-debugging',
    `--user-data-dir=${process.cwd()}/profile`,
    'about:blank',
  ],
  { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] },
);
const ended = new Promise((done) => browser.on('exit', done));
setTimeout(() => {
  console.log('the browser takes too long', complaints.slice(-2000));
  browser.kill('SIGKILL');
  process.exit(1);
}, 180_000).unref();

let complaints = '';
browser.stderr.on('data', (text) => (complaints += text));
const [toBrowser, fromBrowser] = [browser.stdio[3], browser.stdio[4]];
const waiting = new Map();
let buffered = '';
fromBrowser.on('data', (bytes) => {
  const messages = (buffered + bytes).split('\0');
  buffered = messages.pop();
  for (const message of messages.map((each) => JSON.parse(each))) {
    const [resolve, reject] = waiting.get(message.id) ?? [() => {}, () => {}];
    waiting.delete(message.id);
    message.error ? reject(new Error(message.error.message)) : resolve(message.result);
  }
});
let calls = 0;
function call(method, params = {}, sessionId = undefined) {
  toBrowser.write(JSON.stringify({ id: ++calls, method, params, sessionId }) + '\0');
  return new Promise((resolve, reject) => waiting.set(calls, [resolve, reject]));
}

// Makes an extension with one page, opens that, and returns what runs an expression in it.
async function openExtension(name, manifest) {
  const path = `${process.cwd()}/${name}`;
  mkdirSync(path);
  writeFileSync(`${path}/page.html`, '<!doctype html><title>A page</title>');
  writeFileSync(
    `${path}/manifest.json`,
    JSON.stringify({ manifest_version: 3, name, version: '1.0', ...manifest }),
  );
  const { id } = await call('Extensions.loadUnpacked', { path });
  const url = `chrome-extension://${id}/page.html`;
  const { targetId } = await call('Target.createTarget', { url });
  const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true });
  const evaluate = async (expression) => {
    const { result, exceptionDetails } = await call(
      'Runtime.evaluate',
      { expression, awaitPromise: true, returnByValue: true },
      sessionId,
    );
    if (exceptionDetails) throw new Error(exceptionDetails.exception.description);
    return result.value;
  };
  for (let tries = 0; tries < 300; ++tries) {
    const state = await evaluate('document.readyState + location.href').catch(() => '');
    if (state === 'complete' + url) break;
    await new Promise((done) => setTimeout(done, 100));
  }
  // As an extension that keeps its user's password: floccus, for one.
  const send = (method, path, fields = {}, body = undefined) => {
    const headers = ACCOUNT ? { Authorization: 'Basic ' + btoa(`${ACCOUNT}:${PASSWORD}`) } : {};
    const options = { method, headers: { ...headers, ...fields }, body, credentials: 'omit' };
    return evaluate(`fetch(${JSON.stringify(new URL(path, base))}, ${JSON.stringify(options)})
      .then(async (answer) => ({ status: answer.status, tag: answer.headers.get('ETag'),
                                 token: answer.headers.get('Lock-Token'), body: await answer.text() }))`);
  };
  return { send, origin: `chrome-extension://${id}` };
}

const ours = await openExtension('ours', { host_permissions: [`${new URL(base).protocol}//*/*`] });
const stranger = await openExtension('stranger', {});
if (ACCOUNT) {
  const put = await ours.send('PUT', 'note.txt', { 'If-None-Match': '*' }, 'some text');
  assert.equal(put.status, 201);
  assert.ok(put.tag);
  assert.equal((await ours.send('GET', 'note.txt')).body, 'some text');
  assert.equal((await ours.send('PUT', 'note.txt', { 'If-None-Match': '*' }, 'x')).status, 412);
  assert.equal((await ours.send('PUT', 'note.txt', { 'If-Match': put.tag }, 'more')).status, 204);
  assert.equal((await ours.send('PUT', 'note.txt', { 'If-Match': put.tag }, 'lost')).status, 412);
  assert.equal((await ours.send('MKCOL', 'd')).status, 201);
  const listed = await ours.send('PROPFIND', '', { Depth: '1' });
  assert.equal(listed.status, 207);
  assert.match(listed.body, /<D:href>\/note\.txt<\/D:href>/);
  const lock = await ours.send(
    'LOCK',
    'note.txt',
    { 'Content-Type': 'application/xml' },
    '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>' +
      '<D:locktype><D:write/></D:locktype></D:lockinfo>',
  );
  assert.equal(lock.status, 200);
  assert.equal((await ours.send('PUT', 'note.txt', {}, 'locked')).status, 423);
  assert.equal((await ours.send('PUT', 'note.txt', { If: `(${lock.token})` }, 'mine')).status, 204);
  assert.equal((await ours.send('UNLOCK', 'note.txt', { 'Lock-Token': lock.token })).status, 204);
  const destination = { Destination: new URL('d/note.txt', base).href };
  assert.equal((await ours.send('MOVE', 'note.txt', destination)).status, 201);
  assert.equal((await ours.send('GET', 'd/note.txt')).body, 'mine');
} else {
  // Where everybody may write, the Origin is all that tells a page of somebody else's.
  const put = await ours.send('PUT', 'note.txt', {}, 'some text');
  assert.equal(put.status, 403);
  assert.match(put.body, /[Oo]rigin/);
  assert.equal((await ours.send('GET', 'note.txt')).status, 404);
  assert.equal((await ours.send('PROPFIND', '', { Depth: '0' })).status, 207);
}
// Whom the server allows nothing the browser does not even let ask.
for (const method of ['PUT', 'GET', 'DELETE'])
  await assert.rejects(stranger.send(method, 'd/note.txt', { 'X-Own': '1' }), /Failed to fetch/);
if (ACCOUNT) assert.equal((await ours.send('GET', 'd/note.txt')).body, 'mine');

await call('Browser.close');
await ended;
console.log('all done');
process.exit(0);
