// A list that all tabs and devices of a user share, a counter that everybody shares, and a line that says
// whether all is saved.

import { CubbyClient } from 'cubby-client';
import { useCollection, useCounter, useRealtime, useStore, useUser } from 'cubby-client/react';
import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';

const client = new CubbyClient();

// A form that gives its fields to `work` and says what went wrong.
function Form({ work, children }) {
    const [problem, setProblem] = useState('');
    const submit = (event) => {
        event.preventDefault();
        const form = event.currentTarget;
        work(Object.fromEntries(new FormData(form))).then(() => setProblem(''), ({ message }) => setProblem(message));
        form.reset();
    };
    return <form onSubmit={submit}>{children} <output>{problem}</output></form>;
}

function Enter() {
    const enter = ({ email, password }) => client.login(email, password).catch(() => client.signup(email, password));
    return (
        <Form work={enter}>
            <input type="email" name="email" placeholder="E-mail" required />
            <input type="password" name="password" placeholder="Password" minLength={8} required />
            <button>Sign in, or up</button>
        </Form>
    );
}

function Todos() {
    const { rows, hasMore, more, create, update, remove } = useCollection(client, 'todos', { limit: 50 });
    return (
        <>
            <Form work={create}>
                <input name="title" placeholder="What is to be done" required />
                <button>Add</button>
            </Form>
            <ul>
                {rows.map(({ id, title, completed, $pending }) => (
                    <li key={id} style={{ opacity: $pending ? 0.5 : 1 }}>
                        <label>
                            <input type="checkbox" checked={completed ?? false}
                                onChange={() => update(id, { completed: !completed })} />
                            {title}
                        </label>
                        <button onClick={() => remove(id)} aria-label={`Delete ${title}`}>×</button>
                    </li>
                ))}
            </ul>
            {hasMore && <button onClick={more}>More</button>}
        </>
    );
}

function Applause() {
    const { value, increment } = useCounter(client, 'applause');
    return <button onClick={() => increment()}>👏 {value}</button>;
}

function State() {
    const { connected } = useRealtime(client);
    const waiting = useStore(client.pending).length;
    const saved = waiting ? `${waiting} changes wait` : 'all is saved';
    return <p role="status">{connected ? 'Live' : 'Offline'}, {saved}</p>;
}

function App() {
    const user = useUser(client);
    if (!user) return <Enter />;
    return (
        <>
            <p>{user.email} <button onClick={() => client.logout()}>Sign out</button></p>
            <Todos />
            <Applause />
            <State />
        </>
    );
}

createRoot(document.querySelector('main')).render(<StrictMode><App /></StrictMode>);
