// What was removed, and what files were before.
import { useEffect, useState } from 'preact/hooks';
import { ask, isGuest, nameOf, restore, trash, versions, type Removed, type Version } from './dav';
import { refresh } from './list';
import { Modal, Sign } from './questions';
import { during, openDialog, sentenceOf, tell, tellError } from './state';
import { dateText, sizeText, t } from './texts';
import { fetchText, isText, Lines } from './viewer';

function Trash({ close }: { close: () => void }) {
  const [entries, setEntries] = useState<Removed[] | null>(null);
  const [why, setWhy] = useState(isGuest() ? t('trash-guests') : '');
  const load = () => trash().then(setEntries, (error: unknown) => setWhy(sentenceOf(error)));
  useEffect(() => {
    if (!isGuest()) void load();
  }, []);
  const bring = async (entry: Removed) => {
    try {
      await during(() => restore(entry.id));
      tell(t('restored', nameOf(entry.path)));
      await Promise.all([load(), refresh()]);
    } catch (error) {
      tellError(error);
    }
  };
  return (
    <Modal title={t('trash-title')} dismiss={close} kind="wide">
      <div class="body">
        <h2>{t('trash-title')}</h2>
        {why && <p class="why">{why}</p>}
        {!entries && !why && <p>{t('loading')}</p>}
        {entries?.length === 0 && <p class="empty">{t('trash-empty')}</p>}
        {entries && entries.length > 0 && (
          <div class="list" tabIndex={0} role="group" aria-label={t('trash-title')}>
            <table>
              <thead>
                <tr>
                  <th>{t('name')}</th>
                  <th>{t('was-at')}</th>
                  <th>{t('removed')}</th>
                  <th>{t('size')}</th>
                  <th>
                    <span class="hidden">{t('restore')}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {entries.map((entry) => (
                  <tr key={entry.id}>
                    <td class="wrap">
                      <Sign name={entry.collection ? 'folder' : 'file'} /> <bdi>{nameOf(entry.path)}</bdi>
                    </td>
                    <td>
                      <bdi>{decodeURIComponent(entry.path.replace(/[^/]*\/?$/, ''))}</bdi>
                    </td>
                    <td>{dateText(entry.removed)}</td>
                    <td>{entry.bytes === null ? '' : sizeText(entry.bytes)}</td>
                    <td>
                      <button aria-label={`${t('restore')}: ${nameOf(entry.path)}`} onClick={() => void bring(entry)}>
                        {t('restore')}
                      </button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
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
export const showTrash = (): Promise<void> => openDialog<void>((close) => <Trash close={() => close()} />);

// Returns the lines of both texts in one order, marked as removed or added: the longest common
// subsequence of lines, or all of both when they are too many.
export function difference(before: string, after: string): { text: string; mark?: string }[] {
  const a = before.split('\n');
  const b = after.split('\n');
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) ++start;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) ++end;
  const x = a.slice(start, a.length - end);
  const y = b.slice(start, b.length - end);
  const plain = (lines: string[]) => lines.map((text) => ({ text }));
  const marked = (lines: string[], mark: string) => lines.map((text) => ({ text, mark }));
  const middle: { text: string; mark?: string }[] = [];
  if (x.length * y.length > 4_000_000) {
    middle.push(...marked(x, 'removed'), ...marked(y, 'added'));
  } else {
    const width = y.length + 1;
    const common = new Uint32Array((x.length + 1) * width);
    for (let i = x.length - 1; i >= 0; --i)
      for (let j = y.length - 1; j >= 0; --j)
        common[i * width + j] =
          x[i] === y[j]
            ? (common[(i + 1) * width + j + 1] as number) + 1
            : Math.max(common[(i + 1) * width + j] as number, common[i * width + j + 1] as number);
    let [i, j] = [0, 0];
    while (i < x.length || j < y.length) {
      if (i < x.length && j < y.length && x[i] === y[j]) {
        middle.push({ text: x[i] as string });
        ++i, ++j;
      } else if (
        j >= y.length ||
        (i < x.length && (common[(i + 1) * width + j] as number) >= (common[i * width + j + 1] as number))
      ) {
        middle.push({ text: x[i++] as string, mark: 'removed' });
      } else {
        middle.push({ text: y[j++] as string, mark: 'added' });
      }
    }
  }
  return [...plain(a.slice(0, start)), ...middle, ...plain(end > 0 ? a.slice(-end) : [])];
}

function Versions({ href, type, close }: { href: string; type: string; close: () => void }) {
  const [found, setFound] = useState<Version[] | null>(null);
  const [why, setWhy] = useState('');
  const [shown, setShown] = useState<{ title: string; lines: { text: string; mark?: string }[] } | null>(null);
  useEffect(() => {
    versions(href).then(setFound, (error: unknown) => setWhy(sentenceOf(error)));
  }, []);
  const look = async (version: Version, compare: boolean) => {
    try {
      const before = (await fetchText(version.href)).text;
      const lines = compare
        ? difference(before, (await fetchText(href)).text)
        : before.split('\n').map((text) => ({ text }));
      setShown({ title: dateText(version.stored) + (compare ? ` → ${t('now')}` : ''), lines });
    } catch (error) {
      tellError(error);
    }
  };
  const bring = async (version: Version) => {
    try {
      await during(async () => {
        const etag = (await ask('HEAD', href)).headers.get('ETag') ?? '';
        const content = await (await ask('GET', version.href)).blob();
        const modified = `${Math.floor(Date.parse(version.modified) / 1000)}`;
        await ask('PUT', href, { 'If-Match': etag, 'X-OC-Mtime': modified }, content);
      });
      tell(t('restored', nameOf(href)));
      void refresh();
      close();
    } catch (error) {
      tellError(error);
    }
  };
  const title = t('versions-title', nameOf(href));
  return (
    <Modal title={title} dismiss={shown ? () => setShown(null) : close} kind="wide">
      <div class="body">
        <h2>{title}</h2>
        {why && <p class="why">{why}</p>}
        {!found && !why && <p>{t('loading')}</p>}
        {found?.length === 0 && <p class="empty">{t('versions-none')}</p>}
        {found && found.length > 0 && !shown && (
          <div class="list" tabIndex={0} role="group" aria-label={title}>
            <table>
              <thead>
                <tr>
                  <th>{t('stored')}</th>
                  <th>{t('by')}</th>
                  <th>{t('size')}</th>
                  <th>
                    <span class="hidden">{t('restore')}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {found.map((version) => (
                  <tr key={version.id}>
                    <td>{dateText(version.stored)}</td>
                    <td class="wrap">{version.by ?? ''}</td>
                    <td>{sizeText(version.size)}</td>
                    <td>
                      <span class="actions">
                        {isText(type) ? (
                          <>
                            <button onClick={() => void look(version, false)}>{t('view')}</button>
                            <button onClick={() => void look(version, true)}>{t('compare')}</button>
                          </>
                        ) : (
                          <a class="button" href={version.href} target="_blank" rel="noopener">
                            {t('view')}
                          </a>
                        )}
                        <button onClick={() => void bring(version)}>{t('restore')}</button>
                      </span>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        {shown && (
          <>
            <p>{shown.title}</p>
            <div class="list">
              <Lines lines={shown.lines} />
            </div>
          </>
        )}
        <div class="actions">
          {shown && <button onClick={() => setShown(null)}>{t('back')}</button>}
          <button autofocus onClick={close}>
            {t('close')}
          </button>
        </div>
      </div>
    </Modal>
  );
}
export const showVersions = (href: string, type: string): Promise<void> =>
  openDialog<void>((close) => <Versions href={href} type={type} close={() => close()} />);
