// Markdown as HTML that can do nothing: made by marked, made safe by DOMPurify. Loaded when the first
// such file is opened.
import DOMPurify from 'dompurify';
import { marked } from 'marked';

function absolute(address: string, base: URL): URL | null {
  try {
    return new URL(address, base);
  } catch {
    return null;
  }
}

// Relative addresses are those beside the file `href`. Pictures of other servers are left out, because
// these would learn who reads. What is returned is TrustedHTML where the browser has that.
export function renderMarkdown(text: string, href: string): string {
  const html = marked.parse(text, { async: false, gfm: true });
  const base = new URL(href, location.origin);
  DOMPurify.removeAllHooks();
  DOMPurify.addHook('afterSanitizeAttributes', (node) => {
    const source = node.getAttribute('src');
    if (source !== null) {
      const url = absolute(source, base);
      if (url?.origin === location.origin) node.setAttribute('src', url.href);
      else node.removeAttribute('src');
    }
    if (node.tagName !== 'A') return;
    const link = node.getAttribute('href');
    const url = link === null || link.startsWith('#') ? null : absolute(link, base);
    if (url) node.setAttribute('href', url.href);
    node.setAttribute('rel', 'noopener noreferrer');
    node.setAttribute('target', '_blank');
  });
  return DOMPurify.sanitize(html, {
    USE_PROFILES: { html: true },
    FORBID_TAGS: ['style', 'form', 'input', 'button', 'textarea', 'select'],
    FORBID_ATTR: ['style', 'id', 'class', 'srcset'],
    RETURN_TRUSTED_TYPE: true,
  }) as unknown as string;
}

// Reads CSV (RFC 4180) with "," or ";" or tabs, whichever the first line has most of; at most `most`
// rows.
export function readTable(text: string, most: number): { rows: string[][]; cut: boolean } {
  const first = text.slice(0, text.indexOf('\n') < 0 ? undefined : text.indexOf('\n'));
  const count = (sign: string) => first.split(sign).length;
  const sign = [',', ';', '\t'].sort((a, b) => count(b) - count(a))[0] as string;
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  const endCell = () => {
    row.push(cell);
    cell = '';
  };
  for (let at = 0; at < text.length; ++at) {
    const c = text[at] as string;
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[at + 1] === '"') cell += text[++at];
      else quoted = false;
    } else if (c === '"' && cell === '') {
      quoted = true;
    } else if (c === sign) {
      endCell();
    } else if (c === '\n') {
      endCell();
      if (rows.length >= most) return { rows, cut: true };
      rows.push(row);
      row = [];
    } else if (c !== '\r') {
      cell += c;
    }
  }
  if (cell !== '' || row.length > 0) {
    endCell();
    rows.push(row);
  }
  return { rows, cut: false };
}
