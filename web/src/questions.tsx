// The questions that the page asks, each a dialog with a promise of its answer.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { isCollection, isName, list, nameOf, parentOf, root } from './dav';
import { openDialog, sentenceOf } from './state';
import { t } from './texts';

export function Sign({ name }: { name: string }) {
  return (
    <svg class={`sign ${name}`} aria-hidden="true">
      <use href={`#s-${name}`} />
    </svg>
  );
}

// A modal dialog: the browser keeps the focus inside, and Escape dismisses it. It opens before the next
// key press arrives, so that what is typed goes into it.
export function Modal(props: {
  title: string;
  dismiss: () => void;
  children: ComponentChildren;
  kind?: string;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  // A browser closes a dialog at the second Escape whatever the page says. Who does not let go of it
  // gets it back.
  const closed = () => {
    props.dismiss();
    setTimeout(() => dialog.current && !dialog.current.open && dialog.current.showModal());
  };
  return (
    <dialog
      ref={dialog}
      class={props.kind ?? ''}
      aria-label={props.title}
      onCancel={(event) => {
        // One that cannot be prevented closes the dialog, which is heard of next.
        if (!event.cancelable) return;
        event.preventDefault();
        props.dismiss();
      }}
      onClose={closed}
      onClick={(event) => {
        if (event.target === dialog.current && props.kind !== 'viewer') props.dismiss();
      }}
    >
      {props.children}
    </dialog>
  );
}

function NameQuestion(props: {
  title: string;
  label: string;
  value: string;
  button: string;
  close: (name: string | null) => void;
}) {
  const [name, setName] = useState(props.value);
  const [wrong, setWrong] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    const dot = props.value.lastIndexOf('.');
    field.current?.focus();
    field.current?.setSelectionRange(0, dot > 0 ? dot : props.value.length);
  }, []);
  return (
    <Modal title={props.title} dismiss={() => props.close(null)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const trimmed = name.trim();
          if (isName(trimmed)) props.close(trimmed);
          else setWrong(true);
        }}
      >
        <h2>{props.title}</h2>
        <label>
          {props.label}
          <input
            ref={field}
            type="text"
            value={name}
            autocomplete="off"
            spellcheck={false}
            aria-invalid={wrong}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        {wrong && (
          <p class="why" role="alert">
            {t('name-bad')}
          </p>
        )}
        <div class="actions">
          <button type="button" onClick={() => props.close(null)}>
            {t('cancel')}
          </button>
          <button class="main">{props.button}</button>
        </div>
      </form>
    </Modal>
  );
}
export const askName = (
  title: string,
  label: string,
  value: string,
  button: string,
): Promise<string | null> =>
  openDialog((close) => <NameQuestion {...{ title, label, value, button, close }} />);

const kShownNames = 100;
function Names({ names }: { names: readonly string[] }) {
  return (
    <ul class="names">
      {names.slice(0, kShownNames).map((name) => (
        <li key={name}>{name}</li>
      ))}
      {names.length > kShownNames && <li>…</li>}
    </ul>
  );
}

export const confirmDelete = (what: string): Promise<boolean> =>
  openDialog((close) => (
    <Modal title={t('delete-title')} dismiss={() => close(false)}>
      <div class="body">
        <h2>{t('delete-ask', what)}</h2>
        <p>{t('delete-for-good')}</p>
        <div class="actions">
          <button autofocus onClick={() => close(false)}>
            {t('cancel')}
          </button>
          <button class="main" onClick={() => close(true)}>
            {t('delete')}
          </button>
        </div>
      </div>
    </Modal>
  ));

export type Choice = 'replace' | 'keep' | 'skip' | 'cancel';
// Asks once for a batch what becomes of names that exist.
export const askWhatToDo = (names: readonly string[]): Promise<Choice> =>
  openDialog<Choice>((close) => (
    <Modal title={t('exists-title')} dismiss={() => close('cancel')}>
      <div class="body">
        <h2>{t('exists-title')}</h2>
        <p>{t('exists-some', names.length)}</p>
        <Names names={names} />
        <div class="actions">
          <button onClick={() => close('cancel')}>{t('cancel')}</button>
          <button onClick={() => close('skip')}>{t('skip')}</button>
          <button onClick={() => close('replace')}>{t('replace')}</button>
          <button class="main" autofocus onClick={() => close('keep')}>
            {t('keep-both')}
          </button>
        </div>
      </div>
    </Modal>
  ));

