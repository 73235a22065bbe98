// Run by other_clients_test.cc beside a folder node_modules that has the package: TiddlyWiki's own saver
// and its own way to send requests, with the little of a browser that they touch. The wiki is the file
// w.html, saved by two windows.
import assert from 'node:assert';
import { readFileSync } from 'node:fs';

const { URL: base, ACCOUNT, PASSWORD } = process.env;
const folder = 'node_modules/tiddlywiki/core/modules';
const signedIn = ACCOUNT
  ? { authorization: 'Basic ' + Buffer.from(`${ACCOUNT}:${PASSWORD}`).toString('base64') }
  : {};

// As a browser's that is signed in to the page's server: it adds the Origin to what writes, and
// credentials to everything.
class XMLHttpRequest {
  headers = { accept: '*/*' };
  open(method, url) {
    Object.assign(this, { method, url });
  }
  setRequestHeader(name, value) {
    this.headers[name.toLowerCase()] = value;
  }
  getResponseHeader(name) {
    return this.answer.headers.get(name);
  }
  async send(body) {
    const writes = !['GET', 'HEAD'].includes(this.method);
    this.answer = await fetch(this.url, {
      method: this.method,
      headers: { ...this.headers, ...signedIn, ...(writes ? { origin: new URL(base).origin } : {}) },
      ...(writes && body ? { body } : {}),
    });
    this.responseText = await this.answer.text();
    Object.assign(this, { status: this.answer.status, readyState: 4 });
    this.onreadystatechange();
  }
}

// One window that shows the wiki: the saver, and how many answers have come.
function openWindow() {
  let answers = 0;
  const $tw = {
    utils: { each: (object, step) => Object.entries(object ?? {}).forEach(([k, v]) => step(v, k)) },
    notifier: { display() {} },
    language: { getString: (name) => name },
  };
  const load = (file, given) => {
    const exports = {};
    new Function('exports', ...Object.keys(given), readFileSync(`${folder}/${file}`, 'utf8'))(
      exports,
      ...Object.values(given),
    );
    return exports;
  };
  const { httpRequest } = load('utils/dom/http.js', { $tw, XMLHttpRequest });
  $tw.utils.httpRequest = (options) =>
    httpRequest({
      ...options,
      callback(...results) {
        options.callback(...results);
        ++answers;
      },
    });
  const location = new URL('w.html', base);
  const document = { location: location + '#a tiddler' };
  const put = load('savers/put.js', { $tw, document, location });
  assert.ok(put.canSave());
  const saver = put.create();
  const until = async (count) => {
    for (let tries = 0; answers < count && tries < 3000; ++tries)
      await new Promise((done) => setTimeout(done, 10));
    assert.ok(answers >= count, `${answers} of ${count} answers came`);
  };
  return {
    ready: () => until(2), // to OPTIONS and HEAD
    save: (text) =>
      new Promise((done) => {
        if (!saver.save(text, 'save', done)) done('this server takes no PUT');
      }),
  };
}

const stored = async () =>
  (await fetch(new URL('w.html', base), { headers: signedIn })).text();
const wiki = (text) => `<!doctype html><title>${text}</title>` + 'ä wiki\n'.repeat(20000);

await fetch(new URL('w.html', base), { method: 'PUT', headers: signedIn, body: wiki('first') });
const one = openWindow();
const other = openWindow();
await one.ready();
await other.ready();
// The same window saves as often as it likes.
for (const text of ['one', 'two', 'three']) {
  assert.equal(await one.save(wiki(text)), null);
  assert.equal(await stored(), wiki(text));
}
// The other has not seen that.
assert.match(await other.save(wiki('other')), /PutEditConflict/);
assert.equal(await stored(), wiki('three'));
const again = openWindow();
await again.ready();
assert.equal(await again.save(wiki('again')), null);
assert.equal(await stored(), wiki('again'));
if (ACCOUNT) {
  signedIn.authorization = 'Basic ' + Buffer.from(`${ACCOUNT}:wrong`).toString('base64');
  assert.match(await again.save(wiki('nobody')), /PutUnauthorized/);
}
console.log('all done');
