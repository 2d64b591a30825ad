const MIN_PASSWORD_LENGTH = 12
export const MAX_PASSWORD_LENGTH = 256

/**
 * What guessers try first among texts of 12 characters and more; most common passwords are shorter and fall by length.
 */
const GUESSED_FIRST = [
  '123456789012',
  '1234567890123',
  '12345678901234567890',
  'passwordpassword',
  'password1234',
  'password12345',
  'password123456',
  'qwertyuiop12',
  'qwertyuiop123',
  'qwertyuiopasdfghjkl',
  'qwertyqwerty',
  'iloveyouiloveyou',
  'letmeinletmein',
  'administrator',
  'changeme1234',
  'correcthorsebatterystaple',
]

/**
 * One form for each password, whatever keyboard it was typed on (NIST SP 800-63B §3.1.1.2: normalise before hashing).
 */
export function normalisePassword(password: string): string {
  return password.normalize('NFC')
}

function letters(text: string): string {
  return text.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '')
}

/** Says little more than `word`: the word itself or repeated, with digits and signs around it. */
function isMostly(password: string, word: string): boolean {
  const rest = letters(password).replaceAll(word, '')
  return word.length >= 3 && letters(password).includes(word) && /^\d*$/.test(rest)
}

/**
 * What is wrong with a new password, as a sentence, or null. 12 to 256 characters, no rules on what they are; refused
 * are one character repeated, those that guessers try first, and those made of the person's own name or address or
 * "rekey".
 */
export function passwordProblem(password: string, person: { email: string; name: string }): string | null {
  const text = normalisePassword(password)
  const length = [...text].length
  if (length < MIN_PASSWORD_LENGTH) return `Use at least ${MIN_PASSWORD_LENGTH} characters.`
  if (length > MAX_PASSWORD_LENGTH) return `Use at most ${MAX_PASSWORD_LENGTH} characters.`
  const own = ['rekey', person.email, person.email.split('@')[0] ?? '', person.name].map(letters)
  if (own.some((word) => isMostly(text, word))) return 'Use a password that is not made of your name or address.'
  const guessed = GUESSED_FIRST.includes(letters(text)) || new Set(text.toLowerCase()).size < 4
  return guessed ? 'That password is among the first ones that guessers try. Choose another one.' : null
}
