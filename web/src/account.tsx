// The reader's own account: how much it stores, its password, the passwords of its devices, and the
// browsers in which it is signed in.
import { useEffect, useState } from 'preact/hooks';
import { accountUrl, ask, signInUrl, type Account } from './dav';
import { Modal } from './questions';
import { copyText, during, openDialog, sentenceOf } from './state';
import { dateText, sizeText, t } from './texts';

const send = (what: string, body: object): Promise<Response> =>
  during(() => ask('POST', accountUrl(what), { 'Content-Type': 'application/json' }, JSON.stringify(body)));

// Returns "Firefox, Linux" for what a browser calls itself, or all that, when it is another one.
function clientName(client: string): string {
  const browser = /(Firefox|Edg|OPR|Chrome|Safari)\w*\//.exec(client)?.[1];
  const system = /Windows|Android|iPhone|iPad|Mac OS X|Linux/.exec(client)?.[0];
  if (!browser) return client || '?';
  const name = { Edg: 'Edge', OPR: 'Opera' }[browser] ?? browser;
  return system ? `${name}, ${system}` : name;
}

function Quota({ account }: { account: Account }) {
  const { used_bytes: used, quota_bytes: most } = account;
  return (
    <section>
      <h3>{t('storage')}</h3>
      {most !== null && <progress aria-label={t('storage')} max={Math.max(most, 1)} value={used} />}
      <p>{most === null ? t('stored-bytes', sizeText(used)) : t('stored-of', sizeText(used), sizeText(most))}</p>
    </section>
  );
}

function Password({ name }: { name: string }) {
  const [why, setWhy] = useState('');
  const [before, setBefore] = useState('');
  const [after, setAfter] = useState('');
  return (
    <details>
      <summary>{t('change-password')}</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send('password', { old: before, new: after }).then(
            // It has ended all sessions, this one as well.
            () => location.assign(signInUrl()),
            (error: unknown) => setWhy(sentenceOf(error)),
          );
        }}
      >
        <input type="text" class="hidden" autocomplete="username" value={name} readOnly tabIndex={-1} aria-hidden="true" />
        <label>
          {t('old-password')}
          <input
            type="password"
            autocomplete="current-password"
            required
            value={before}
            onInput={(event) => setBefore(event.currentTarget.value)}
          />
        </label>
        <label>
          {t('new-password')}
          <input
            type="password"
            autocomplete="new-password"
            required
            value={after}
            onInput={(event) => setAfter(event.currentTarget.value)}
          />
        </label>
        {why && (
          <p class="why" role="alert">
            {why}
          </p>
        )}
        <p class="soft">{t('password-ends')}</p>
        <button class="main">{t('change-password')}</button>
      </form>
    </details>
  );
}

function NewToken({ load }: { load: () => Promise<void> }) {
  const [label, setLabel] = useState('');
  const [readOnly, setReadOnly] = useState(false);
  const [secret, setSecret] = useState('');
  const [why, setWhy] = useState('');
  return (
    <>
      {secret && (
        <div class="secret" role="status">
          <p>{t('token-once')}</p>
          <code>{secret}</code>
          <div class="actions">
            <button type="button" onClick={() => copyText(secret)}>
              {t('copy')}
            </button>
            <button type="button" onClick={() => setSecret('')}>
              {t('done')}
            </button>
          </div>
        </div>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send('tokens', { label: label.trim(), read_only: readOnly })
            .then(async (response) => {
              setSecret(((await response.json()) as { secret: string }).secret);
              setLabel('');
              setWhy('');
              await load();
            })
            .catch((error: unknown) => setWhy(sentenceOf(error)));
        }}
      >
        <label>
          {t('device-name')}
          <input
            type="text"
            required
            maxLength={100}
            autocomplete="off"
            value={label}
            onInput={(event) => setLabel(event.currentTarget.value)}
          />
        </label>
        <label class="tick">
          <input type="checkbox" checked={readOnly} onChange={(event) => setReadOnly(event.currentTarget.checked)} />
          {t('read-only')}
        </label>
        {why && (
          <p class="why" role="alert">
            {why}
          </p>
        )}
        <button>{t('make-token')}</button>
      </form>
    </>
  );
}

function AccountDialog({ close }: { close: () => void }) {
  const [account, setAccount] = useState<Account | null>(null);
  const [why, setWhy] = useState('');
  const load = async () => {
    try {
      setAccount((await (await ask('GET', accountUrl(''))).json()) as Account);
      setWhy('');
    } catch (error) {
      setWhy(sentenceOf(error));
    }
  };
  useEffect(() => void load(), []);
  const act = (what: string, body: object) =>
    send(what, body)
      .then(load)
      .catch((error: unknown) => setWhy(sentenceOf(error)));
  const full = document.documentElement.dataset.page === 'full';
  return (
    <Modal title={t('account')} dismiss={close}>
      <div class="body account">
        <h2>
          {t('account')}
          {account && (
            <>
              : <bdi>{account.name}</bdi>
            </>
          )}
        </h2>
        {why && (
          <p class="why" role="alert">
            {why}
          </p>
        )}
        {!account && !why && <p>{t('loading')}</p>}
        {account && <Quota account={account} />}
        {account?.tokens && full && <Password name={account.name} />}
        {account?.tokens && full && (
          <details>
            <summary>{t('devices', account.tokens.length)}</summary>
            <p class="soft">{t('devices-text')}</p>
            <ul>
              {account.tokens.map((token) => (
                <li key={token.id}>
                  <span>
                    <bdi>{token.label}</bdi>
                    <span class="soft">
                      {dateText(token.created)}
                      {token.read_only && ` · ${t('read-only')}`}
                      {token.path !== '/' && ` · ${decodeURIComponent(token.path)}`}
                      {token.expires && ` · ${t('until', dateText(token.expires))}`}
                    </span>
                  </span>
                  <button aria-label={`${t('revoke')}: ${token.label}`} onClick={() => void act('tokens', { remove: token.id })}>
                    {t('revoke')}
                  </button>
                </li>
              ))}
            </ul>
            <NewToken load={load} />
          </details>
        )}
        {account?.sessions && (
          <details>
            <summary>{t('sessions', account.sessions.length)}</summary>
            <ul>
              {account.sessions.map((session) => (
                <li key={session.id}>
                  <span>
                    <span title={session.client}>{clientName(session.client)}</span>
                    <span class="soft">
                      {session.this ? `${t('this-browser')} · ` : ''}
                      {t('since', dateText(session.created))}
                    </span>
                  </span>
                  {!session.this && (
                    <button
                      aria-label={`${t('end')}: ${clientName(session.client)}, ${dateText(session.created)}`}
                      onClick={() => void act('sessions', { end: session.id })}
                    >
                      {t('end')}
                    </button>
                  )}
                </li>
              ))}
            </ul>
          </details>
        )}
        <div class="actions">
          <button autofocus onClick={close}>
            {t('close')}
          </button>
        </div>
      </div>
    </Modal>
  );
}
export const showAccount = (): Promise<void> =>
  openDialog<void>((close) => <AccountDialog close={() => close()} />);
