// The list that the server has written, enhanced: rows are selected, folders are opened without
// loading the page anew, so that uploads go on, and dates are shown in the reader's own time. Rows are
// never made here: after each change the server's page is fetched again and its list taken over.
import { computed, effect, signal } from '@preact/signals';
import { isCollection, nameOf, parentOf, Refusal } from './dav';
import { during, tellError } from './state';
import { dateText, fullDateText, t } from './texts';

export const kMayChange = document.documentElement.dataset.page === 'full';

// The hrefs of the selected rows, in the order of the list.
export const selected = signal<readonly string[]>([]);
// The collection that is shown, and whether it may be written.
export const here = signal('/');
export const writable = signal(false);
export const selectedOne = computed(() => (selected.value.length === 1 ? selected.value[0] : null));

let rows = new Map<string, HTMLTableRowElement>();
// The address of the list that is shown.
let shown = location.href;

export const main = (): HTMLElement => document.querySelector('main') as HTMLElement;
// Selectors would look at the style of the whole list when thousands of rows are gone through.
const childOf = (above: Element | null, fits: (child: Element) => boolean): Element | null => {
  for (let child = above?.firstElementChild ?? null; child; child = child.nextElementSibling)
    if (fits(child)) return child;
  return null;
};
const cellOf = (row: Element, name: string): Element | null =>
  childOf(row, (cell) => cell.classList.contains(name));
export const linkOf = (row: Element): HTMLAnchorElement =>
  childOf(cellOf(row, 'name'), (child) => child.localName === 'a') as HTMLAnchorElement;
const hrefOf = (row: Element): string => linkOf(row).getAttribute('href') ?? '';
export const rowOf = (href: string): HTMLTableRowElement | undefined => rows.get(href);
export const visibleRows = (): HTMLTableRowElement[] => [...rows.values()].filter((row) => !row.hidden);

export interface Entry {
  href: string;
  name: string;
  type: string;
  size: number;
  etag: string;
  holder: string | null; // of a lock
}
export function entryOf(href: string): Entry | null {
  const row = rows.get(href);
  if (!row) return null;
  const { type = '', size = '0', etag = '' } = row.dataset;
  const holder = row.querySelector('.lock')?.textContent ?? null;
  return { href, name: nameOf(href), type, size: Number(size), etag: `"${etag}"`, holder };
}
export const files = (): Entry[] =>
  visibleRows()
    .map(hrefOf)
    .filter((href) => !isCollection(href))
    .map((href) => entryOf(href) as Entry);

// Selection.

export function select(hrefs: Iterable<string>): void {
  const wanted = new Set(hrefs);
  selected.value = [...rows.keys()].filter((href) => wanted.has(href));
}
let anchor: string | null = null;
// Selects a row or ends that; with `range`, all rows from the last one that was chosen.
export function toggle(href: string, range = false): void {
  const now = new Set(selected.peek());
  if (range && anchor && rows.has(anchor)) {
    const order = visibleRows().map(hrefOf);
    const [from, to] = [order.indexOf(anchor), order.indexOf(href)].sort((a, b) => a - b);
    for (const each of order.slice(from, (to ?? 0) + 1)) now.add(each);
  } else {
    if (!now.delete(href)) now.add(href);
    anchor = href;
  }
  select(now);
}
export const selectAll = (): void => select(visibleRows().map(hrefOf));
export const clearSelection = (): void => select([]);

let marked = new Set<string>();
effect(() => {
  const now = new Set(selected.value);
  for (const href of new Set([...marked, ...now])) {
    const row = rows.get(href);
    if (!row) continue;
    row.classList.toggle('selected', now.has(href));
    const box = row.querySelector<HTMLInputElement>('td.check input');
    if (box) box.checked = now.has(href);
  }
  marked = now;
  const all = document.querySelector<HTMLInputElement>('thead .check input');
  if (all) {
    all.checked = now.size > 0 && now.size >= rows.size;
    all.indeterminate = now.size > 0 && now.size < rows.size;
  }
});

// The list as it stands in the document.

function checkbox(label: string): HTMLLabelElement {
  const around = document.createElement('label');
  const box = document.createElement('input');
  box.type = 'checkbox';
  box.ariaLabel = label;
  around.append(box);
  return around;
}

// Takes over the list that is in the document now.
function adopt(): void {
  const list = main();
  here.value = list.dataset.self ?? '/';
  writable.value = kMayChange && list.dataset.write !== undefined;
  const chosen = new Set(selected.peek());
  marked = new Set();
  rows = new Map();
  for (const row of list.querySelectorAll<HTMLTableRowElement>('tbody tr')) {
    const href = hrefOf(row);
    rows.set(href, row);
    cellOf(row, 'check')?.append(checkbox(t('select', nameOf(href))));
    const time = cellOf(row, 'date')?.firstElementChild;
    if (time instanceof HTMLTimeElement) {
      time.textContent = dateText(time.dateTime);
      time.title = fullDateText(time.dateTime);
    }
  }
  list.querySelector('thead .check')?.append(checkbox(t('select-all')));
  select(chosen);
  applyFilter();
}

function fetchDocument(url: string): Promise<Document> {
  // A document that XMLHttpRequest parses runs nothing, and needs no HTML as text.
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('GET', url);
    request.responseType = 'document';
    request.setRequestHeader('Accept', 'text/html');
    request.onload = () => {
      const body = request.response as Document | null;
      if (request.status === 200 && body?.querySelector('main[data-self]')) return resolve(body);
      const sentence = body?.querySelector('main.refusal p[lang]')?.textContent ?? '';
      reject(new Refusal(request.status, sentence));
    };
    request.onerror = () => reject(new Refusal(0, ''));
    request.send();
  });
}

