// Takes a document; gives its diagrams, read by Mermaid's own parser, which rejects what it would not draw.
import { expect } from 'chai';

/** Mermaid's default `maxTextSize`. */
const textLimit = 50_000;

export function diagramsIn(markdown: string): string[] {
  return [...markdown.matchAll(/^```mermaid\n([\s\S]*?)\n```$/gm)].map(([, text = '']) => text);
}

/** Rejects with Mermaid's words and the diagram. */
export async function expectValidDiagram(text: string): Promise<void> {
  const { default: mermaid } = await import('mermaid');
  expect(text.length).to.be.at.most(textLimit);
  const read = await mermaid.parse(text).catch((error: Error) => {
    throw new Error(`${error.message}\n${text}`);
  });
  expect(read).to.have.property('diagramType', 'er');
}

/** Mermaid's codes for characters, read back. */
export function decoded(text: string): string {
  return text.replaceAll(/#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
}
