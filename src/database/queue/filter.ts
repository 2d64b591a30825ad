import { sql } from 'kysely'
import type { Refs } from '../rotations/search.ts'

/** What a rotation counts for in the reports; each figure's list is those that have it. */
export const FIGURES = ['responded', 'decided', 'generated', 'failed', 'rolledBack', 'extended'] as const
export type Figure = (typeof FIGURES)[number]

export type QueueFilter = {
  /** How a reference begins, part of a name, or the last 4 of a key. */
  q?: string | undefined
  /** Null: what nobody has. */
  assigneeId?: string | null | undefined
  organisationId?: string | undefined
  /** Filed in this span, its end left out. */
  filed?: { from: Date; to: Date } | undefined
  figures?: readonly Figure[] | undefined
}

/** An item that failed may have been retried since; that it failed stays in the trail, which has an index of those. */
function failed(refs: Refs): Refs {
  return refs.where((is) =>
    is(
      'rotation.ref',
      'in',
      is
        .selectFrom('auditEntry')
        .select(sql<string>`audit_entry.rotation`.as('rotation'))
        .where('auditEntry.action', '=', sql.lit('item.fail'))
        .where('auditEntry.rotation', 'is not', null),
    ),
  )
}

function rolledBack(refs: Refs): Refs {
  return refs.where((is) =>
    is('rotation.ref', 'in', is.selectFrom('item').select('item.rotationRef').where('item.status', '=', 'rolled_back')),
  )
}

function extended(refs: Refs): Refs {
  return refs.where((is) =>
    is(
      'rotation.ref',
      'in',
      is
        .selectFrom('followUp')
        .select('followUp.rotationRef')
        .where('followUp.type', '=', 'extension')
        .where('followUp.status', '=', 'done'),
    ),
  )
}

function generated(refs: Refs): Refs {
  return refs
    .where('rotation.decidedAt', 'is not', null)
    .where((is) =>
      is.exists(
        is
          .selectFrom('item')
          .select('item.id')
          .whereRef('item.rotationRef', '=', 'rotation.ref')
          .where('item.generatedAt', 'is not', null),
      ),
    )
}

const BY_FIGURE: Readonly<Record<Figure, (refs: Refs) => Refs>> = {
  responded: (refs) => refs.where('rotation.firstResponseAt', 'is not', null),
  decided: (refs) => refs.where('rotation.decidedAt', 'is not', null),
  generated,
  failed,
  rolledBack,
  extended,
}

/** Leaves what the filter lets through; the text that is searched for is the caller's to see to. */
export function filtered(refs: Refs, { assigneeId, organisationId, filed, figures = [] }: QueueFilter): Refs {
  let query = refs
  if (assigneeId === null) query = query.where('rotation.assigneeId', 'is', null)
  else if (assigneeId !== undefined) query = query.where('rotation.assigneeId', '=', assigneeId)
  if (organisationId !== undefined) query = query.where('rotation.organisationId', '=', organisationId)
  if (filed !== undefined) {
    query = query.where('rotation.createdAt', '>=', filed.from).where('rotation.createdAt', '<', filed.to)
  }
  for (const figure of figures) query = BY_FIGURE[figure](query)
  return query
}
