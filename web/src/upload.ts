// The queue of uploads. What is added at once is one batch: its collections are made, names that exist
// are asked about once, and each file is sent with the condition that what was seen then is still so.
import { computed, signal } from '@preact/signals';
import { childOf, existing, freeName, makeCollection, Refusal, type Member } from './dav';
import { here, refresh } from './list';
import { askWhatToDo } from './questions';
import { discard, landed, sendFile } from './send';
import { during, sentenceOf, spoken, tellError } from './state';
import { t } from './texts';

// A file, or an empty folder, with its path below the collection that it goes into.
export interface Source {
  path: string[];
  file: File | null;
}

type State = 'waiting' | 'sending' | 'done' | 'failed' | 'skipped' | 'canceled';
export interface Upload {
  id: number;
  file: File;
  collection: string;
  name: string;
  replaces: Member | null;
  // Another name is found when this one is taken meanwhile.
  keepsBoth: boolean;
  state: State;
  sent: number;
  why: string;
  tries: number;
  // A try ended without an answer, so that the file may be stored.
  unanswered: boolean;
  notBefore: number; // by performance.now()
  stop: AbortController | null;
}

const kAtOnce = 3;
const kMostTries = 8;

let uploads: Upload[] = [];
let ids = 0;
// Counts the changes to `uploads`; what shows them depends on it.
const version = signal(0);
export const queue = computed(() => (version.value, [...uploads]));
// Why the queue has stopped; null while it runs.
export const stopped = signal<string | null>(null);
export const rate = signal(0); // bytes per second
export const hidden = signal(true);

export const totals = computed(() => {
  const all = queue.value.filter((each) => each.state !== 'skipped' && each.state !== 'canceled');
  const sum = (of: (each: Upload) => number) => all.reduce((total, each) => total + of(each), 0);
  return {
    files: all.length,
    done: all.filter((each) => each.state === 'done').length,
    failed: all.filter((each) => each.state === 'failed').length,
    bytes: sum((each) => each.file.size),
    sent: sum((each) => (each.state === 'done' ? each.file.size : each.sent)),
  };
});
export const isActive = computed(() =>
  queue.value.some((each) => each.state === 'waiting' || each.state === 'sending'),
);

let announcing = false;
function changed(): void {
  if (announcing) return;
  announcing = true;
  setTimeout(() => {
    announcing = false;
    ++version.value;
  }, 100);
}

// Adding.

// Makes the collections above every source, the outermost first.
async function makeCollections(into: string, sources: readonly Source[]): Promise<void> {
  const paths = new Set<string>();
  for (const { path, file } of sources) {
    const depth = file ? path.length - 1 : path.length;
    for (let n = 1; n <= depth; ++n) paths.add(path.slice(0, n).map(encodeURIComponent).join('/'));
  }
  for (const path of [...paths].sort((a, b) => a.split('/').length - b.split('/').length))
    try {
      await makeCollection(`${into}${path}/`);
    } catch (error) {
      // 405: it is there.
      if (!(error instanceof Refusal && error.status === 405)) throw error;
    }
}

function collectionOf(into: string, source: Source): string {
  const above = source.path.slice(0, -1).map((name) => `${encodeURIComponent(name)}/`);
  return into + above.join('');
}

// Adds a batch to the queue, which goes into the collection that is shown now.
export async function add(sources: readonly Source[], into = here.peek()): Promise<void> {
  if (sources.length === 0) return;
  try {
    await during(() => plan(sources, into));
  } catch (error) {
    tellError(error);
  }
  run();
}

