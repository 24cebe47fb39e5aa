// Takes the names and values of an object of JSON, or of the attributes of an element of XML; gives the values that are
// secrets because another one is the name of one: {"name": "SMTP_PASSWORD", "value": "…"}. Pure; it reads no text itself.
import { isSecretKey } from './secret-words.ts';
import type { SecretRange } from './spans.ts';

export interface Members {
  /** The last name was that of a value. */
  isValue: boolean;
  /** One of the values is the name of a secret. */
  isNamed: boolean;
  /** The values so far that are not known to be secrets. */
  values: SecretRange[];
}

/** An object or element begins, or ends. */
export function noMembers(): Members {
  return { isValue: false, isNamed: false, values: [] };
}

/** The name of a member. */
export function memberName(name: string, members: Members): void {
  members.isValue = /^(?:val|value|v|content|data|text|default)$/i.test(name);
}

/** A string that is no name. @returns what is known to be a secret now */
export function memberValue(content: string, range: SecretRange, members: Members): readonly SecretRange[] {
  if (members.isValue) members.values.push(range);
  else if (isSecretKey(content)) members.isNamed = true;
  if (!members.isNamed) return [];
  const { values } = members;
  members.values = [];
  return values;
}
