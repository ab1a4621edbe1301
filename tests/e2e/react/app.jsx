// Components that use the hooks of www/cubby-react.js, for tests/e2e/react.mjs: show(name, props) puts one or
// several into the page, hide() takes all away.

import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { useCollection, useCounter, useNotes, useRealtime, useStore, useUser, useValue } from 'cubby-client/react';

window.renders = 0;

function Todos({ options }) {
    const { rows, loading, error, hasMore, more, create, update, remove } = useCollection(window.client, 'todos', options);
    const [problem, setProblem] = useState('');
    window.renders++;
    const say = (work) => () => work().catch(({ message }) => setProblem(message));
    return (
        <section aria-busy={loading}>
            <button onClick={say(() => create({ title: 'made' }))}>Make</button>
            <button onClick={say(() => create({ title: '' }))}>Make none</button>
            {hasMore && <button onClick={more}>More</button>}
            <p className="problem">{problem || error?.message}</p>
            <ul>
                {rows.map((row) => (
                    <li key={row.id} data-pending={row.$pending}>
                        <span>{row.title}</span>
                        <button onClick={say(() => update(row.id, { title: `${row.title}!` }))}>Change</button>
                        <button onClick={say(() => remove(row.id))}>Delete</button>
                    </li>
                ))}
            </ul>
        </section>
    );
}

function Counter({ name }) {
    const { value, viewers, isConnected, increment } = useCounter(window.client, name);
    return (
        <button className="counter" data-viewers={viewers} disabled={!isConnected} onClick={() => increment()}>
            {value}
        </button>
    );
}

function Value({ name }) {
    const [value, setValue] = useValue(window.client, name);
    return <input value={value ?? ''} onChange={(event) => setValue(event.target.value)} />;
}

function Notes() {
    const { notes, create } = useNotes(window.client);
    return <button className="notes" onClick={() => create('a note')}>{notes.map(({ text }) => text).join()}</button>;
}

function State() {
    const { connected, transport } = useRealtime(window.client);
    const pending = useStore(window.client.pending);
    const user = useUser(window.client);
    return <p className="state">{`${user?.email ?? 'nobody'} ${connected ? transport : 'off'} ${pending.length}`}</p>;
}

const KINDS = { Todos, Counter, Value, Notes, State };
let root = null;

window.show = (...all) => {
    root ??= createRoot(document.body.appendChild(document.createElement('main')));
    root.render(<StrictMode>{all.map(([kind, props], i) => {
        const Kind = KINDS[kind];
        return <Kind key={i} {...props} />;
    })}</StrictMode>);
};

window.hide = () => {
    root?.unmount();
    root = null;
    document.querySelector('main')?.remove();
};
