// Types of cubby-react.js. Kept by hand, and held against it by tests/types.

import type {
    Collection, Counter, CounterValue, CubbyClient, CubbyError, Json, Note, Notes, Operator, RealtimeState, Row, Store,
    User,
} from './cubby.js';

export interface CollectionOptions {
    /** Rows at first, 100 unless told; more() makes the list longer. */
    limit?: number;
    offset?: number;
    /** All of them hold. */
    where?: [field: string, op: Operator, value: Json][];
    /** "createdAt" or ["title", "desc"]. */
    orderBy?: (string | [field: string, direction: 'asc' | 'desc'])[];
    /** Full text, in collections that declare `search`. */
    search?: string;
    /** The rows of an organization. */
    org?: string;
}

export interface CollectionState<T> {
    rows: Row<T>[];
    loading: boolean;
    error: CubbyError | null;
    hasMore: boolean;
    more(): Promise<void>;
    refresh(): Promise<void>;
    create: Collection<T>['create'];
    update: Collection<T>['update'];
    remove: Collection<T>['delete'];
}

/** The value of any store of the client: `useStore(client.pending)`. */
export function useStore<T>(store: Store<T>): T;
/** The rows of a query, kept current; writes show at once. */
export function useCollection<T = Record<string, Json>>(
    client: CubbyClient, name: string, options?: CollectionOptions): CollectionState<T>;
/** As useState, but kept on the server and the same in every tab. */
export function useValue<T = any>(client: CubbyClient, key: string): [T | null, (value: T) => Promise<{ ok: true }>];

export type CounterState = CounterValue & { isConnected: boolean; error: Error | null }
    & Pick<Counter, 'increment' | 'decrement' | 'setValue' | 'reset' | 'getHistory'>;
/** A counter that everybody shares, "global-counter" unless told; connected while mounted. */
export function useCounter(client: CubbyClient, name?: string): CounterState;

export interface NotesState {
    notes: Note[];
    isConnected: boolean;
    error: Error | null;
    create: Notes['create'];
    update: Notes['update'];
    remove: Notes['delete'];
}
/** The user's notes, the same list in every tab; connected while mounted. */
export function useNotes(client: CubbyClient): NotesState;

/** State of the connection, for a line that says so. */
export function useRealtime(client: CubbyClient): RealtimeState;
/** Who is signed in, or null. */
export function useUser(client: CubbyClient): User | null;
