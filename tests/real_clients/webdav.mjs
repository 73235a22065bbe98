// Run by other_clients_test.cc beside a folder node_modules that has the package.
import assert from 'node:assert';
import { createClient } from 'webdav';

const { URL, ACCOUNT, PASSWORD } = process.env;
const c = createClient(URL, ACCOUNT ? { username: ACCOUNT, password: PASSWORD } : {});
assert.equal(await c.exists('/d'), false);
await c.createDirectory('/d');
await c.createDirectory('/x/y/z', { recursive: true });
assert.equal(await c.putFileContents('/d/a.txt', 'some text'), true);
assert.equal(await c.putFileContents('/d/a.txt', 'other', { overwrite: false }), false);
const stat = await c.stat('/d/a.txt');
assert.equal(stat.size, 9);
assert.equal(stat.type, 'file');
assert.ok(stat.etag);
assert.ok(!Number.isNaN(Date.parse(stat.lastmod)));
assert.equal(await c.getFileContents('/d/a.txt', { format: 'text' }), 'some text');
await c.copyFile('/d/a.txt', '/d/b.txt');
await c.moveFile('/d/b.txt', '/d/c ä%.txt');
const names = (await c.getDirectoryContents('/d')).map((each) => each.basename).sort();
assert.deepEqual(names, ['a.txt', 'c ä%.txt']);
const deep = await c.getDirectoryContents('/', { deep: true });
assert.equal(deep.length, 6);
const lock = await c.lock('/d/a.txt');
await assert.rejects(c.putFileContents('/d/a.txt', 'locked'), (error) => error.status === 423);
await c.unlock('/d/a.txt', lock.token);
const part = await new Promise((resolve, reject) => {
  const chunks = [];
  c.createReadStream('/d/a.txt', { range: { start: 5, end: 8 } })
    .on('data', (chunk) => chunks.push(chunk))
    .on('error', reject)
    .on('end', () => resolve(Buffer.concat(chunks).toString()));
});
assert.equal(part, 'text');
// It looks for the quota in allprop, where RFC 4331 does not want it.
assert.equal(await c.getQuota(), null);
await c.deleteFile('/d/c ä%.txt');
console.log('all done');
