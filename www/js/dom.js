// Making elements. Text goes in as text, never as markup.

export const $ = (selector, root = document) => root.querySelector(selector);

// element('button', { class: 'quiet', onclick: f }, 'Delete', otherElement)
export function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
        if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
        else if (value === true) made.setAttribute(key, '');
        else if (value !== false && value != null) made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child != null));
    return made;
}

export function time(iso) {
    const date = new Date(iso);
    const text = date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
    return element('time', { datetime: date.toISOString() }, text);
}

// A line in the corner that goes by itself.
export function toast(text) {
    const line = element('p', { class: 'toast' }, text);
    $('#toasts').append(line);
    setTimeout(() => line.remove(), 6000);
}

// Run a form's submission: button off meanwhile, a failure in the form's own words.
export function onSubmit(form, explain, work) {
    form.addEventListener('submit', async (event) => {
        event.preventDefault();
        const button = $('[type=submit]', form);
        const problem = $('.problem', form);
        problem.textContent = '';
        button.disabled = true;
        try {
            await work(new FormData(form));
        } catch (error) {
            problem.textContent = explain(error);
        } finally {
            button.disabled = false;
        }
    });
}
