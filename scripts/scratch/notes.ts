// Takes what a person should know of the scratch server before its verdicts; hands each note to the command that runs, once.
// It must not know what the notes say.

let tell: ((note: string) => void) | null = null;
const told = new Set<string>();

/** From now on notes go to `say`, each once: a command works on many scratch databases. */
export function sayNotes(say: (note: string) => void): void {
  tell = say;
  told.clear();
}

/** Nobody is told where no command has asked for it. */
export function noteOnce(note: string): void {
  if (told.has(note)) return;
  told.add(note);
  tell?.(note);
}
