import type { ColumnType } from 'kysely'

/** int8 arrives as a string from pg. */
export type BigInteger = ColumnType<string, number | string, number | string>
export type Optional<T> = ColumnType<T | null, T | null | undefined, T | null>
