/** Why the program can't run here; the message is a sentence for the person who started it. */
export class CannotStart extends Error {}
