// The pieces the page's views are put together from: tables, figures, and how numbers and times are written.
import { markup } from './markup';
import type { Markup } from './markup';

export interface Column {
  readonly title: string;
  readonly kind?: 'number' | 'time' | 'place' | 'message';
}

export type Cell = string | Markup;

/** A headed table in a card; nothing at all where there are no rows and nothing is said about that. */
export function section(
  title: string,
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  emptyText?: string,
): Markup {
  if (rows.length === 0 && emptyText === undefined) return markup``;
  const content =
    rows.length === 0 ? markup`<div class="empty">${emptyText ?? ''}</div>` : table(columns, rows);
  return markup`<section><h2>${title}</h2><div class="card">${content}</div></section>`;
}

function table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): Markup {
  const kindOf = (at: number): string => columns[at]?.kind ?? '';
  const head = columns.map(({ title }, at) => markup`<th class="${kindOf(at)}">${title}</th>`);
  const body = rows.map((cells) => {
    const data = cells.map((cell, at) => markup`<td class="${kindOf(at)}">${cell}</td>`);
    return markup`<tr>${data}</tr>`;
  });
  return markup`<table><tr>${head}</tr>${body}</table>`;
}

export interface Figure {
  readonly label: string;
  readonly value: string;
  readonly isWarning?: boolean;
}

export function figures(items: readonly Figure[]): Markup {
  const list = items.map(
    ({ label, value, isWarning }) =>
      markup`<div class="${isWarning === true ? 'warn' : ''}"><dt>${label}</dt><dd>${value}</dd></div>`,
  );
  return markup`<dl class="figures">${list}</dl>`;
}

export function link(path: string, parameters: Record<string, string>, text: string): Markup {
  const query = new URLSearchParams(parameters).toString();
  return markup`<a href="${path}?${query}"><code>${text}</code></a>`;
}

export function writeTime(atMs: number | undefined): string {
  if (atMs === undefined) return '–';
  const isShowable = Math.abs(atMs) <= 8.64e15;
  return isShowable
    ? new Date(atMs).toISOString().replace('T', ' ').replace('Z', '')
    : String(atMs);
}

/** The time of day alone, for what has just happened. */
export function writeClock(atMs: number): string {
  return writeTime(atMs).slice(11);
}

export function writeCount(value: number): string {
  return value.toLocaleString('en-US');
}

export function writeBytes(bytes: number): string {
  if (bytes < 1024) return `${String(bytes)} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

/** What fits on the page, without the colours of terminals; other control characters are shown as dots. */
export function writeMessage(message: string): string {
  const shown = message.length > 2_000 ? `${message.slice(0, 2_000)}…` : message;
  return shown.replace(/\x1b\[[0-9;]*m/gu, '').replace(/[\0-\x08\x0b-\x1f]/gu, '·');
}
