// Takes tag names, attributes and text; gives elements of the page. Text from the schema is only ever set as text.
import { visible, visibleLines } from '../../../base/foreign-text.ts';
import { lowered } from './search.ts';

export type Child = Node | string | null;

/** `children` that are text are shown with whatever hides or turns text escaped. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>>,
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null).map(shown));
  return made;
}

const svgSpace = 'http://www.w3.org/2000/svg';

/** The same for what is drawn. */
export function drawn<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string | number>> = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS(svgSpace, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children.filter((child) => child !== null).map(shown));
  return made;
}

function shown(child: Node | string): Node | string {
  return typeof child === 'string' ? visibleLines(child) : child;
}

/** The text with what was searched for marked. */
export function marked(text: string, wanted: string): Node {
  const line = visible(text);
  const made = document.createDocumentFragment();
  const at = wanted === '' ? -1 : lowered(line).indexOf(wanted);
  if (at < 0) {
    made.append(line);
    return made;
  }
  const end = at + wanted.length;
  made.append(line.slice(0, at), element('mark', {}, line.slice(at, end)), line.slice(end));
  return made;
}

/** A choice of a few; `choose` is called with the value of the one that was taken. */
export function choice(
  label: string,
  options: readonly (readonly [value: string, text: string])[],
  choose: (value: string) => void,
): { readonly label: HTMLLabelElement; readonly select: HTMLSelectElement } {
  const select = element(
    'select',
    { 'aria-label': label },
    ...options.map(([value, text]) => element('option', { value }, visible(text))),
  );
  select.addEventListener('change', () => choose(select.value));
  return { label: element('label', {}, label, select), select };
}

/** A button that does `press`. */
export function button(text: string, press: () => void, attributes: Record<string, string> = {}) {
  const made = element('button', { type: 'button', ...attributes }, text);
  made.addEventListener('click', press);
  return made;
}
