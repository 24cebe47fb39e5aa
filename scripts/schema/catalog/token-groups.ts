// Takes a definition as the server prints it; gives its tokens, with what stands in brackets as groups, and the text of
// them again. It knows no grammar.

/** A token, or what stands in brackets. */
export type Node = string | Group;

export interface Group {
  readonly open: '(' | '[';
  readonly items: readonly Node[];
}

const token =
  /[Ee]'(?:[^'\\]|''|\\.)*'|(?:[BbXxNn])?'(?:[^']|'')*'|"(?:[^"]|"")*"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\d[\w.]*|::|\s+|[\s\S]/gu;

/**
 * @param finish applied to each group as its bracket closes, from the inside out
 * @returns undefined where brackets do not match: then it is no text of the server's
 */
export function parseGroups(text: string, finish: (group: Group) => Group): readonly Node[] | undefined {
  const stack: { open: '(' | '['; items: Node[] }[] = [{ open: '(', items: [] }];
  for (const [part] of text.matchAll(token)) {
    const top = stack.at(-1);
    if (part === '(' || part === '[') stack.push({ open: part, items: [] });
    else if (part === ')' || part === ']') {
      const group = stack.pop();
      if (group === undefined || stack.length === 0 || (group.open === '(') !== (part === ')'))
        return undefined;
      stack.at(-1)?.items.push(finish(group));
    } else top?.items.push(/^\s/.test(part) ? ' ' : part);
  }
  return stack.length === 1 ? stack[0]?.items : undefined;
}

/** The text again. */
export function print(items: readonly Node[]): string {
  return items
    .map((item) =>
      typeof item === 'string' ? item : `${item.open}${print(item.items)}${item.open === '(' ? ')' : ']'}`,
    )
    .join('');
}

/** Whether it is a group of this bracket. */
export const isGroup = (node: Node | undefined, open: '(' | '['): node is Group =>
  typeof node === 'object' && node.open === open;

/** Without a blank at either end. */
export function trim(items: readonly Node[]): readonly Node[] {
  const start = items[0] === ' ' ? 1 : 0;
  return items.slice(start, items.at(-1) === ' ' ? -1 : undefined);
}

/** The parts between the separators, trimmed. */
export function split(items: readonly Node[], separator: string): (readonly Node[])[] {
  const parts: Node[][] = [[]];
  for (const item of items) {
    if (item === separator) parts.push([]);
    else parts.at(-1)?.push(item);
  }
  return parts.map(trim);
}
