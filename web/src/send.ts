// The sending of one file: the only place that knows how the bytes of an upload travel. Now it is one
// PUT; a protocol that resumes takes its place here.
import { kAccept, Refusal, refusalOf } from './dav';

export interface Sending {
  href: string;
  file: Blob;
  modified: number | null; // in milliseconds
  // The entity tag of what it replaces; null: nothing may be there.
  replaces: string | null;
  signal: AbortSignal;
  progress: (sent: number) => void;
}

// Larger files are not hashed, because that takes all of the file in memory.
const kHashedBytes = 16 * 1024 * 1024;

// Only a page over TLS or of this machine may compute hashes.
async function checksum(file: Blob): Promise<string | null> {
  if (!globalThis.crypto?.subtle || file.size > kHashedBytes) return null;
  const hash = await crypto.subtle.digest('SHA-256', await file.arrayBuffer());
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

// Sends the file and returns its new entity tag. It is stored whole or not at all. Throws Refusal;
// status 0 when the connection is lost, and an AbortError when the signal says so.
export async function sendFile(sending: Sending): Promise<string | null> {
  const hash = await checksum(sending.file);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    const end = () => sending.signal.removeEventListener('abort', abort);
    request.open('PUT', sending.href);
    request.setRequestHeader('Accept', kAccept);
    if (sending.replaces) request.setRequestHeader('If-Match', sending.replaces);
    else request.setRequestHeader('If-None-Match', '*');
    if (sending.modified !== null)
      request.setRequestHeader('X-OC-Mtime', `${Math.floor(sending.modified / 1000)}`);
    if (hash) request.setRequestHeader('OC-Checksum', `SHA256:${hash}`);
    request.upload.onprogress = (event) => sending.progress(event.loaded);
    request.onload = () => {
      end();
      if (request.status >= 200 && request.status < 300)
        resolve(request.getResponseHeader('ETag'));
      else
        reject(
          refusalOf(request.status, request.responseText, request.getResponseHeader('Retry-After')),
        );
    };
    request.onerror = () => {
      end();
      reject(new Refusal(0, ''));
    };
    request.onabort = () => {
      end();
      reject(new DOMException('', 'AbortError'));
    };
    if (sending.signal.aborted) return request.onabort(new ProgressEvent('abort'));
    sending.signal.addEventListener('abort', abort);
    request.send(sending.file);
  });
}
