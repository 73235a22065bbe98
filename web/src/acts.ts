// What people do with what they have selected. Everything that is refused is named with the server's
// sentence; the rest is done.
import { signal } from '@preact/signals';
import {
  ask,
  childOf,
  existing,
  freeName,
  isCollection,
  isGuest,
  makeCollection,
  nameOf,
  parentOf,
  Refusal,
  remove,
  restore,
  transfer,
  trash,
  type Member,
} from './dav';
import { askName, askWhatToDo, chooseFolder, confirmDelete, showRefused } from './questions';
import { go, here, refresh, rowOf, linkOf, select, selected } from './list';
import { during, each, sentenceOf, tell, tellError } from './state';
import { t } from './texts';

export interface Refused {
  name: string;
  why: string;
}

// "a.txt" for one, a number for more.
const named = (hrefs: readonly string[]): string =>
  hrefs.length === 1 ? nameOf(hrefs[0] as string) : `${hrefs.length}`;

// Runs `work` for each of the hrefs, and names what was refused.
async function forAll(
  hrefs: readonly string[],
  work: (href: string) => Promise<unknown>,
): Promise<string[]> {
  const done: string[] = [];
  const refused: Refused[] = [];
  await during(() =>
    each(hrefs, 4, async (href) => {
      try {
        await work(href);
        done.push(href);
      } catch (error) {
        refused.push({ name: nameOf(href), why: sentenceOf(error) });
      }
    }),
  );
  await refresh();
  if (refused.length === 1 && hrefs.length === 1)
    tell(`${refused[0]?.name}: ${refused[0]?.why}`, { bad: true });
  else if (refused.length > 0) void showRefused(refused);
  return done;
}

export async function removeAll(hrefs: readonly string[]): Promise<void> {
  if (hrefs.length === 0) return;
  // Where there is a trash nobody is asked, because there is "undo".
  if (isGuest() && !(await confirmDelete(named(hrefs)))) return;
  const done = await forAll(hrefs, remove);
  if (done.length === 0) return;
  const entries = isGuest() ? [] : await removedEntries(done);
  tell(t('deleted', named(done)), entries.length > 0 ? { act: { label: t('undo'), run: () => void undo(entries) } } : {});
}

// Returns the ids in the trash of what was just removed.
async function removedEntries(hrefs: readonly string[]): Promise<number[]> {
  try {
    // The trash has paths below the prefix.
    const prefix = (document.documentElement.dataset.root ?? '/').length - 1;
    const entries = await trash();
    return hrefs.flatMap((href) => {
      const path = decodeURIComponent(href.slice(prefix));
      const entry = entries.find((each) => decodeURIComponent(each.path) === path);
      return entry ? [entry.id] : [];
    });
  } catch {
    return [];
  }
}

async function undo(ids: readonly number[]): Promise<void> {
  const restored: string[] = [];
  await during(() =>
    each(ids, 4, async (id) => {
      try {
        restored.push(await restore(id));
      } catch (error) {
        tellError(error);
      }
    }),
  );
  await refresh();
  if (restored.length > 0) tell(t('restored', named(restored)));
}

export async function rename(href: string): Promise<void> {
  const before = nameOf(href);
  const name = await askName(t('rename'), t('new-name'), before, t('rename'));
  if (!name || name === before) return;
  const slash = isCollection(href) ? '/' : '';
  const to = childOf(parentOf(href), name) + slash;
  try {
    await during(() => transfer('MOVE', href, to));
  } catch (error) {
    if (error instanceof Refusal && error.status === 412) tell(`${name}: ${t('name-taken')}`, { bad: true });
    else tellError(error);
    return;
  }
  await refresh();
  select([to]);
  const row = rowOf(to);
  if (row) linkOf(row).focus();
}

