export const ROTATION_STATUSES = [
  'submitted',
  'needs_info',
  'scheduled',
  'executing',
  'overlap',
  'needs_attention',
  'completed',
  'rejected',
  'withdrawn',
  'expired',
  'rolled_back',
  'closed',
] as const
export type RotationStatus = (typeof ROTATION_STATUSES)[number]

export const ITEM_STATUSES = ['pending', 'overlap', 'retired', 'rolled_back', 'skipped', 'failed', 'cancelled'] as const
export type ItemStatus = (typeof ITEM_STATUSES)[number]

/** What a rotation's or item's history starts from: the status before there was one. */
export const UNBORN = 'new'

/**
 * Every legal move of a rotation: move → status before → statuses after. The database holds the same table
 * (`legal_rotation_move`) and the history refers to it by foreign key, so that nothing else can be written.
 */
export const ROTATION_MOVES = {
  submit: { new: ['submitted'] },
  ask: { submitted: ['needs_info'] },
  answer: { needs_info: ['submitted'] },
  approve: { submitted: ['submitted', 'scheduled'] },
  reject: { submitted: ['rejected'], needs_info: ['rejected'] },
  withdraw: { submitted: ['withdrawn'], needs_info: ['withdrawn'], scheduled: ['withdrawn'] },
  expire: { submitted: ['expired'], needs_info: ['expired'] },
  execute: { scheduled: ['executing', 'needs_attention'] },
  settle: {
    executing: ['overlap', 'needs_attention', 'completed', 'rolled_back'],
    overlap: ['completed', 'rolled_back', 'needs_attention'],
    needs_attention: ['executing', 'overlap', 'completed', 'rolled_back'],
  },
  retry: { needs_attention: ['executing', 'submitted'] },
  close: {
    submitted: ['closed'],
    needs_info: ['closed'],
    scheduled: ['closed'],
    executing: ['closed'],
    overlap: ['closed'],
    needs_attention: ['closed'],
  },
} as const satisfies Record<string, Partial<Record<RotationStatus | 'new', readonly RotationStatus[]>>>
export type RotationMove = keyof typeof ROTATION_MOVES

/** Every legal move of an item, in the same shape; `legal_item_move` in the database. */
export const ITEM_MOVES = {
  add: { new: ['pending'] },
  execute: { pending: ['overlap'] },
  skip: { pending: ['skipped'] },
  fail: { pending: ['failed'] },
  cancel: { pending: ['cancelled'], failed: ['cancelled'] },
  retry: { failed: ['pending'] },
  retire: { overlap: ['retired'] },
  revoke_early: { overlap: ['retired'] },
  roll_back: { overlap: ['rolled_back'] },
} as const satisfies Record<string, Partial<Record<ItemStatus | 'new', readonly ItemStatus[]>>>
export type ItemMove = keyof typeof ITEM_MOVES

type MoveTable = Record<string, Partial<Record<string, readonly string[]>>>

/** The table as rows, for comparing it with the database's. */
export function legalRows(table: MoveTable): { move: string; from: string; to: string }[] {
  return Object.entries(table).flatMap(([move, pairs]) =>
    Object.entries(pairs).flatMap(([from, ends]) => (ends ?? []).map((to) => ({ move, from, to }))),
  )
}

function allows(table: MoveTable, move: string, from: string, to?: string): boolean {
  const ends = table[move]?.[from] ?? []
  return to === undefined ? ends.length > 0 : ends.includes(to)
}

/** Whether `move` may be made from `from`, and, when given, whether it may end at `to`. */
export function rotationMayMove(move: RotationMove, from: RotationStatus | 'new', to?: RotationStatus): boolean {
  return allows(ROTATION_MOVES, move, from, to)
}

/** The same for an item. */
export function itemMayMove(move: ItemMove, from: ItemStatus | 'new', to?: ItemStatus): boolean {
  return allows(ITEM_MOVES, move, from, to)
}

/** An item in one of these keeps its key from being in another rotation; `one_live_item_per_key` in the database says so too. */
export const LIVE_ITEM_STATUSES = ['pending', 'overlap', 'failed'] as const satisfies readonly ItemStatus[]

/** Nothing leaves these, and the key is free for another rotation. */
export const ENDED_ITEM_STATUSES: readonly ItemStatus[] = ['retired', 'rolled_back', 'skipped', 'cancelled']

/** Whether a new version was made for an item, whatever became of it. */
export function wasExecuted(status: ItemStatus): boolean {
  return status === 'overlap' || status === 'retired' || status === 'rolled_back'
}

export const ENDED_ROTATION_STATUSES: readonly RotationStatus[] = [
  'completed',
  'rejected',
  'withdrawn',
  'expired',
  'rolled_back',
  'closed',
]

export function isEnded(status: RotationStatus): boolean {
  return ENDED_ROTATION_STATUSES.includes(status)
}

export const LIVE_ROTATION_STATUSES = ROTATION_STATUSES.filter((status) => !isEnded(status))

/**
 * Where a rotation that has started stands, given its items. Work still to do comes first, then what needs a person,
 * then what is running; it is `rolled_back` only when every item is.
 */
export function statusFromItems(items: readonly ItemStatus[]): RotationStatus {
  if (items.includes('pending')) return 'executing'
  if (items.includes('failed')) return 'needs_attention'
  if (items.includes('overlap')) return 'overlap'
  if (items.length > 0 && items.every((status) => status === 'rolled_back')) return 'rolled_back'
  return 'completed'
}
