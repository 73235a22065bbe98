// What several parts of the page share: messages, dialogs, and the work that is under way.
import { signal } from '@preact/signals';
import type { ComponentChild } from 'preact';
import { Refusal, signInUrl } from './dav';
import { t } from './texts';

export interface Message {
  id: number;
  text: string;
  bad: boolean;
  act?: { label: string; run: () => void };
}

export const messages = signal<Message[]>([]);
// What screen readers say.
export const spoken = signal('');
let ids = 0;

export function dismiss(id: number): void {
  messages.value = messages.value.filter((message) => message.id !== id);
}

// Shows a message for a while; one with an act or a refusal stays longer.
export function tell(text: string, options: Partial<Pick<Message, 'bad' | 'act'>> = {}): void {
  const message: Message = { id: ++ids, text, bad: false, ...options };
  messages.value = [...messages.value.slice(-3), message];
  spoken.value = text;
  setTimeout(() => dismiss(message.id), message.bad || message.act ? 15_000 : 5_000);
}

export function sentenceOf(error: unknown): string {
  if (error instanceof Refusal) return error.message || t('offline');
  return error instanceof Error ? error.message : String(error);
}
export function tellError(error: unknown): void {
  const signsIn = error instanceof Refusal && error.status === 401;
  const act = { label: t('sign-in'), run: () => location.assign(signInUrl()) };
  tell(sentenceOf(error), { bad: true, ...(signsIn && { act }) });
}

// Puts a text into the clipboard, where the browser lets a page do that.
export const copyText = (text: string): unknown =>
  navigator.clipboard?.writeText(text).then(
    () => tell(t('in-clipboard')),
    () => {},
  );

// Dialogs: each is rendered with a function that closes it with an answer.
export interface Dialog {
  id: number;
  render: (close: (answer: never) => void) => ComponentChild;
  close: (answer: never) => void;
}
export const dialogs = signal<Dialog[]>([]);

// Gives the focus to an element once no dialog keeps it inside.
export function focusSoon(element: Element | null | undefined): void {
  setTimeout(() => {
    if (element instanceof HTMLElement && element.isConnected && !document.querySelector('dialog[open]'))
      element.focus();
  });
}

// Opens a dialog and returns its answer.
export function openDialog<Answer>(
  render: (close: (answer: Answer) => void) => ComponentChild,
): Promise<Answer> {
  return new Promise((resolve) => {
    const id = ++ids;
    const before = document.activeElement;
    const close = (answer: Answer) => {
      dialogs.value = dialogs.value.filter((dialog) => dialog.id !== id);
      focusSoon(before);
      resolve(answer);
    };
    dialogs.value = [...dialogs.value, { id, render, close } as unknown as Dialog];
  });
}

// How many requests of the page are under way.
export const working = signal(0);
export async function during<Result>(work: () => Promise<Result>): Promise<Result> {
  ++working.value;
  try {
    return await work();
  } finally {
    --working.value;
  }
}

// Runs `work` for each, a few at a time, in their order.
export async function each<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  let next = 0;
  const run = async () => {
    while (next < items.length) await work(items[next++] as Item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, run));
}