async function plan(sources: readonly Source[], into: string): Promise<void> {
  const byCollection = new Map<string, Source[]>();
  for (const source of sources) {
    if (!source.file) continue;
    const collection = collectionOf(into, source);
    byCollection.set(collection, [...(byCollection.get(collection) ?? []), source]);
  }
  const there = new Map<string, Map<string, Member>>();
  const taken: string[] = [];
  const nameIn = (source: Source) => source.path[source.path.length - 1] as string;
  for (const [collection, inside] of byCollection) {
    const members = await existing(collection, inside.map(nameIn));
    there.set(collection, members);
    for (const source of inside)
      if (members.has(nameIn(source).normalize())) taken.push(source.path.join('/'));
  }
  const choice = taken.length > 0 ? await askWhatToDo(taken) : 'replace';
  if (choice === 'cancel') return;
  await makeCollections(into, sources);
  if (byCollection.size === 0) void refresh();
  for (const [collection, inside] of byCollection) {
    let members = there.get(collection) as Map<string, Member>;
    const clashes = inside.some((source) => members.has(nameIn(source).normalize()));
    if (clashes && choice === 'keep') members = await existing(collection, 'all');
    const used = new Set([...members.keys(), ...inside.map((source) => nameIn(source).normalize())]);
    for (const source of inside) {
      const name = nameIn(source);
      const member = members.get(name.normalize()) ?? null;
      const upload: Upload = {
        id: ++ids,
        file: source.file as File,
        collection,
        name,
        replaces: member,
        keepsBoth: choice === 'keep',
        state: member && choice === 'skip' ? 'skipped' : 'waiting',
        sent: 0,
        why: '',
        tries: 0,
        unanswered: false,
        notBefore: 0,
        stop: null,
      };
      if (member && choice === 'keep') {
        upload.name = freeName(name, (each) => used.has(each.normalize()));
        used.add(upload.name.normalize());
        upload.replaces = null;
      }
      uploads.push(upload);
    }
  }
  hidden.value = false;
  changed();
}

// Sending.

let lastRefresh = 0;
let refreshing: ReturnType<typeof setTimeout> | undefined;
// Shows what has landed, once a while.
function showLanded(collection: string): void {
  if (!collection.startsWith(here.peek())) return;
  clearTimeout(refreshing);
  const wait = isRunning() ? Math.max(0, lastRefresh + 3000 - performance.now()) : 0;
  refreshing = setTimeout(() => {
    lastRefresh = performance.now();
    void refresh();
  }, wait);
}
const isRunning = (): boolean =>
  uploads.some((each) => each.state === 'waiting' || each.state === 'sending');

let measuredAt = 0;
let measuredBytes = 0;
function measure(): void {
  const now = performance.now();
  const sent = uploads.reduce((total, each) => total + each.sent, 0);
  if (now - measuredAt < 500) return;
  const seconds = (now - measuredAt) / 1000;
  const current = Math.max(0, sent - measuredBytes) / seconds;
  rate.value = rate.peek() && seconds < 5 ? rate.peek() * 0.7 + current * 0.3 : current;
  measuredAt = now;
  measuredBytes = sent;
}

let waking: ReturnType<typeof setTimeout> | undefined;
function run(): void {
  if (stopped.peek() !== null) return;
  const now = performance.now();
  let active = uploads.filter((each) => each.state === 'sending').length;
  let soonest = Infinity;
  for (const upload of uploads) {
    if (active >= kAtOnce) break;
    if (upload.state !== 'waiting') continue;
    if (upload.notBefore > now) soonest = Math.min(soonest, upload.notBefore);
    else {
      ++active;
      void send(upload);
    }
  }
  clearTimeout(waking);
  if (soonest < Infinity) waking = setTimeout(run, soonest - now);
}

async function send(upload: Upload): Promise<void> {
  upload.state = 'sending';
  upload.sent = 0;
  upload.stop = new AbortController();
  changed();
  try {
    await sendFile({
      href: childOf(upload.collection, upload.name),
      file: upload.file,
      modified: upload.file.lastModified || null,
      replaces: upload.replaces?.etag ?? null,
      signal: upload.stop.signal,
      progress: (sent) => {
        upload.sent = sent;
        measure();
        changed();
      },
    });
    upload.state = 'done';
    upload.sent = upload.file.size;
    showLanded(upload.collection);
    if (!isRunning()) spoken.value = t('uploaded', totals.peek().done + 1);
  } catch (error) {
    if (await hasLanded(upload, error)) {
      upload.state = 'done';
      showLanded(upload.collection);
    } else {
      failed(upload, error);
    }
  }
  upload.stop = null;
  changed();
  run();
}

// Returns true when an earlier try has stored the file and only its answer was lost.
async function hasLanded(upload: Upload, error: unknown): Promise<boolean> {
  if (!(error instanceof Refusal && error.stale) || !upload.unanswered) return false;
  return (await landed(childOf(upload.collection, upload.name), upload.file)) !== null;
}

