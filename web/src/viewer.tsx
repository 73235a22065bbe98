// Looking at one file, in a dialog that fills the window. The browser decodes what it can; text,
// Markdown and tables are shown here.
import { useEffect, useRef, useState } from 'preact/hooks';
import { signal } from '@preact/signals';
import { ask } from './dav';
import { Editor } from './editor';
import { entryOf, files, linkOf, rowOf, writable, type Entry } from './list';
import { Modal, Sign } from './questions';
import { focusSoon, openDialog, sentenceOf, tellError } from './state';
import { sizeText, t } from './texts';

type Kind = 'image' | 'video' | 'audio' | 'pdf' | 'markdown' | 'table' | 'text' | 'none';
const kMostTextBytes = 1024 * 1024;
const kMostRows = 1000;

export function kindOf(type: string): Kind {
  if (type === 'image/heic' || type === 'image/tiff') return 'none';
  if (type.startsWith('image/')) return 'image';
  if (type.startsWith('video/')) return 'video';
  if (type.startsWith('audio/')) return 'audio';
  if (type === 'application/pdf') return 'pdf';
  if (type === 'text/markdown') return 'markdown';
  if (type === 'text/csv') return 'table';
  if (type.startsWith('text/') || /\/(json|xml|yaml|xhtml\+xml)$/.test(type)) return 'text';
  return 'none';
}
export const isText = (type: string): boolean => ['markdown', 'table', 'text'].includes(kindOf(type));

// Fetches a text. Throws Refusal or, when it is no UTF-8 or too large, an Error with a sentence.
export async function fetchText(href: string): Promise<{ text: string; etag: string }> {
  const response = await ask('GET', href);
  if (Number(response.headers.get('Content-Length')) > kMostTextBytes) {
    void response.body?.cancel();
    throw new Error(t('too-large'));
  }
  const bytes = await response.arrayBuffer();
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { text, etag: response.headers.get('ETag') ?? '' };
  } catch {
    throw new Error(t('not-text'));
  }
}

function Facts({ entry, why }: { entry: Entry; why: string }) {
  return (
    <div class="facts">
      <Sign name="file" />
      <p>{why}</p>
      <p>{sizeText(entry.size)}</p>
      <a class="button" href={entry.href} download>
        <Sign name="download" />
        {t('download')}
      </a>
    </div>
  );
}

export function Lines({ lines }: { lines: { text: string; mark?: string }[] }) {
  return (
    <div class="lines" tabIndex={0} role="document">
      {lines.map((line, n) => (
        <div key={n} class={line.mark ?? ''}>
          {line.text}
        </div>
      ))}
    </div>
  );
}

function Picture({ entry, fail }: { entry: Entry; fail: () => void }) {
  const [zoomed, setZoomed] = useState(false);
  return (
    <img
      key={entry.href}
      src={entry.href}
      alt={entry.name}
      class={zoomed ? 'zoomed' : ''}
      onClick={() => setZoomed(!zoomed)}
      onError={fail}
    />
  );
}

