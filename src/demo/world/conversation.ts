import { askCustomer } from '../../desk/conversation/ask.ts'
import { addCannedAnswer } from '../../desk/conversation/canned-answers.ts'
import { writeMessage, writeNote } from '../../desk/conversation/write.ts'
import type { Foundation } from '../../start.ts'
import { file } from './file.ts'
import type { People } from './people.ts'

const CANNED_ANSWERS = [
  {
    name: 'Which systems use the key?',
    body: 'Please list the systems that use this key, and say how long each needs to move to the new one.\nThe last 4 characters of a key are enough; never send the key itself.',
  },
  {
    name: 'Old keys stop at once',
    body: 'You asked for the old keys to stop the moment the new ones are made, so every call with them fails from then on. Is that what you want? If not, answer with a longer time.',
  },
  {
    name: 'Please file it anew',
    body: 'This request names keys that you don’t use any more. Please file a new one with the right keys; it will be looked at the same day.',
  },
]

/** A request that people talk about: a developer's message, a note of the staff, and a question that waits for its owner. Gives its old keys' secrets. */
export async function showConversation(desk: Foundation, { organisations, agents, admin }: People): Promise<string[]> {
  const { db } = desk
  for (const answer of CANNED_ANSWERS) await addCannedAnswer(db, admin.actor, answer)
  const [customer] = organisations
  const [first, second] = agents
  const developer = customer?.others[0]
  if (customer === undefined || first === undefined || second === undefined || developer === undefined) {
    throw new Error('somebody is missing')
  }
  const service = { name: 'Route planner', environment: 'live' } as const
  const filing = { reason: 'staff_change', details: 'A contractor left on Friday.', overlapSeconds: 3_600 } as const
  const { ref, secrets } = await file(desk, customer.owner.actor, service, filing)
  await writeMessage(db, developer.actor, ref, 'Our batch jobs run at night. Please don’t start before the morning.')
  await writeNote(db, second.actor, ref, 'An hour is short for them: the last rotation needed two days.')
  await writeMessage(db, first.actor, ref, 'Understood. We look at it this afternoon.')
  const message = 'One hour of overlap is short for batch jobs. Would two days be better?'
  await askCustomer(db, first.actor, ref, { revision: 1, message })
  return secrets
}
