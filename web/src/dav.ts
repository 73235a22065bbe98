// The server as WebDAV (RFC 4918) and its JSON: everything that the page does goes through here or
// through send.ts. Resources are named by their hrefs: absolute paths, percent-encoded, with a final
// slash for collections.

export interface Problem {
  type?: string;
  status?: number;
  detail?: string;
  current_version?: string;
  lock?: { owner: string; holder?: string; expires: string };
}

// A refusal of the server; `message` is its sentence. Status 0: it does not answer.
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly problem: Problem = {},
    readonly retryAfterS = 0,
  ) {
    super(message);
  }
  get locked(): boolean {
    return this.status === 423 || this.problem.type === 'urn:holdfast:problem:locked';
  }
  // What was to be replaced is another version now.
  get stale(): boolean {
    return this.problem.type === 'urn:holdfast:problem:stale-version' || this.status === 412;
  }
}

export const kAccept = 'application/problem+json, application/json;q=0.9';

export function refusalOf(status: number, body: string, retryAfter: string | null): Refusal {
  let problem: Problem = {};
  try {
    problem = JSON.parse(body) as Problem;
  } catch {
    // A proxy answered in its own words.
  }
  return new Refusal(status, problem.detail ?? `${status}`, problem, Number(retryAfter) || 0);
}

// Sends a request. Throws Refusal for every status of 400 and above, and when there is no answer.
export async function ask(
  method: string,
  href: string,
  headers: Record<string, string> = {},
  body: BodyInit | null = null,
  options: RequestInit = {},
): Promise<Response> {
  let response;
  try {
    response = await fetch(href, {
      method,
      headers: { Accept: kAccept, ...headers },
      body,
      cache: 'no-store',
      ...options,
    });
  } catch {
    throw new Refusal(0, '');
  }
  if (response.ok) return response;
  throw refusalOf(response.status, await response.text(), response.headers.get('Retry-After'));
}

