// The page's script begins here: it enhances the list that the server has written, with the tools
// above it, the keys, and what lies over it.
import { render } from 'preact';
import { keep, newFile, newFolder, paste, removeAll, rename, transferSelected, clipboard } from './acts';
import { isCollection, isGuest, parentOf } from './dav';
import { showAccount } from './account';
import { showTrash, showVersions } from './history';
import {
  clearSelection,
  entryOf,
  goUp,
  here,
  linkOf,
  rowOf,
  selectAll,
  selected,
  selectedOne,
  startList,
  toggle,
  visibleRows,
  writable,
} from './list';
import { showKeys, Sign } from './questions';
import { showShare } from './share';
import { dialogs, dismiss, messages, spoken, working } from './state';
import { durationText, loadTexts, sizeText, t } from './texts';
import * as uploads from './upload';
import { isText, kindOf, open } from './viewer';

function Tool(props: { sign: string; text: string; act: () => unknown; main?: boolean; optional?: boolean }) {
  return (
    <button
      class={`${props.main ? 'main' : ''} ${props.optional ? 'optional' : ''}`}
      title={props.text}
      onClick={() => void props.act()}
    >
      <Sign name={props.sign} />
      <span>{props.text}</span>
    </button>
  );
}

function downloadSelected(): void {
  for (const href of selected.peek()) {
    if (isCollection(href)) continue;
    const link = document.createElement('a');
    link.href = href;
    link.download = '';
    link.click();
  }
}

// The address of an archive of the selected rows, which all must lie in the folder that is shown.
function zipSelected(): void {
  const names = selected.peek().map((href) => href.slice(here.peek().length).replace(/\/$/, ''));
  const link = document.createElement('a');
  link.href = `${here.peek()}?zip=${names.join('/')}`;
  link.download = '';
  link.click();
}

function Tools() {
  const chosen = selected.value;
  const one = selectedOne.value;
  const entry = one ? entryOf(one) : null;
  const file = one && !isCollection(one) ? entry : null;
  if (chosen.length > 0)
    return (
      <div class="tools chosen" role="toolbar" aria-label={t('selected', chosen.length)}>
        <span class="count">{t('selected', chosen.length)}</span>
        {chosen.some((href) => !isCollection(href)) && (
          <Tool sign="download" text={t('download')} act={downloadSelected} />
        )}
        {one && isCollection(one) && !isGuest() && document.documentElement.dataset.page === 'full' && (
          <Tool sign="share" text={t('share')} act={() => showShare(one)} />
        )}
        {(!file || chosen.length > 1) && chosen.every((href) => parentOf(href) === here.value) && (
          <Tool sign="archive" text={t('zip-selected')} act={zipSelected} />
        )}
        {writable.value && (
          <>
            {file && isText(file.type) && <Tool sign="edit" text={t('edit')} act={() => open(file.href, true)} />}
            {one && <Tool sign="rename" text={t('rename')} act={() => rename(one)} />}
            {file && <Tool sign="versions" text={t('versions')} act={() => showVersions(file.href, file.type)} />}
            <Tool sign="move" text={t('move')} act={() => transferSelected('MOVE')} />
            <Tool sign="copy" text={t('copy')} act={() => transferSelected('COPY')} />
            <Tool sign="trash" text={t('delete')} act={() => removeAll(selected.peek())} />
          </>
        )}
        <span class="fill" />
        <Tool sign="close" text={t('clear')} act={clearSelection} />
      </div>
    );
  return (
    <div class="tools" role="toolbar" aria-label={t('more')}>
      {writable.value && (
        <>
          <Tool sign="upload" text={t('upload-files')} act={() => uploads.pick(false)} main />
          <Tool sign="upload" text={t('upload-folder')} act={() => uploads.pick(true)} optional />
          <Tool sign="new-folder" text={t('new-folder')} act={newFolder} optional />
          <Tool
            sign="new-file"
            text={t('new-file')}
            act={async () => {
              const href = await newFile();
              if (href) void open(href, true);
            }}
            optional
          />
        </>
      )}
      <span class="fill" />
      {!isGuest() && <Tool sign="trash" text={t('trash')} act={showTrash} optional />}
      {!isGuest() && <Tool sign="account" text={t('account')} act={showAccount} optional />}
      <Tool sign="help" text={t('help')} act={showKeys} optional />
    </div>
  );
}

