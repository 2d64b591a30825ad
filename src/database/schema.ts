import type { Selectable } from 'kysely'
import type { KeyTables } from './schema/keys.ts'
import type { OutboxTables } from './schema/outbox.ts'
import type { PeopleTables } from './schema/people.ts'
import type { RotationTables } from './schema/rotations.ts'
import type { WatchTables } from './schema/watch.ts'

/** Every table, with its columns in camelCase. */
export type Database = PeopleTables & KeyTables & RotationTables & OutboxTables & WatchTables

export type RotationRow = Selectable<Database['rotation']>
export type ItemRow = Selectable<Database['item']>
export type VersionRow = Selectable<Database['version']>
export type ImportRow = Selectable<Database['import']>
export type FollowUpRow = Selectable<Database['followUp']>
