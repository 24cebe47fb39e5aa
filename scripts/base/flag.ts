// Takes the name of an option as code has it; gives it as people type it. Pure.

/** `allowOutOfOrder` as `--allow-out-of-order`. */
export function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