// Says what becomes of an upload that has not landed.
function failed(upload: Upload, error: unknown): void {
  if (!(error instanceof Refusal)) {
    // Somebody has paused or cancelled it.
    upload.unanswered = true;
    if ((upload.state as State) === 'sending') upload.state = 'waiting';
    return;
  }
  upload.why = sentenceOf(error);
  if (error.status === 0 || error.status >= 500) upload.unanswered = true;
  if (error.stale && upload.keepsBoth && upload.tries++ < 100) {
    const before = upload.name;
    upload.name = freeName(before, (each) => each === before || uploads.some(
      (other) => other.collection === upload.collection && other.name === each));
    upload.state = 'waiting';
  } else if (error.stale) {
    upload.state = 'failed';
    upload.why = t('exists-changed');
  } else if (error.locked || error.status === 401 || error.status === 507) {
    // The next ones would be refused as well. Those under way get their own answers.
    upload.state = 'waiting';
    stop(upload.why);
  } else if ([0, 408, 429, 500, 502, 503, 504].includes(error.status) && upload.tries < kMostTries) {
    ++upload.tries;
    upload.state = 'waiting';
    const wait = Math.min(30, 2 ** (upload.tries - 1));
    upload.notBefore = performance.now() + Math.max(wait, error.retryAfterS) * 1000;
  } else {
    upload.state = 'failed';
  }
}

// What people do with the queue.

function stop(why: string): void {
  stopped.value = why;
  spoken.value = why && t('stopped', why);
}
export function pause(): void {
  stop('');
  for (const upload of uploads) upload.stop?.abort();
}
export function resume(): void {
  stopped.value = null;
  for (const upload of uploads) upload.notBefore = 0;
  run();
}
export function cancel(upload: Upload): void {
  const sending = upload.stop;
  upload.state = 'canceled';
  sending?.abort();
  discard(childOf(upload.collection, upload.name), upload.file);
  changed();
  run();
}
export function cancelAll(): void {
  for (const upload of uploads)
    if (upload.state === 'waiting' || upload.state === 'sending') cancel(upload);
  stopped.value = null;
}
// Begins anew with one that has failed: what is there now is looked at again.
export async function retry(upload: Upload): Promise<void> {
  uploads = uploads.filter((each) => each !== upload);
  await add([{ path: [upload.name], file: upload.file }], upload.collection);
  changed();
}
export function close(): void {
  uploads = uploads.filter((each) => each.state === 'waiting' || each.state === 'sending');
  hidden.value = uploads.length === 0;
  rate.value = 0;
  changed();
}

// Where files come from.

async function readEntry(entry: FileSystemEntry, above: string[], into: Source[]): Promise<void> {
  const path = [...above, entry.name];
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    into.push({ path, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  let count = 0;
  for (;;) {
    // A reader gives some entries at a time.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) break;
    count += some.length;
    for (const each of some) await readEntry(each, path, into);
  }
  if (count === 0) into.push({ path, file: null });
}

// Adds what was dropped or pasted, with the folders as they are.
export async function addTransfer(transfer: DataTransfer): Promise<void> {
  // The entries are gone once this function waits.
  const items = [...transfer.items].filter((item) => item.kind === 'file');
  const parts = items.map((item) => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile() }));
  const sources: Source[] = [];
  for (const { entry, file } of parts) {
    if (entry) await readEntry(entry, [], sources).catch(tellError);
    else if (file) sources.push({ path: [file.name], file });
  }
  await add(sources);
}

// Opens the browser's own picker, for files or for a folder.
export function pick(folder: boolean): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.multiple = true;
  input.webkitdirectory = folder;
  input.hidden = true;
  input.onchange = () => {
    const sources = [...(input.files ?? [])].map((file) => ({
      path: (file.webkitRelativePath || file.name).split('/'),
      file,
    }));
    input.remove();
    void add(sources);
  };
  document.body.append(input);
  input.click();
}

export function startUploads(mayUpload: () => boolean): void {
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') && mayUpload();
  let inside = 0;
  const show = (on: boolean) => document.body.classList.toggle('dropping', on);
  document.body.dataset.drop = t('drop-here');
  addEventListener('dragenter', (event) => {
    if (hasFiles(event) && ++inside === 1) show(true);
  });
  addEventListener('dragleave', (event) => {
    if (hasFiles(event) && --inside <= 0) show((inside = 0) > 0);
  });
  addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = 'copy';
  });
  addEventListener('drop', (event) => {
    show((inside = 0) > 0);
    if (!hasFiles(event) || !event.dataTransfer) return;
    event.preventDefault();
    void addTransfer(event.dataTransfer);
  });
  addEventListener('beforeunload', (event) => {
    if (isActive.peek()) event.preventDefault();
  });
  addEventListener('online', () => stopped.peek() === null && resume());
}
