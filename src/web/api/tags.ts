/** The chapters of the document, in its order. */
export const TAGS = {
  Probes: 'For whatever watches the process.',
  People: 'Who acts, step-ups and personal tokens.',
  Organisations: 'The customers of the desk.',
  Gateways: 'Who may ask whether a key is good.',
  'Services and keys': 'Keys, their versions, and the one reveal of a new secret.',
  Policies: 'What the desk, and each service, allows of what is filed.',
  Rotations: 'From the request to the last old key that stops.',
  'Follow-ups': 'More time for old keys, their early end, and going back to them.',
  Decisions: 'What agents do.',
  Verify: 'What gateways ask on every call.',
  Leaks: 'Keys that were found where everybody can read them.',
  Webhooks: 'Events that are sent to addresses of yours, signed as Standard Webhooks says.',
  Audit: 'The trail and the hashes that prove it.',
} as const
export type Tag = keyof typeof TAGS