// Names and hrefs.
export const nameOf = (href: string): string =>
  decodeURIComponent(href.replace(/\/$/, '').replace(/^.*\//, ''));
export const parentOf = (href: string): string => href.replace(/[^/]*\/?$/, '');
export const isCollection = (href: string): boolean => href.endsWith('/');
// Encodes a name as the server does, so that hrefs can be compared.
const encoded = (name: string): string =>
  encodeURIComponent(name).replace(/'|%(24|2B|2C|3B|3D|3A|40)/g, (text) =>
    text === "'" ? '%27' : decodeURIComponent(text),
  );
export const childOf = (collection: string, name: string): string => collection + encoded(name);
export const isName = (name: string): boolean => !/^\.{0,2}$|[/\0]/.test(name);
export const root = (): string => document.documentElement.dataset.root ?? '/';
const urlOf = (href: string): string => new URL(href, location.origin).href;

// "a (2).txt" for "a.txt": the first such name that `taken` does not have.
export function freeName(name: string, taken: (name: string) => boolean): string {
  const dot = name.lastIndexOf('.');
  const [stem, end] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
  for (let n = 2; ; ++n) {
    const candidate = `${stem} (${n})${end}`;
    if (!taken(candidate)) return candidate;
  }
}

export interface Member {
  name: string;
  href: string;
  kind: 'file' | 'collection';
  etag?: string;
  size?: number;
}

// Returns all members of a collection, in the order of their names.
export async function list(collection: string): Promise<Member[]> {
  const members: Member[] = [];
  let next: string | undefined = collection;
  while (next) {
    const response: Response = await ask('GET', next, { Accept: 'application/json' });
    const page = (await response.json()) as { members: Member[]; next?: string };
    members.push(...page.members);
    next = page.next;
  }
  return members;
}

// Returns what has these names in the collection, or all that is in it, by the name in normal form C,
// as the server compares. A few names are asked for one by one. What is in a collection that is not
// there is nothing.
export async function existing(
  collection: string,
  names: string[] | 'all',
): Promise<Map<string, Member>> {
  const found = new Map<string, Member>();
  if (names === 'all' || names.length > 8) {
    let members: Member[] = [];
    try {
      members = await list(collection);
    } catch (error) {
      if (!(error instanceof Refusal && error.status === 404)) throw error;
    }
    for (const member of members) found.set(member.name.normalize(), member);
    return found;
  }
  await Promise.all(
    names.map(async (name) => {
      const href = childOf(collection, name);
      try {
        const response = await ask('HEAD', href);
        const etag = response.headers.get('ETag');
        const kind = etag ? 'file' : 'collection';
        found.set(name.normalize(), { name, href: etag ? href : `${href}/`, kind, ...(etag && { etag }) });
      } catch (error) {
        if (!(error instanceof Refusal && error.status === 404)) throw error;
      }
    }),
  );
  return found;
}

export const makeCollection = (href: string): Promise<Response> => ask('MKCOL', href);
export const remove = (href: string): Promise<Response> => ask('DELETE', href);

// Moves or copies to a href. Without `replaces` nothing may be there; with it, what is replaced must
// still be that member.
export function transfer(
  method: 'MOVE' | 'COPY',
  href: string,
  to: string,
  replaces?: Member,
): Promise<Response> {
  const headers: Record<string, string> = {
    Destination: urlOf(to),
    Overwrite: replaces ? 'T' : 'F',
  };
  if (replaces?.etag) headers.If = `<${urlOf(to)}> ([${replaces.etag}])`;
  return ask(method, href, headers);
}

// A write lock (RFC 4918 §6) on one file; the server ends it after five minutes without refresh.
const kLockFields = { Timeout: 'Second-300', Depth: '0' };
export async function lock(href: string, owner: string): Promise<string> {
  const escaped = owner.replace(/[<>&]/g, (c) => `&#${c.charCodeAt(0)};`);
  const response = await ask(
    'LOCK',
    href,
    { ...kLockFields, 'Content-Type': 'application/xml' },
    '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>' +
      `<D:locktype><D:write/></D:locktype><D:owner>${escaped}</D:owner></D:lockinfo>`,
  );
  return (response.headers.get('Lock-Token') ?? '').replace(/^<|>$/g, '');
}
export const refreshLock = (href: string, token: string): Promise<Response> =>
  ask('LOCK', href, { ...kLockFields, If: `(<${token}>)` });
export const unlock = (href: string, token: string): Promise<Response> =>
  ask('UNLOCK', href, { 'Lock-Token': `<${token}>` }, null, { keepalive: true });

// What was removed, and versions of files.
export interface Removed {
  id: number;
  path: string;
  removed: string;
  collection: boolean;
  bytes: number | null;
}
export interface Version {
  id: number;
  href: string;
  stored: string;
  modified: string;
  by?: string;
  size: number;
  etag: string;
}
export interface Account {
  name: string;
  used_bytes: number;
  quota_bytes: number | null;
  // Absent for who signed in with a device token.
  tokens?: { id: string; label: string; read_only: boolean; path: string; created: string; expires: string | null }[];
  sessions?: { id: string; client: string; created: string; this: boolean }[];
}
export interface Share {
  id: string;
  path: string;
  label: string;
  password: boolean;
  expires: string | null;
  uses: number;
  ended: boolean;
}
// The path in the tree, as the server's JSON has it: without the prefix of its URLs.
export const pathOf = (href: string): string => `/${href.slice(root().length)}`;
export const accountUrl = (what: string): string => `${root()}?account${what && `=${what}`}`;
// The page that signs in and comes back here.
export const signInUrl = (): string =>
  `${root()}?session=${encodeURIComponent(location.pathname + location.search)}`;
export const isGuest = (): boolean => !document.documentElement.dataset.account;
export async function trash(): Promise<Removed[]> {
  const response = await ask('GET', accountUrl('trash'));
  return ((await response.json()) as { trash: Removed[] }).trash.reverse();
}
export async function restore(id: number): Promise<string> {
  const response = await ask(
    'POST',
    accountUrl('trash'),
    { 'Content-Type': 'application/json' },
    JSON.stringify({ restore: id }),
  );
  return ((await response.json()) as { path: string }).path;
}
export async function versions(href: string): Promise<Version[]> {
  const response = await ask('GET', `${href}?history`);
  return ((await response.json()) as { versions: Version[] }).versions;
}
