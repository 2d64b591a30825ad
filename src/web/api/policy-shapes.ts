import { z } from 'zod'
import { LEAK_RESPONSES, type Policy, type ServicePolicy } from '../../rules/policy.ts'
import { REASONS } from '../../rules/rotations/approvals.ts'
import { DAY_SECONDS, MAX_OVERLAP_SECONDS } from '../../rules/rotations/overlap.ts'

const overlap = z.int().min(0).max(MAX_OVERLAP_SECONDS)
const MOST_DAYS = 3_650

/** An age in whole days, as seconds. */
function age(leastDays: number) {
  return z
    .int()
    .min(leastDays * DAY_SECONDS)
    .max(MOST_DAYS * DAY_SECONDS)
    .multipleOf(DAY_SECONDS, 'Give whole days: a multiple of 86400.')
}

const overlapByReasonSeconds = z.strictObject(
  Object.fromEntries(REASONS.map((reason) => [reason, overlap.nullable().optional()])),
)

const terms = {
  longestOverlapSeconds: overlap,
  approvalsNeeded: z.int().min(1).max(2),
  selfService: z.boolean(),
  cooldownSeconds: z.int().min(0).max(604_800),
  keysPerService: z.int().min(2).max(10_000),
  filingRanges: z.array(z.string().max(64)).max(20, 'Give at most 20 ranges.'),
  leakResponse: z.enum(LEAK_RESPONSES),
}

const seen = z.int().min(0).max(2_147_483_647).optional().meta({
  description: 'The revision you saw; refused when it is another by now. Left out: whatever it is.',
})

/** What an admin may change of the desk's policy; what is left out stays. */
export const deskPolicyChanges = z.strictObject({
  revision: seen,
  ...z.object(terms).partial().shape,
  overlapByReasonSeconds: overlapByReasonSeconds.optional().meta({
    description: 'Reason by reason; null takes one away, and what is left out stays.',
  }),
  remindAgeSeconds: age(1).nullable().optional().meta({ description: 'Null: owners are never reminded.' }),
  fileAgeSeconds: age(1).nullable().optional().meta({ description: 'Null: none is filed for its age.' }),
  keysPerPerson: z.int().min(1).max(100_000).optional(),
  filingsPerHour: z.int().min(1).max(1_000_000).optional(),
  resetsPerHour: z.int().min(1).max(10_000).optional(),
})

/** The same for one service, where null goes back to what the desk has. */
export const servicePolicyChanges = z.strictObject({
  revision: seen,
  longestOverlapSeconds: terms.longestOverlapSeconds.nullable().optional(),
  approvalsNeeded: terms.approvalsNeeded.nullable().optional(),
  selfService: terms.selfService.nullable().optional(),
  cooldownSeconds: terms.cooldownSeconds.nullable().optional(),
  keysPerService: terms.keysPerService.nullable().optional(),
  filingRanges: terms.filingRanges.nullable().optional(),
  leakResponse: terms.leakResponse.nullable().optional(),
  overlapByReasonSeconds: overlapByReasonSeconds.nullable().optional(),
  remindAgeSeconds: age(0).nullable().optional().meta({ description: '0: never, whatever the desk has.' }),
  fileAgeSeconds: age(0).nullable().optional().meta({ description: '0: never, whatever the desk has.' }),
})

type Ages = { remindAgeSeconds?: number | null | undefined; fileAgeSeconds?: number | null | undefined }

function days(seconds: number | null | undefined): number | null | undefined {
  return seconds === null || seconds === undefined ? seconds : seconds / DAY_SECONDS
}

/** Changes as the verbs take them: ages in days. */
export function asChanges<T extends Ages & { overlapByReasonSeconds?: object | null | undefined; revision?: unknown }>({
  remindAgeSeconds,
  fileAgeSeconds,
  overlapByReasonSeconds,
  revision: _revision,
  ...changes
}: T) {
  return {
    ...changes,
    overlapByReason: overlapByReasonSeconds,
    remindAgeDays: days(remindAgeSeconds),
    fileAgeDays: days(fileAgeSeconds),
  }
}

const shown = {
  ...terms,
  overlapByReasonSeconds: z.partialRecord(z.enum(REASONS), overlap),
  remindAgeSeconds: z.int().nullable(),
  fileAgeSeconds: z.int().nullable(),
}
export const deskPolicy = z
  .object({
    revision: z.int(),
    ...shown,
    keysPerPerson: z.int(),
    filingsPerHour: z.int(),
    resetsPerHour: z.int(),
  })
  .meta({ id: 'DeskPolicy' })

const own = z
  .object({
    longestOverlapSeconds: overlap.nullable(),
    approvalsNeeded: terms.approvalsNeeded.nullable(),
    selfService: z.boolean().nullable(),
    cooldownSeconds: z.int().nullable(),
    keysPerService: z.int().nullable(),
    filingRanges: z.array(z.string()).nullable(),
    leakResponse: terms.leakResponse.nullable(),
    overlapByReasonSeconds: shown.overlapByReasonSeconds.nullable(),
    remindAgeSeconds: z.int().nullable(),
    fileAgeSeconds: z.int().nullable(),
  })
  .meta({ description: 'What is set for this service; null where it is as the desk has it.' })
export const servicePolicy = z
  .object({ serviceId: z.string(), revision: z.int(), ...shown, own })
  .meta({ id: 'ServicePolicy' })

/** A policy as the answers have it: ages in seconds. */
export function asAnswer<T extends Pick<Policy | ServicePolicy, 'overlapByReason' | 'remindAgeDays' | 'fileAgeDays'>>({
  overlapByReason,
  remindAgeDays,
  fileAgeDays,
  ...policy
}: T) {
  return {
    ...policy,
    overlapByReasonSeconds: overlapByReason,
    remindAgeSeconds: remindAgeDays === null ? null : remindAgeDays * DAY_SECONDS,
    fileAgeSeconds: fileAgeDays === null ? null : fileAgeDays * DAY_SECONDS,
  }
}