function TextView({ entry, source }: { entry: Entry; source: boolean }) {
  const [text, setText] = useState<string | null>(null);
  const [why, setWhy] = useState('');
  const [reader, setReader] = useState<typeof import('./reader') | null>(null);
  const kind = kindOf(entry.type);
  const prose = useRef<HTMLDivElement>(null);
  useEffect(() => {
    fetchText(entry.href).then(
      (got) => setText(got.text),
      (error: unknown) => setWhy(sentenceOf(error)),
    );
    if (kind !== 'text')
      import(document.documentElement.dataset.reader ?? '').then(setReader, tellError);
  }, [entry.href]);
  useEffect(() => {
    if (prose.current && reader && text !== null && kind === 'markdown' && !source)
      prose.current.innerHTML = reader.renderMarkdown(text, entry.href);
  }, [reader, text, source]);
  if (why) return <Facts entry={entry} why={why} />;
  if (text === null || (kind !== 'text' && !source && !reader)) return <p class="facts">{t('loading')}</p>;
  if (kind === 'markdown' && !source) return <div class="prose" ref={prose} />;
  if (kind === 'table' && !source && reader) {
    const { rows, cut } = reader.readTable(text, kMostRows);
    return (
      <div>
        {cut && <p class="note">{t('rows-cut', kMostRows)}</p>}
        <table class="grid">
          <tbody>
            {rows.map((row, n) => (
              <tr key={n}>
                {row.map((cell, m) => (
                  <td key={m}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    );
  }
  return <Lines lines={text.split('\n').map((line) => ({ text: line }))} />;
}

// The file that is looked at; the button "back" of the browser closes it.
const current = signal<Entry | null>(null);

function Viewer({ close, edit }: { close: () => void; edit: boolean }) {
  const entry = current.value as Entry;
  const [editing, setEditing] = useState(edit);
  const [broken, setBroken] = useState(false);
  const [source, setSource] = useState(false);
  const kind = broken ? 'none' : kindOf(entry.type);
  const others = files().filter((each) => (kind === 'image' ? kindOf(each.type) === kind : true));
  const at = others.findIndex((each) => each.href === entry.href);
  const step = (by: number) => {
    const next = others[at + by];
    if (!next) return;
    setBroken(false);
    setSource(false);
    current.value = next;
  };
  const touch = useRef(0);
  const onKeyDown = (event: KeyboardEvent) => {
    if (editing || (event.target as Element).matches('video, audio, textarea, .lines')) return;
    if (event.key === 'ArrowLeft') step(-1);
    if (event.key === 'ArrowRight') step(1);
  };
  if (editing) return <Editor entry={entry} close={() => (edit ? close() : setEditing(false))} />;
  return (
    <Modal title={entry.name} dismiss={close} kind="viewer">
      <div class="bar" onKeyDown={onKeyDown}>
        <h2>
          <bdi>{entry.name}</bdi>
        </h2>
        {(kind === 'markdown' || kind === 'table') && (
          <button class="plain" aria-pressed={source} onClick={() => setSource(!source)}>
            {t('source')}
          </button>
        )}
        {isText(entry.type) && writable.value && (
          <button class="plain" onClick={() => setEditing(true)}>
            <Sign name="edit" />
            {t('edit')}
          </button>
        )}
        <button class="plain" aria-label={t('previous')} title={t('previous')} disabled={at <= 0} onClick={() => step(-1)}>
          <Sign name="previous" />
        </button>
        <button
          class="plain"
          aria-label={t('next')}
          title={t('next')}
          disabled={at < 0 || at + 1 >= others.length}
          onClick={() => step(1)}
        >
          <Sign name="next" />
        </button>
        <a class="button" href={entry.href} download aria-label={t('download')} title={t('download')}>
          <Sign name="download" />
        </a>
        <button class="plain" autofocus aria-label={t('close')} title={t('close')} onClick={close}>
          <Sign name="close" />
        </button>
      </div>
      <div
        class="stage"
        tabIndex={0}
        onKeyDown={onKeyDown}
        onTouchStart={(event) => (touch.current = event.changedTouches[0]?.clientX ?? 0)}
        onTouchEnd={(event) => {
          const by = (event.changedTouches[0]?.clientX ?? 0) - touch.current;
          if (kind === 'image' && Math.abs(by) > 60) step(by < 0 ? 1 : -1);
        }}
      >
        {kind === 'image' && <Picture entry={entry} fail={() => setBroken(true)} />}
        {kind === 'video' && (
          <video key={entry.href} src={entry.href} controls preload="metadata" onError={() => setBroken(true)} />
        )}
        {kind === 'audio' && (
          <audio key={entry.href} src={entry.href} controls preload="metadata" onError={() => setBroken(true)} />
        )}
        {kind === 'pdf' && <iframe key={entry.href} src={entry.href} title={entry.name} />}
        {isText(entry.type) && kind !== 'none' && (
          <TextView key={entry.href} entry={entry} source={source} />
        )}
        {kind === 'none' && <Facts entry={entry} why={t('no-preview')} />}
      </div>
    </Modal>
  );
}

export async function open(href: string, edit = false): Promise<void> {
  const entry = entryOf(href);
  if (!entry || current.peek()) return;
  current.value = entry;
  history.pushState({ viewer: true }, '', location.href);
  let back: (() => void) | null = null;
  let closing = false;
  const leave = () => {
    if (closing) return;
    closing = true;
    history.back();
  };
  await openDialog<void>((close) => {
    if (!back) {
      back = () => close();
      addEventListener('popstate', back);
    }
    return <Viewer close={leave} edit={edit} />;
  });
  if (back) removeEventListener('popstate', back);
  const last = current.peek();
  current.value = null;
  const row = last && rowOf(last.href);
  if (row) focusSoon(linkOf(row));
}
export const isOpen = (): boolean => current.peek() !== null;

