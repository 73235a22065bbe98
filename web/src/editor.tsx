// Editing a text. The file is locked while it is edited, each save names the version that it replaces,
// and what is typed is kept in the tab until it is saved or given up.
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, childOf, freeName, lock, nameOf, parentOf, Refusal, refreshLock, unlock } from './dav';
import { refresh, type Entry } from './list';
import { Modal, Sign } from './questions';
import { sentenceOf, spoken, tell, tellError } from './state';
import { t } from './texts';
import { fetchText } from './viewer';

const kRefreshMs = 120_000;
const kLookMs = 15_000;

interface Conflict {
  theirs: string;
  etag: string;
}

export function Editor({ entry, close }: { entry: Entry; close: () => void }) {
  const { href } = entry;
  const draftKey = `draft:${href}`;
  const [text, setText] = useState<string | null>(null);
  const [why, setWhy] = useState('');
  const [state, setState] = useState('');
  const [readOnly, setReadOnly] = useState<string | null>(null);
  const [conflict, setConflict] = useState<Conflict | null>(null);
  const [leaving, setLeaving] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  // What the timers and the handlers of the window see.
  const now = useRef({ saved: '', etag: '', token: '', typed: '', dirty: false, saving: false });

  const show = (content: string, etag: string) => {
    now.current.saved = content;
    now.current.typed = content;
    now.current.etag = etag;
    now.current.dirty = false;
    setText(content);
  };

  const take = async () => {
    try {
      now.current.token = await lock(href, document.documentElement.dataset.account || 'Holdfast');
      setReadOnly(null);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.locked) setReadOnly(t('read-only-lock', error.problem.lock?.holder || '?'));
      else setReadOnly(sentenceOf(error));
    }
  };

  const begin = async () => {
    try {
      await take();
      const got = await fetchText(href);
      show(got.text, got.etag);
      const kept = sessionStorage.getItem(draftKey);
      if (kept !== null) {
        const draft = JSON.parse(kept) as { text: string; etag: string };
        if (draft.text !== got.text) {
          now.current.typed = draft.text;
          now.current.etag = draft.etag;
          now.current.dirty = true;
          setText(draft.text);
          setState(t('not-saved'));
        }
      }
      area.current?.focus();
    } catch (error) {
      setWhy(sentenceOf(error));
    }
  };

  // Nothing typed and another version stored: it is shown without a question.
  const look = async () => {
    const { dirty, etag, token } = now.current;
    if (dirty || token || !etag) return;
    try {
      const response = await ask('HEAD', href);
      if (response.headers.get('ETag') === etag || now.current.dirty) return;
      const got = await fetchText(href);
      if (now.current.dirty) return;
      show(got.text, got.etag);
      setState(t('reloaded'));
      await take();
    } catch {
      // The next look may succeed.
    }
  };

  useEffect(() => {
    void begin();
    const refreshing = setInterval(() => {
      const { token } = now.current;
      if (token) refreshLock(href, token).catch(() => (now.current.token = ''));
    }, kRefreshMs);
    const looking = setInterval(() => void look(), kLookMs);
    const onFocus = () => void look();
    const release = () => {
      const { token } = now.current;
      now.current.token = '';
      if (token) unlock(href, token).catch(() => undefined);
    };
    const warn = (event: BeforeUnloadEvent) => {
      if (now.current.dirty) event.preventDefault();
    };
    addEventListener('focus', onFocus);
    addEventListener('pagehide', release);
    addEventListener('beforeunload', warn);
    return () => {
      clearInterval(refreshing);
      clearInterval(looking);
      removeEventListener('focus', onFocus);
      removeEventListener('pagehide', release);
      removeEventListener('beforeunload', warn);
      release();
    };
  }, []);

  const onInput = (typed: string) => {
    now.current.typed = typed;
    now.current.dirty = typed !== now.current.saved;
    setText(typed);
    setState(now.current.dirty ? t('not-saved') : '');
    if (now.current.dirty)
      sessionStorage.setItem(draftKey, JSON.stringify({ text: typed, etag: now.current.etag }));
    else sessionStorage.removeItem(draftKey);
  };

  const save = async (etag = now.current.etag): Promise<boolean> => {
    if (now.current.saving) return false;
    now.current.saving = true;
    const { typed, token } = now.current;
    setState(t('saving'));
    try {
      const headers: Record<string, string> = { 'If-Match': etag };
      if (token) headers.If = `(<${token}>)`;
      const response = await ask('PUT', href, headers, typed);
      now.current.saved = typed;
      now.current.etag = response.headers.get('ETag') ?? '';
      now.current.dirty = now.current.typed !== typed;
      if (!now.current.dirty) sessionStorage.removeItem(draftKey);
      setConflict(null);
      setState(t(now.current.dirty ? 'not-saved' : 'saved'));
      spoken.value = t('saved');
      if (!token) void take().catch(tellError);
      return true;
    } catch (error) {
      setState(t('not-saved'));
      if (error instanceof Refusal && token && !error.locked && error.stale && etag === now.current.etag)
        // The lock may have ended: then the condition on its token is what does not hold.
        now.current.token = '';
      if (error instanceof Refusal && error.stale) await compare();
      else tellError(error);
      return false;
    } finally {
      now.current.saving = false;
    }
  };

  const compare = async () => {
    try {
      const got = await fetchText(href);
      if (got.etag === now.current.etag) {
        now.current.saving = false;
        await take();
        void save();
      } else {
        setConflict({ theirs: got.text, etag: got.etag });
      }
    } catch (error) {
      tellError(error);
    }
  };

  const keepCopy = async () => {
    const name = nameOf(href);
    const tried = new Set<string>([name]);
    for (;;) {
      const free = freeName(name, (each) => tried.has(each));
      try {
        await ask('PUT', childOf(parentOf(href), free), { 'If-None-Match': '*' }, now.current.typed);
        tell(`${t('saved')}: ${free}`);
        takeTheirs();
        return;
      } catch (error) {
        if (!(error instanceof Refusal && error.stale)) return tellError(error);
        tried.add(free);
      }
    }
  };
  const takeTheirs = () => {
    if (!conflict) return;
    sessionStorage.removeItem(draftKey);
    show(conflict.theirs, conflict.etag);
    setConflict(null);
    setState('');
    if (!now.current.token) void take().catch(tellError);
  };

  const leave = () => {
    if (now.current.dirty && !leaving) return setLeaving(true);
    sessionStorage.removeItem(draftKey);
    void refresh();
    close();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if ((event.ctrlKey || event.metaKey) && event.key === 's') {
      event.preventDefault();
      if (now.current.dirty && readOnly === null) void save();
    }
  };

  return (
    <Modal title={entry.name} dismiss={leave} kind="viewer">
      <div class="bar" onKeyDown={onKeyDown}>
        <h2>
          <bdi>{entry.name}</bdi>
        </h2>
        <span class="state" role="status">
          {state}
        </span>
        <button class="main" disabled={!now.current.dirty || readOnly !== null || conflict !== null} onClick={() => void save()}>
          {t('save')}
        </button>
        <button class="plain" aria-label={t('close')} title={t('close')} onClick={leave}>
          <Sign name="close" />
        </button>
      </div>
      {readOnly && (
        <div class="foot">
          <p>
            <Sign name="lock" /> {readOnly}
          </p>
        </div>
      )}
      {conflict ? (
        <>
          <div class="sides">
            <section>
              <h3>{t('mine')}</h3>
              <textarea
                aria-label={t('mine')}
                value={text ?? ''}
                spellcheck={false}
                onInput={(event) => onInput(event.currentTarget.value)}
              />
            </section>
            <section>
              <h3>{t('theirs')}</h3>
              <textarea aria-label={t('theirs')} value={conflict.theirs} readOnly spellcheck={false} />
            </section>
          </div>
          <div class="foot" role="alert">
            <p>
              <strong>{t('conflict-title')}.</strong> {t('conflict-text')}
            </p>
            <button class="main" onClick={() => void keepCopy()}>
              {t('keep-copy')}
            </button>
            <button onClick={takeTheirs}>{t('take-theirs')}</button>
            <button onClick={() => void save(conflict.etag)}>{t('overwrite')}</button>
          </div>
        </>
      ) : why ? (
        <p class="facts">{why}</p>
      ) : text === null ? (
        <p class="facts">{t('loading')}</p>
      ) : (
        <textarea
          ref={area}
          aria-label={entry.name}
          value={text}
          spellcheck={false}
          readOnly={readOnly !== null}
          onKeyDown={onKeyDown}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
      {leaving && (
        <div class="foot" role="alert">
          <p>{t('leave-edit')}</p>
          <button onClick={() => setLeaving(false)}>{t('cancel')}</button>
          <button class="main" onClick={leave}>
            {t('discard')}
          </button>
        </div>
      )}
    </Modal>
  );
}
