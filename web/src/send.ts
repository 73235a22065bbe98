// The sending of one file: the only place that knows how the bytes of an upload travel. A small file is
// one PUT. A large one goes by tus 1.0 (https://tus.io/protocols/resumable-upload) in parts, each with
// its checksum, and goes on where it was after a lost line, a restart of the server, or a reload of the
// page and another choice of the same file.
import { ask, kAccept, Refusal, refusalOf } from './dav';

export interface Sending {
  href: string;
  file: File;
  modified: number | null; // in milliseconds
  // The entity tag of what it replaces; null: nothing may be there.
  replaces: string | null;
  signal: AbortSignal;
  progress: (sent: number) => void;
}

// What is hashed is in memory as a whole, and what breaks off is sent again from here.
const kPartBytes = 16 * 1024 * 1024;
const kTus = { 'Tus-Resumable': '1.0.0' };
const kMostBusy = 20;

// Only a page over TLS or of this machine may compute hashes.
async function sha256(bytes: Blob): Promise<Uint8Array | null> {
  if (!globalThis.crypto?.subtle) return null;
  return new Uint8Array(await crypto.subtle.digest('SHA-256', await bytes.arrayBuffer()));
}

// Sends a request and tells how much of its body has gone. Throws Refusal; status 0 when the connection
// is lost, and an AbortError when the signal says so.
function transmit(
  method: string,
  href: string,
  headers: Record<string, string>,
  body: Blob,
  signal: AbortSignal,
  progress: (sent: number) => void,
): Promise<XMLHttpRequest> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    const end = () => signal.removeEventListener('abort', abort);
    request.open(method, href);
    for (const [name, value] of Object.entries({ Accept: kAccept, ...headers }))
      request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => progress(event.loaded);
    request.onload = () => {
      end();
      const { status } = request;
      if (status >= 200 && status < 300) resolve(request);
      else reject(refusalOf(status, request.responseText, request.getResponseHeader('Retry-After')));
    };
    request.onerror = () => {
      end();
      reject(new Refusal(0, ''));
    };
    request.onabort = () => {
      end();
      reject(new DOMException('', 'AbortError'));
    };
    if (signal.aborted) return request.onabort(new ProgressEvent('abort'));
    signal.addEventListener('abort', abort);
    request.send(body);
  });
}

const conditionOf = ({ replaces }: Sending): Record<string, string> =>
  replaces ? { 'If-Match': replaces } : { 'If-None-Match': '*' };
const dateOf = ({ modified }: Sending): Record<string, string> =>
  modified === null ? {} : { 'X-OC-Mtime': `${Math.floor(modified / 1000)}` };

// Uploads that are not finished, by their target and file, with their URLs. A browser that keeps nothing
// for the page begins anew.
const keyOf = (href: string, file: File): string => `upload ${file.size} ${file.lastModified} ${href}`;
function remembered(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
function remember(key: string, url: string | null): void {
  try {
    if (url) localStorage.setItem(key, url);
    else localStorage.removeItem(key);
  } catch {
    // Then it is not remembered.
  }
}

// Removes what the server has of an upload that nobody wants any more.
export function discard(href: string, file: File): void {
  const key = keyOf(href, file);
  const url = remembered(key);
  remember(key, null);
  if (url) ask('DELETE', url, kTus).catch(() => undefined);
}

// Returns the entity tag of what is stored when it is this file: an earlier try has stored it and only
// its answer was lost.
export async function landed(href: string, file: File): Promise<string | null> {
  try {
    const { headers } = await ask('HEAD', href);
    const modified = Date.parse(headers.get('Last-Modified') ?? '') / 1000;
    const same =
      Number(headers.get('Content-Length')) === file.size &&
      modified === Math.floor(file.lastModified / 1000);
    return same ? headers.get('ETag') : null;
  } catch {
    return null;
  }
}

// Returns where the upload is, and how many of its bytes the server has; or what is stored already.
async function begin(
  sending: Sending,
  key: string,
): Promise<{ url: string; offset: number; etag?: string }> {
  const known = remembered(key);
  if (known)
    try {
      const { headers } = await ask('HEAD', known, kTus, null, { signal: sending.signal });
      return { url: known, offset: Number(headers.get('Upload-Offset')) };
    } catch (error) {
      // It has run out or is stored, or the account may not go on with it.
      if (!(error instanceof Refusal) || ![403, 404, 410].includes(error.status)) throw error;
      remember(key, null);
      const etag = await landed(sending.href, sending.file);
      if (etag) return { url: known, offset: sending.file.size, etag };
    }
  const { headers } = await ask('POST', `${sending.href}?upload`, {
    ...kTus,
    ...dateOf(sending),
    'Upload-Length': `${sending.file.size}`,
  });
  const url = new URL(headers.get('Location') ?? '', location.href).href;
  remember(key, url);
  return { url, offset: 0 };
}

async function sendInParts(sending: Sending): Promise<string | null> {
  const { href, file, signal } = sending;
  const key = keyOf(href, file);
  let { url, offset, etag } = await begin(sending, key);
  for (let busy = 0; ; ) {
    if (etag) return etag;
    sending.progress(offset);
    const part = file.slice(offset, offset + kPartBytes);
    const hash = await sha256(part);
    const headers = {
      ...kTus,
      ...conditionOf(sending),
      'Content-Type': 'application/offset+octet-stream',
      'Upload-Offset': `${offset}`,
      ...(hash && { 'Upload-Checksum': `sha256 ${btoa(String.fromCharCode(...hash))}` }),
    };
    try {
      const from = offset;
      const answer = await transmit('PATCH', url, headers, part, signal, (sent) =>
        sending.progress(from + sent),
      );
      busy = 0;
      offset = Number(answer.getResponseHeader('Upload-Offset'));
      if (offset < file.size) continue;
      remember(key, null);
      return answer.getResponseHeader('ETag');
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      // The server has another offset, or has not noticed yet that the last connection is gone.
      const locked = error.problem.type === 'urn:holdfast:problem:locked';
      const elsewhere = error.status === 409 || error.status === 423;
      if (!elsewhere || locked || error.stale || ++busy > kMostBusy) throw error;
      await new Promise((done) => setTimeout(done, 1000));
      ({ url, offset, etag } = await begin(sending, key));
    }
  }
}

// Sends the file and returns its new entity tag. It is stored whole or not at all. Throws Refusal;
// status 0 when the connection is lost, and an AbortError when the signal says so.
export async function sendFile(sending: Sending): Promise<string | null> {
  const { file } = sending;
  if (file.size > kPartBytes) return sendInParts(sending);
  const hash = await sha256(file);
  const hex = hash && [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const headers = {
    ...conditionOf(sending),
    ...dateOf(sending),
    ...(hex && { 'OC-Checksum': `SHA256:${hex}` }),
  };
  const answer = await transmit('PUT', sending.href, headers, file, sending.signal, sending.progress);
  return answer.getResponseHeader('ETag');
}