const kShownUploads = 200;

function Queue() {
  if (uploads.hidden.value) return null;
  const { files, done, failed, bytes, sent } = uploads.totals.value;
  const stopped = uploads.stopped.value;
  const active = uploads.isActive.value;
  const rate = uploads.rate.value;
  const all = uploads.queue.value;
  // What waits for somebody stands first, then what is under way.
  const weight = { failed: 0, sending: 1, waiting: 2, skipped: 3, canceled: 4, done: 5 };
  const shown = [...all].sort((a, b) => weight[a.state] - weight[b.state]).slice(0, kShownUploads);
  return (
    <section class="queue" aria-label={t('uploads')}>
      <div class="head">
        <h2>{active ? t('uploading', Math.min(done + 1, files), files) : t('uploaded', done)}</h2>
        {active && stopped === null && <button class="plain" onClick={uploads.pause}>{t('pause')}</button>}
        {active && stopped !== null && <button class="plain" onClick={uploads.resume}>{t('resume')}</button>}
        {active ? (
          <button class="plain" onClick={uploads.cancelAll}>
            {t('cancel-all')}
          </button>
        ) : (
          <button class="plain" aria-label={t('close')} title={t('close')} onClick={uploads.close}>
            <Sign name="close" />
          </button>
        )}
      </div>
      <progress aria-label={t('uploads')} max={Math.max(bytes, 1)} value={bytes === 0 && !active ? 1 : sent} />
      <p class="facts">
        {sizeText(sent)} / {sizeText(bytes)}
        {active && rate > 0 && stopped === null && ` · ${t('rate', sizeText(rate))} · ${t('left', durationText((bytes - sent) / rate))}`}
        {failed > 0 && ` · ${t('failed')}: ${failed}`}
      </p>
      {stopped && (
        <p class="why" role="alert">
          {t('stopped', stopped)}
        </p>
      )}
      <ul tabIndex={0} aria-label={t('uploads')}>
        {shown.map((upload) => (
          <li key={upload.id} class={upload.state}>
            <span class="name">
              <bdi>{upload.name}</bdi>
            </span>
            <span class="state">
              {upload.state === 'failed'
                ? upload.why
                : upload.state === 'sending' && upload.file.size > 0
                  ? `${Math.floor((100 * upload.sent) / upload.file.size)} %`
                  : t(upload.state === 'sending' ? 'busy' : upload.state)}
            </span>
            {(upload.state === 'waiting' || upload.state === 'sending') && (
              <button class="plain" aria-label={`${t('cancel')}: ${upload.name}`} onClick={() => uploads.cancel(upload)}>
                <Sign name="close" />
              </button>
            )}
            {upload.state === 'failed' && (
              <button class="plain" onClick={() => void uploads.retry(upload)}>
                {t('retry')}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Corner() {
  return (
    <>
      <section class="corner" aria-label={t('messages')}>
        {messages.value.map((message) => (
          <div key={message.id} class={`message ${message.bad ? 'bad' : ''}`}>
            <span>{message.text}</span>
            {message.act && (
              <button
                class="plain"
                onClick={() => {
                  dismiss(message.id);
                  message.act?.run();
                }}
              >
                {message.act.label}
              </button>
            )}
            <button class="plain" aria-label={t('close')} title={t('close')} onClick={() => dismiss(message.id)}>
              <Sign name="close" />
            </button>
          </div>
        ))}
        <Queue />
      </section>
      <div class="hidden" role="status" aria-live="polite">
        {spoken.value}
      </div>
      {dialogs.value.map((dialog) => (
        <div key={dialog.id}>{dialog.render(dialog.close)}</div>
      ))}
    </>
  );
}

// Keys. They work on rows, and leave fields, buttons and dialogs alone.

function focusedHref(): string | null {
  const row = document.activeElement?.closest('main tbody tr');
  return row ? linkOf(row).getAttribute('href') : null;
}
// What a key is about: the selection, or the row that has the focus.
function subjects(): readonly string[] {
  const focused = focusedHref();
  return selected.peek().length > 0 ? selected.peek() : focused ? [focused] : [];
}
function moveFocus(by: number, range: boolean): void {
  const rows = visibleRows();
  const now = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[Math.max(0, Math.min(rows.length - 1, now < 0 ? 0 : now + by))];
  if (!next) return;
  if (range && now >= 0) {
    const href = (row: Element) => linkOf(row).getAttribute('href') ?? '';
    if (selected.peek().length === 0) toggle(href(rows[now] as Element));
    toggle(href(next), true);
  }
  linkOf(next).focus();
  next.scrollIntoView({ block: 'nearest' });
}

function onKeyDown(event: KeyboardEvent): void {
  const target = event.target as Element;
  if (dialogs.peek().length > 0 || event.defaultPrevented || event.altKey) return;
  if (target.matches('input:not([type="checkbox"]), textarea, select')) {
    if (event.key === 'Escape' && target instanceof HTMLInputElement && target.id === 'filter') {
      target.value = '';
      target.dispatchEvent(new Event('input', { bubbles: true }));
      target.blur();
    } else if (event.key === 'ArrowDown' && target.id === 'filter') {
      moveFocus(0, false);
      event.preventDefault();
    }
    return;
  }
  const control = event.ctrlKey || event.metaKey;
  const focused = focusedHref();
  const acts: Record<string, () => unknown> = control
    ? {
        a: selectAll,
        c: () => (withSubjects(), keep('COPY')),
        x: () => writable.peek() && (withSubjects(), keep('MOVE')),
      }
    : {
        ArrowDown: () => moveFocus(1, event.shiftKey),
        ArrowUp: () => moveFocus(-1, event.shiftKey),
        Home: () => moveFocus(-Infinity, event.shiftKey),
        End: () => moveFocus(Infinity, event.shiftKey),
        Backspace: goUp,
        F2: () => writable.peek() && subjects().length === 1 && rename(subjects()[0] as string),
        Delete: () => writable.peek() && removeAll(subjects()),
        '/': () => document.querySelector<HTMLInputElement>('#filter')?.select(),
        '?': showKeys,
        Escape: clearSelection,
      };
  const withSubjects = () => selected.peek().length === 0 && focused !== null && toggle(focused);
  if (!control && event.key === ' ' && focused !== null && target.matches('a')) {
    event.preventDefault();
    return toggle(focused, event.shiftKey);
  }
  // Text that is marked is copied as everywhere.
  if (control && event.key !== 'a' && getSelection()?.isCollapsed === false) return;
  const act = acts[event.key];
  if (!act) return;
  if (control && event.key !== 'a' && subjects().length === 0) return;
  event.preventDefault();
  void act();
}

function onPaste(event: ClipboardEvent): void {
  if (dialogs.peek().length > 0 || (event.target as Element).matches?.('input, textarea')) return;
  if (!writable.peek()) return;
  if (event.clipboardData?.files.length) {
    event.preventDefault();
    void uploads.addTransfer(event.clipboardData);
  } else if (clipboard.peek()) {
    event.preventDefault();
    void paste();
  }
}

if (await loadTexts()) {
  startList();
  const tools = document.createElement('section');
  tools.ariaLabel = t('actions');
  const over = document.createElement('div');
  document.querySelector('header')?.after(tools);
  document.body.append(over);
  render(<Tools />, tools);
  render(<Corner />, over);
  uploads.startUploads(() => writable.peek() && dialogs.peek().length === 0);
  working.subscribe((count) => document.body.classList.toggle('busy', count > 0));
  document.addEventListener('keydown', onKeyDown);
  document.addEventListener('paste', onPaste);
  document.addEventListener('click', (event) => {
    const link = (event.target as Element).closest?.('main td.name > a');
    if (!link || event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const href = link.getAttribute('href') ?? '';
    const entry = rowOf(href) && entryOf(href);
    if (isCollection(href) || !entry || kindOf(entry.type) === 'none') return;
    event.preventDefault();
    void open(href);
  });
}
