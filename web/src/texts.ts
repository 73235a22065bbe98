// The words of the page, from the same files as the server's: web/text/.

const words = new Map<string, string>();

function read(content: string): void {
  for (const line of content.split('\n')) {
    const equals = line.indexOf(' = ');
    if (!line.startsWith('#') && equals > 0) words.set(line.slice(0, equals), line.slice(equals + 3));
  }
}

// Loads the language of the document. English first, which has what another language lacks. Returns
// false when that fails: then the page stays as the server made it, which is whole in itself.
export async function loadTexts(): Promise<boolean> {
  const { texts, textsEn } = document.documentElement.dataset;
  const urls = [...new Set([textsEn, texts])].filter((url) => url !== undefined);
  try {
    const answers = await Promise.all(urls.map((url) => fetch(url)));
    if (answers.some(({ ok }) => !ok)) return false;
    (await Promise.all(answers.map((answer) => answer.text()))).forEach(read);
    return true;
  } catch {
    return false; // the line is lost, or the reader is leaving
  }
}

// Returns the words for a key, with the arguments in the places of {0}, {1} and so on.
export function t(key: string, ...args: (string | number)[]): string {
  return (words.get(key) ?? key).replace(/\{(\d)\}/g, (_, at: string) => `${args[Number(at)] ?? ''}`);
}

// The reader's own kind of the language that the page has: dates are written differently in Britain.
const { lang } = document.documentElement;
const language = navigator.languages.find((each) => each.split('-')[0] === lang) ?? lang;
const sizes = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const dates = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' });
const fullDates = new Intl.DateTimeFormat(language, { dateStyle: 'full', timeStyle: 'long' });

// Returns a number of bytes as the server writes it.
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = -1;
  do {
    bytes /= 1024;
    ++unit;
  } while (bytes >= 1024 && unit + 1 < units.length);
  return `${sizes.format(bytes)} ${units[unit]}`;
}

export const dateText = (iso: string): string => dates.format(new Date(iso));
export const fullDateText = (iso: string): string => fullDates.format(new Date(iso));

// Returns a duration as "1:05" or "2:03:04".
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return (hours ? `${hours}:${two(minutes)}` : `${minutes}`) + `:${two(whole % 60)}`;
}
