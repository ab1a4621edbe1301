// What forms and buttons have in common, and how a failure is told.

import { SLOW, client, explain } from './client.js';
import { $, element } from './element.js';

export { $, button, clock, element, svg, time } from './element.js';

export const SLOW_MS = 2500;
const TOAST_MS = 6000;
const TOASTS = 4;
const LONG = 300;
const LINES = 5;
const SHOWN = 20000;

// For password managers: whose password a form asks for.
export function username() {
    const field = element('input', { autocomplete: 'username', hidden: true, 'aria-hidden': 'true', tabindex: '-1' });
    client.onAuthStateChanged((user) => (field.value = user?.email ?? ''));
    return field;
}

// Somebody's text, of any length: what is long scrolls, and can be reached by keyboard for that.
export function prose(name, text, style = null) {
    const isLong = text.length > LONG || text.split('\n', LINES).length === LINES;
    const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
    return element(name, { class: style, tabindex: isLong && '0' }, shown);
}

// A line in the corner that goes by itself.
export function toast(text) {
    const lines = $('#toasts');
    const line = element('p', { class: 'toast' }, text);
    lines.append(line);
    while (lines.children.length > TOASTS) lines.firstChild.remove();
    setTimeout(() => line.remove(), TOAST_MS);
}

export const sayFailure = (error) => toast(explain(error));

// A button's work: off meanwhile, a failure as a toast.
export function onPress(button, work) {
    button.addEventListener('click', async () => {
        if (button.ariaDisabled === 'true') return;
        button.ariaDisabled = 'true'; // it keeps the focus, which `disabled` would take away
        try {
            await work();
        } catch (error) {
            sayFailure(error);
        } finally {
            button.ariaDisabled = null;
        }
    });
    return button;
}

// A form's submission: button off meanwhile; a failure, or that it takes long, in the form's own words.
export function onSubmit(form, work) {
    let busy = false;
    form.addEventListener('submit', async (event) => {
        event.preventDefault();
        if (busy) return;
        busy = true;
        const button = $('[type=submit]', form);
        const problem = $('.problem', form);
        problem.textContent = '';
        form.classList.remove('waits');
        button.ariaDisabled = 'true';
        const slow = setTimeout(() => {
            form.classList.add('waits');
            problem.textContent = SLOW;
        }, SLOW_MS);
        let said = '';
        try {
            await work(new FormData(form));
        } catch (error) {
            said = explain(error);
        }
        clearTimeout(slow);
        form.classList.remove('waits');
        problem.textContent = said;
        button.ariaDisabled = null;
        busy = false;
    });
}
