import type { OtherLetter } from '../kinds/content.ts'

const AT = '2026-11-02T09:30:00.000Z'
const STOP = '2026-12-02T08:00:00.000Z'
const TIME_ZONE = 'Europe/Zurich'

/** One made-up letter of each kind that is about no single rotation. */
export const OTHER_SAMPLES: readonly OtherLetter[] = [
  {
    kind: 'invitation',
    facts: {
      path: '/invitations/0a1b2c',
      organisation: 'Acme',
      who: 'Root Admin',
      role: 'owner',
      expiresAt: STOP,
      why: 'Root Admin gave your address',
      timeZone: TIME_ZONE,
    },
  },
  {
    kind: 'account-locked',
    facts: { who: null, at: AT, path: '/', why: 'the account is yours', timeZone: TIME_ZONE },
  },
  {
    kind: 'password-reset',
    facts: {
      path: '/reset-password/0a1b2c',
      at: AT,
      expiresAt: '2026-11-02T09:45:00.000Z',
      why: 'the account is yours',
      timeZone: TIME_ZONE,
    },
  },
  {
    kind: 'email-change',
    facts: {
      path: '/email-change/0a1b2c',
      at: AT,
      expiresAt: '2026-11-02T10:30:00.000Z',
      why: 'somebody gave this address for their account',
      timeZone: TIME_ZONE,
    },
  },
  {
    kind: 'lost-access',
    facts: {
      path: '/lost-access/0a1b2c',
      at: AT,
      expiresAt: '2026-11-03T09:30:00.000Z',
      why: 'somebody gave this address as that of a lost account',
      timeZone: TIME_ZONE,
    },
  },
  {
    kind: 'access-link',
    facts: {
      path: '/invitations/0a1b2c',
      at: AT,
      expiresAt: '2026-11-09T09:30:00.000Z',
      why: 'the desk was asked to give you your access back',
      timeZone: TIME_ZONE,
    },
  },
  {
    kind: 'security-notice',
    facts: {
      notice: 'token_made',
      organisation: 'Acme',
      who: 'Ada Owner',
      about: 'nightly export',
      at: AT,
      path: '/people',
      why: 'you are an owner of Acme',
      timeZone: TIME_ZONE,
    },
  },
  {
    kind: 'digest',
    facts: {
      rows: [
        {
          waiting: 'decide',
          ref: 'ROT-1042',
          organisation: 'Acme',
          organisationId: 'org_0mh5k3x9qz1234',
          title: 'Payments EU',
          urgent: true,
          until: '2026-11-16T09:30:00.000Z',
        },
        {
          waiting: 'trouble',
          ref: 'ROT-1038',
          organisation: 'Zeta',
          organisationId: 'org_0mh5k3x9qz9876',
          title: 'Ledger',
          urgent: false,
          until: null,
        },
      ],
      more: 12,
      at: AT,
      path: '/queue',
      why: 'you are on the support staff',
      timeZone: TIME_ZONE,
    },
  },
]