// Fetches the list again and shows it in the place of the old one; what has the focus keeps it.
export async function refresh(): Promise<void> {
  try {
    const url = location.href;
    const fresh = await during(() => fetchDocument(url));
    if (location.href !== url) return;
    const focused = document.activeElement?.closest('main tbody tr');
    const href = focused ? hrefOf(focused) : null;
    main().replaceWith(document.adoptNode(fresh.querySelector('main') as HTMLElement));
    adopt();
    if (href) (rows.get(href) ? linkOf(rows.get(href) as Element) : firstLink())?.focus();
  } catch (error) {
    tellError(error);
  }
}

const firstLink = (): HTMLAnchorElement | null => {
  const first = visibleRows()[0];
  return first ? linkOf(first) : null;
};

// Opens another list without loading the page anew.
export async function go(url: string, how: 'push' | 'replace' | 'none' = 'push'): Promise<void> {
  try {
    const before = here.peek();
    const fresh = await during(() => fetchDocument(url));
    if (how === 'push') history.pushState(null, '', url);
    if (how === 'replace') history.replaceState(null, '', url);
    shown = location.href;
    selected.value = [];
    document.title = fresh.title;
    const typing = document.activeElement?.id === 'filter';
    const header = document.querySelector('header') as HTMLElement;
    if (!typing) header.replaceWith(document.adoptNode(fresh.querySelector('header') as HTMLElement));
    main().replaceWith(document.adoptNode(fresh.querySelector('main') as HTMLElement));
    adopt();
    if (typing) return;
    scrollTo(0, 0);
    // Coming from a folder, its row has the focus.
    const from = rows.get(before);
    const link = from ? linkOf(from) : firstLink();
    (link ?? document.querySelector<HTMLAnchorElement>('header a[aria-current]'))?.focus({
      preventScroll: !from,
    });
  } catch (error) {
    if (error instanceof Refusal && error.status !== 0) location.assign(url);
    else tellError(error);
  }
}
export const goUp = (): void => {
  if (here.peek() !== document.documentElement.dataset.root) void go(parentOf(here.peek()));
};

// The filter, as one types.

const fold = (text: string): string =>
  text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

function applyFilter(): void {
  const field = document.querySelector<HTMLInputElement>('#filter');
  const wanted = fold(field?.value ?? '');
  for (const [href, row] of rows) row.hidden = wanted !== '' && !fold(nameOf(href)).includes(wanted);
}

let filtering: ReturnType<typeof setTimeout> | undefined;
function filterChanged(): void {
  clearTimeout(filtering);
  filtering = setTimeout(() => {
    const url = new URL(location.href);
    if (!url.searchParams.get('filter')) return applyFilter();
    // The server has left rows out, or found others.
    url.searchParams.delete('filter');
    url.searchParams.delete('below');
    void go(url.href, 'replace');
  }, 120);
}

// Shows what the server finds in all folders below, as a list of its own.
async function searchBelow(): Promise<void> {
  const field = document.querySelector<HTMLInputElement>('#filter');
  if (!field?.value) return firstLink()?.focus();
  clearTimeout(filtering);
  const url = new URL(here.peek(), location.href);
  url.searchParams.set('filter', field.value);
  url.searchParams.set('below', 'yes');
  await go(url.href);
  firstLink()?.focus();
}

// Follows the links that lead to other lists, and the form.
function onClick(event: MouseEvent): void {
  const link = (event.target as Element).closest?.('a');
  if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  if (link.hasAttribute('download') || link.target || link.origin !== location.origin) return;
  if (!link.closest('main, header') || !isCollection(link.pathname)) return;
  event.preventDefault();
  void go(link.href);
}

export function startList(): void {
  document.documentElement.classList.add('script');
  adopt();
  document.addEventListener('click', onClick);
  document.addEventListener('submit', (event) => {
    if (!(event.target as Element).matches('.filter')) return;
    event.preventDefault();
    void searchBelow();
  });
  document.addEventListener('input', (event) => {
    if ((event.target as Element).id === 'filter') filterChanged();
  });
  document.addEventListener('click', (event) => {
    const box = event.target as HTMLInputElement;
    if (!box.matches?.('.check input')) return;
    const row = box.closest('tbody tr');
    if (row) toggle(hrefOf(row), event.shiftKey);
    else if (selected.peek().length > 0) clearSelection();
    else selectAll();
  });
  // Ctrl and a click choose a row; so does a long press on a touch screen.
  document.addEventListener(
    'click',
    (event) => {
      const row = (event.target as Element).closest?.('main tbody tr');
      if (!row || !(event.ctrlKey || event.metaKey) || (event.target as Element).matches('input, label')) return;
      event.preventDefault();
      event.stopPropagation();
      toggle(hrefOf(row));
    },
    true,
  );
  document.addEventListener('contextmenu', (event) => {
    const row = (event.target as Element).closest?.('main tbody tr');
    if (!row || (event as PointerEvent).pointerType !== 'touch') return;
    event.preventDefault();
    toggle(hrefOf(row));
  });
  // Closing a file goes back to the list that is shown already.
  addEventListener('popstate', () => void (location.href === shown ? refresh() : go(location.href, 'none')));
}
