// Links to a folder, by which people without an account read it.
import { useEffect, useState } from 'preact/hooks';
import { accountUrl, ask, nameOf, pathOf, type Share } from './dav';
import { Modal } from './questions';
import { copyText, during, openDialog, sentenceOf } from './state';
import { dateText, t } from './texts';

const kDays = [1, 7, 30, 365, 0];

function ShareDialog({ href, close }: { href: string; close: () => void }) {
  const path = pathOf(href);
  const [shares, setShares] = useState<Share[] | null>(null);
  const [why, setWhy] = useState('');
  const [label, setLabel] = useState('');
  const [password, setPassword] = useState('');
  const [days, setDays] = useState(30);
  const [url, setUrl] = useState('');
  const load = async () => {
    const response = await ask('GET', accountUrl('shares'));
    const all = ((await response.json()) as { shares: Share[] }).shares;
    setShares(all.filter((share) => share.path === path));
  };
  const run = (work: () => Promise<void>) =>
    during(work).then(
      () => setWhy(''),
      (error: unknown) => setWhy(sentenceOf(error)),
    );
  useEffect(() => void run(load), []);
  const send = (body: object): Promise<Response> =>
    ask('POST', accountUrl('shares'), { 'Content-Type': 'application/json' }, JSON.stringify(body));
  const title = t('share-title', nameOf(href));
  return (
    <Modal title={title} dismiss={close}>
      <div class="body account">
        <h2>{title}</h2>
        <p class="soft">{t('share-text')}</p>
        {why && (
          <p class="why" role="alert">
            {why}
          </p>
        )}
        {url && (
          <div class="secret" role="status">
            <p>{t('token-once')}</p>
            <code>{url}</code>
            <div class="actions">
              <button onClick={() => copyText(url)}>{t('copy')}</button>
            </div>
          </div>
        )}
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void run(async () => {
              const response = await send({
                path,
                ...(label.trim() && { label: label.trim() }),
                ...(password && { password }),
                ...(days > 0 && { expires_in: days * 86400 }),
              });
              const made = (await response.json()) as { url: string };
              setUrl(new URL(made.url, location.origin).href);
              setLabel('');
              setPassword('');
              await load();
            });
          }}
        >
          <label>
            {t('share-label')}
            <input type="text" autocomplete="off" maxLength={100} value={label} onInput={(event) => setLabel(event.currentTarget.value)} />
          </label>
          <label>
            {t('share-password')}
            <input
              type="password"
              autocomplete="new-password"
              value={password}
              onInput={(event) => setPassword(event.currentTarget.value)}
            />
          </label>
          <label>
            {t('share-until')}
            <select value={days} onChange={(event) => setDays(Number(event.currentTarget.value))}>
              {kDays.map((each) => (
                <option key={each} value={each}>
                  {each === 0 ? t('share-always') : t('share-days', each)}
                </option>
              ))}
            </select>
          </label>
          <button class="main">{t('share-make')}</button>
        </form>
        {shares && shares.length > 0 && (
          <ul aria-label={t('share-links')}>
            {shares.map((share) => (
              <li key={share.id}>
                <span>
                  <bdi>{share.label || share.id}</bdi>
                  <span class="soft">
                    {share.ended
                      ? t('share-ended')
                      : share.expires
                        ? t('until', dateText(share.expires))
                        : t('share-always')}
                    {share.password && ` · ${t('password')}`} · {t('share-uses', share.uses)}
                  </span>
                </span>
                <button
                  aria-label={`${t('revoke')}: ${share.label || share.id}`}
                  onClick={() =>
                    void run(async () => {
                      await send({ remove: share.id });
                      setUrl('');
                      await load();
                    })
                  }
                >
                  {t('revoke')}
                </button>
              </li>
            ))}
          </ul>
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
export const showShare = (href: string): Promise<void> =>
  openDialog<void>((close) => <ShareDialog href={href} close={() => close()} />);