export const showRefused = (refused: readonly { name: string; why: string }[]): Promise<void> =>
  openDialog<void>((close) => (
    <Modal title={t('not-done', refused.length)} dismiss={() => close()}>
      <div class="body">
        <h2>{t('not-done', refused.length)}</h2>
        <dl class="names">
          {refused.slice(0, kShownNames).map(({ name, why }) => (
            <>
              <dt>{name}</dt>
              <dd>{why}</dd>
            </>
          ))}
        </dl>
        <div class="actions">
          <button class="main" autofocus onClick={() => close()}>
            {t('close')}
          </button>
        </div>
      </div>
    </Modal>
  ));

function FolderChooser(props: {
  start: string;
  method: 'MOVE' | 'COPY';
  hrefs: readonly string[];
  close: (href: string | null) => void;
}) {
  const [at, setAt] = useState(props.start);
  const [folders, setFolders] = useState<string[] | null>(null);
  const [why, setWhy] = useState('');
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let current = true;
    setFolders(null);
    setWhy('');
    list(at).then(
      (members) => {
        if (!current) return;
        setFolders(
          members
            .map((member) => member.href)
            .filter((href) => isCollection(href) && !props.hrefs.includes(href)),
        );
        queueMicrotask(() => box.current?.querySelector('button')?.focus());
      },
      (error: unknown) => current && setWhy(sentenceOf(error)),
    );
    return () => {
      current = false;
    };
  }, [at]);
  // The arrow keys move among the folders.
  const onKeyDown = (event: KeyboardEvent) => {
    const buttons = [...(box.current?.querySelectorAll('button') ?? [])];
    const now = buttons.indexOf(document.activeElement as HTMLButtonElement);
    if (event.key === 'ArrowDown') buttons[Math.min(now + 1, buttons.length - 1)]?.focus();
    else if (event.key === 'ArrowUp') buttons[Math.max(now - 1, 0)]?.focus();
    else if (event.key === 'Backspace' && at !== root()) setAt(parentOf(at));
    else return;
    event.preventDefault();
  };
  const shown = at === root() ? t('start') : decodeURIComponent(at.slice(root().length - 1));
  return (
    <Modal title={t('choose-target')} dismiss={() => props.close(null)}>
      <div class="body">
        <h2>{t('choose-target')}</h2>
        <p aria-live="polite">{shown}</p>
        <div class="list" ref={box} onKeyDown={onKeyDown}>
          {at !== root() && (
            <button class="plain" onClick={() => setAt(parentOf(at))}>
              <Sign name="up" />
              {t('up')}
            </button>
          )}
          {folders?.map((href) => (
            <button class="plain" key={href} onClick={() => setAt(href)}>
              <Sign name="folder" />
              {nameOf(href)}
            </button>
          ))}
          {folders?.length === 0 && <p class="empty">{t('no-folders')}</p>}
          {!folders && !why && <p class="empty">{t('loading')}</p>}
          {why && <p class="why">{why}</p>}
        </div>
        <div class="actions">
          <button onClick={() => props.close(null)}>{t('cancel')}</button>
          <button class="main" disabled={!folders} onClick={() => props.close(at)}>
            {t(props.method === 'MOVE' ? 'move-here' : 'copy-here')}
          </button>
        </div>
      </div>
    </Modal>
  );
}
export const chooseFolder = (
  start: string,
  method: 'MOVE' | 'COPY',
  hrefs: readonly string[],
): Promise<string | null> =>
  openDialog((close) => <FolderChooser {...{ start, method, hrefs, close }} />);

const kKeys: [string, string[]][] = [
  ['key.arrows', ['↑', '↓', 'Home', 'End']],
  ['key.enter', ['Enter']],
  ['key.backspace', ['Backspace']],
  ['key.space', ['Space']],
  ['key.shift', ['Shift+↑', 'Shift+↓']],
  ['key.ctrl-a', ['Ctrl+A']],
  ['key.f2', ['F2']],
  ['key.delete', ['Del']],
  ['key.ctrl-x', ['Ctrl+X']],
  ['key.ctrl-c', ['Ctrl+C']],
  ['key.ctrl-v', ['Ctrl+V']],
  ['key.slash', ['/']],
  ['key.question', ['?']],
  ['key.escape', ['Esc']],
];
export const showKeys = (): Promise<void> =>
  openDialog<void>((close) => (
    <Modal title={t('keys-title')} dismiss={() => close()}>
      <div class="body">
        <h2>{t('keys-title')}</h2>
        <dl>
          {kKeys.map(([what, keys]) => (
            <>
              <dt>
                {keys.map((key) => (
                  <>
                    <kbd>{key}</kbd>{' '}
                  </>
                ))}
              </dt>
              <dd>{t(what)}</dd>
            </>
          ))}
        </dl>
        <div class="actions">
          <button class="main" autofocus onClick={() => close()}>
            {t('close')}
          </button>
        </div>
      </div>
    </Modal>
  ));

