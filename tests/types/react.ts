// The hooks as components in TypeScript use them. Only compiled, never run.

import { CubbyClient, type CubbyError, type Note, type RealtimeState, type Row, type User } from 'cubby-client';
import {
    type CollectionOptions, type CollectionState, type CounterState, type NotesState, useCollection, useCounter, useNotes,
    useRealtime, useStore, useUser, useValue,
} from 'cubby-client/react';
import { createElement } from 'react';

interface Todo {
    title: string;
    done: boolean;
}

const client = new CubbyClient();

const options: CollectionOptions = {
    limit: 20, offset: 1, where: [['done', '==', false]], orderBy: ['title', ['createdAt', 'desc']], search: 'milk', org: 'id',
};

export function Todos() {
    const list: CollectionState<Todo> = useCollection<Todo>(client, 'todos', options);
    const error: CubbyError | null = list.error;
    const waiting: number = useStore(client.pending).length;
    const add = () => list.create({ title: 'milk', done: false });
    const row = (todo: Row<Todo>) => createElement('li', {
        key: todo.id, onClick: () => list.update(todo.id, { done: !todo.done }, { ifMatch: todo.version }),
        onDoubleClick: () => list.remove(todo.id),
    }, todo.title, todo.$pending);
    return createElement('ul', { onClick: add, onFocus: list.more, onBlur: list.refresh, hidden: list.loading },
        list.rows.map(row), error?.message, list.hasMore, waiting);
}

export function Others() {
    const [colour, setColour] = useValue<string>(client, 'colour');
    const counter: CounterState = useCounter(client, 'likes');
    const { notes, isConnected, error, create, update, remove }: NotesState = useNotes(client);
    const realtime: RealtimeState = useRealtime(client);
    const user: User | null = useUser(client);
    const first: Note | undefined = notes[0];
    const work = async () => {
        await setColour('red');
        await counter.increment(2);
        await counter.decrement();
        await counter.setValue(7);
        await counter.reset();
        await counter.getHistory(5);
        const note = await create('x');
        await update(note.id, 'y');
        await remove(note.id);
        // @ts-expect-error: it is a string
        await setColour(7);
    };
    return createElement('p', { onClick: work }, colour, counter.value, counter.viewers, counter.isConnected,
        counter.error?.message, first?.text, isConnected, error?.message, realtime.transport, user?.email);
}
