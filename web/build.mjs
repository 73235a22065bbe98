// Builds web/dist from web/src: page.js and page.css, which every page loads, and reader.js, which is
// loaded when a file is read that needs it. Run "npm run build" and commit what it writes: the server
// is built without Node. With --check it writes nothing, and fails when web/dist is not what the
// sources make.
import { build } from 'esbuild';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, 'dist');
const check = process.argv.includes('--check');
// What a page loads before anything is opened, compressed.
const kMostBytes = 45 * 1024;

const { outputFiles } = await build({
  absWorkingDir: here,
  entryPoints: { page: 'src/main.tsx', reader: 'src/reader.ts' },
  outdir: dist,
  bundle: true,
  format: 'esm',
  target: ['chrome111', 'firefox113', 'safari16.4'],
  minify: true,
  legalComments: 'inline',
  charset: 'utf8',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  write: false,
  logLevel: 'warning',
});
const styles = await build({
  absWorkingDir: here,
  entryPoints: ['src/page.css'],
  outdir: dist,
  minify: true,
  target: ['chrome111', 'firefox113', 'safari16.4'],
  write: false,
  logLevel: 'warning',
});

let failed = false;
let loaded = 0;
mkdirSync(dist, { recursive: true });
for (const { path, contents } of [...outputFiles, ...styles.outputFiles]) {
  const name = path.slice(dist.length + 1);
  const size = gzipSync(contents, { level: 9 }).length;
  if (name.startsWith('page.')) loaded += size;
  console.log(`${name}: ${contents.length} bytes, ${size} compressed`);
  if (!check) {
    writeFileSync(path, contents);
  } else if (!existsSync(path) || Buffer.compare(readFileSync(path), Buffer.from(contents)) !== 0) {
    console.error(`web/dist/${name} is not what the sources make: run "npm run build" in web/`);
    failed = true;
  }
}
if (loaded > kMostBytes) {
  console.error(`page.js and page.css have ${loaded} bytes compressed, more than ${kMostBytes}`);
  failed = true;
}
process.exit(failed ? 1 : 0);
