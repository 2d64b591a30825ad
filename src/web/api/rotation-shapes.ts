import { z } from 'zod'
import { DEPENDANT_TYPES } from '../../rules/keys/dependants.ts'
import { REASONS } from '../../rules/rotations/approvals.ts'
import { OVERLAP_ENDS } from '../../rules/rotations/overlap.ts'
import { ITEM_STATUSES, ROTATION_STATUSES } from '../../rules/rotations/rotation-lifecycle.ts'
import { kind, personName, time } from './shapes.ts'

export const task = z
  .object({
    id: z.string(),
    dependantId: z.string(),
    type: z.enum(DEPENDANT_TYPES),
    name: z.string(),
    state: z.enum(['to_do', 'done', 'to_undo']).meta({
      description:
        '`to_do`: give it the new key. `to_undo`: it was given a new key that was rolled back; give it the old one.',
    }),
    doneAt: time.nullable(),
    doneBy: personName.nullable(),
  })
  .meta({ id: 'Task' })

const item = z
  .object({
    id: z.string(),
    serviceId: z.string(),
    keyId: z.string(),
    kind,
    status: z.enum(ITEM_STATUSES),
    oldVersionId: z.string().nullable(),
    newVersionId: z.string().nullable(),
    generatedAt: time.nullable(),
    overlapEndsAt: time.nullable(),
    problem: z.string().nullable(),
    attempts: z.int().meta({ description: 'Tries in vain since it was last set going.' }),
    tasks: z.array(task).meta({ description: 'For what must hold the very key.' }),
    late: z.boolean().meta({ description: 'Due for more than a minute and not done.' }),
  })
  .meta({ id: 'Item' })

export const followUp = z
  .object({
    id: z.string(),
    type: z.enum(['early_revocation', 'extension', 'rollback']),
    status: z.enum(['requested', 'done', 'rejected', 'lapsed']),
    itemIds: z.array(z.string()),
    at: time.nullable(),
    requestedAt: time,
    decidedAt: time.nullable(),
    approvalsNeeded: z.int().meta({ description: '0 when it waits for nobody.' }),
    approvals: z.array(z.object({ by: personName, at: time })),
    decisionReason: z.string().nullable(),
  })
  .meta({ id: 'FollowUp' })

export const rotation = z
  .object({
    ref: z.string().meta({ example: 'ROT-1042' }),
    status: z.enum(ROTATION_STATUSES),
    revision: z.int(),
    organisationId: z.string(),
    requester: personName,
    filedBy: personName
      .nullable()
      .meta({ description: 'The requester, or who of the staff filed it on their behalf; null: the desk itself.' }),
    trigger: z.enum(['age', 'leak']).nullable().meta({ description: 'Why the desk filed it.' }),
    evidenceUrl: z.string().nullable().meta({ description: 'Where a leak report says the key was found.' }),
    overlapEnds: z.enum(OVERLAP_ENDS).meta({ description: 'What ends the overlap, when that is before its time.' }),
    graceSeconds: z.int(),
    byPolicy: z.boolean().meta({ description: 'Approved by the policy of a self-service.' }),
    byTokenId: z.string().nullable().meta({ description: 'The token whose making approved it.' }),
    verifiedBy: z.string().nullable().meta({ description: 'How the staff verified the caller, if filed on behalf.' }),
    reason: z.enum(REASONS),
    details: z.string(),
    notBefore: time.nullable(),
    overlapSeconds: z.int(),
    createdAt: time,
    decidedAt: time.nullable(),
    decisionReason: z.string().nullable(),
    completedAt: time.nullable(),
    approvalsNeeded: z.int(),
    approvals: z.array(z.object({ by: personName, at: time })),
    assignee: personName.nullable(),
    nextDeadline: time.nullable(),
    problem: z.string().nullable().meta({ description: 'Why it needs attention as a whole.' }),
    replaces: z.string().nullable().meta({ description: 'The rotation whose place this one took.' }),
    replacedBy: z.string().nullable().meta({ description: 'The rotation that took its place.' }),
    items: z.array(item),
    followUps: z.array(followUp),
  })
  .meta({ id: 'Rotation' })

export const message = z
  .object({
    id: z.string(),
    kind: z.enum(['message', 'note', 'question', 'answer']).meta({ description: 'Members never see a note.' }),
    fromStaff: z.boolean(),
    body: z.string(),
  })
  .meta({ id: 'Message' })

export const event = z
  .object({
    at: time,
    action: z.string().meta({ example: 'rotation.approve' }),
    actor: personName.nullable().meta({ description: 'Null when the desk itself did it.' }),
    facts: z.record(z.string(), z.unknown()),
    message: message.nullable().meta({ description: 'What was written, where something was.' }),
  })
  .meta({ id: 'Event' })

export const auditEntry = z
  .object({
    chain: z.string(),
    sequence: z.int(),
    body: z.string().meta({ description: 'The text that the hash covers.' }),
    previousHash: z.string(),
    hash: z.string(),
  })
  .meta({ id: 'AuditEntry' })
