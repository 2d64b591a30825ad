import { z } from 'zod'
import { PERMISSIONS } from '../../rules/keys/verdict.ts'
import { time } from './shapes.ts'

const NAMED = 'Names of datasets; one that the service does not know yet becomes known.'

/** What is set of a key; the rule behind the verbs says what each may be. */
export const keyFields = {
  name: z.string().max(1_000),
  description: z.string().max(2_000).meta({ description: 'At most 500 characters.' }),
  permission: z.enum(PERMISSIONS),
  ipRanges: z
    .array(z.string().max(100))
    .max(100)
    .meta({ description: 'Addresses or CIDR, IPv4 or IPv6, at most 20; none: anywhere.' }),
  datasets: z.array(z.string().max(1_000)).max(200).meta({ description: NAMED }),
}

export const stopped = z
  .object({
    versions: z.array(z.object({ id: z.string(), last4: z.string() })).meta({ description: 'That were accepted.' }),
    dependants: z.array(z.object({ id: z.string(), type: z.string(), name: z.string() })),
    refs: z.array(z.string()).meta({ description: 'Rotations that went on without it, or were closed.' }),
  })
  .meta({ id: 'StoppedWithKey' })

export const dataset = z
  .object({
    id: z.string(),
    serviceId: z.string(),
    name: z.string(),
    createdAt: time,
    keyIds: z.array(z.string()).meta({ description: 'The keys that may be used for it.' }),
  })
  .meta({ id: 'Dataset' })

export const newDataset = dataset
  .extend({ keyId: z.string().meta({ description: 'Its own key.' }) })
  .meta({ id: 'NewDataset' })
