// Takes an object's definition as the catalog queries write it, a line per part; gives the parts by name.

/** The parts of a definition by key, in their order; continuation lines are joined to the value above. */
export function parseDefinition(definition: string): Map<string, string> {
  const parts = new Map<string, string>();
  let last: string | undefined;
  for (const line of definition.split('\n')) {
    if (line.startsWith('  ') && last !== undefined) {
      parts.set(last, `${parts.get(last)}\n${line.slice(2)}`);
    } else if (line.includes('=')) {
      last = line.slice(0, line.indexOf('='));
      parts.set(last, line.slice(last.length + 1));
    }
  }
  return parts;
}