// Moves or copies to another collection. What has the name of something there is asked about once.
export async function transferAll(
  method: 'MOVE' | 'COPY',
  hrefs: readonly string[],
  into: string,
): Promise<void> {
  // A copy beside itself gets another name.
  const names = hrefs.map(nameOf);
  let there: Map<string, Member>;
  try {
    there = await during(() => existing(into, names));
  } catch (error) {
    return tellError(error);
  }
  const sameFolder = hrefs.every((href) => parentOf(href) === into);
  if (sameFolder && method === 'MOVE') return;
  const taken = names.filter((name) => there.has(name.normalize()));
  const choice = taken.length === 0 ? 'replace' : sameFolder ? 'keep' : await askWhatToDo(taken);
  if (choice === 'cancel') return;
  if (choice === 'keep')
    try {
      there = await during(() => existing(into, 'all'));
    } catch (error) {
      return tellError(error);
    }
  const used = new Set(there.keys());
  const work = new Map<string, { to: string; replaces?: Member }>();
  for (const href of hrefs) {
    const name = nameOf(href);
    const member = there.get(name.normalize());
    const slash = isCollection(href) ? '/' : '';
    if (member && choice === 'skip') continue;
    if (member && choice === 'keep') {
      const free = freeName(name, (each) => used.has(each.normalize()));
      used.add(free.normalize());
      work.set(href, { to: childOf(into, free) + slash });
    } else {
      work.set(href, { to: childOf(into, name) + slash, ...(member && { replaces: member }) });
    }
  }
  const done = await forAll([...work.keys()], (href) => {
    const { to, replaces } = work.get(href) as { to: string; replaces?: Member };
    return transfer(method, href, to, replaces);
  });
  if (done.length > 0) tell(t(method === 'MOVE' ? 'moved' : 'copied', named(done)), {
    act: { label: t('open'), run: () => void go(into) },
  });
}

export async function transferSelected(method: 'MOVE' | 'COPY'): Promise<void> {
  const hrefs = selected.peek();
  const into = await chooseFolder(here.peek(), method, hrefs);
  if (into) await transferAll(method, hrefs, into);
}

// What Ctrl+X and Ctrl+C keep for Ctrl+V.
export const clipboard = signal<{ method: 'MOVE' | 'COPY'; hrefs: readonly string[] } | null>(null);
export function keep(method: 'MOVE' | 'COPY'): void {
  const hrefs = selected.peek();
  if (hrefs.length === 0) return;
  clipboard.value = { method, hrefs };
  tell(t(method === 'MOVE' ? 'cut-ready' : 'copy-ready', named(hrefs)));
}
export async function paste(): Promise<void> {
  const kept = clipboard.peek();
  if (!kept) return;
  if (kept.method === 'MOVE') clipboard.value = null;
  await transferAll(kept.method, kept.hrefs, here.peek());
}

export async function newFolder(): Promise<void> {
  const name = await askName(t('new-folder'), t('folder-name'), '', t('ok'));
  if (!name) return;
  const href = `${childOf(here.peek(), name)}/`;
  try {
    await during(() => makeCollection(href));
  } catch (error) {
    if (error instanceof Refusal && error.status === 405) tell(`${name}: ${t('name-taken')}`, { bad: true });
    else tellError(error);
    return;
  }
  await refresh();
  const row = rowOf(href);
  if (row) linkOf(row).focus();
}

// Makes an empty text file and returns its href.
export async function newFile(): Promise<string | null> {
  const typed = await askName(t('new-file'), t('file-name'), '', t('ok'));
  if (!typed) return null;
  const name = typed.includes('.') ? typed : `${typed}.txt`;
  const href = childOf(here.peek(), name);
  try {
    await during(() => ask('PUT', href, { 'If-None-Match': '*' }, ''));
  } catch (error) {
    if (error instanceof Refusal && error.stale) tell(`${name}: ${t('name-taken')}`, { bad: true });
    else tellError(error);
    return null;
  }
  await refresh();
  return href;
}

