// The admin page: signed in to apart from everything else, by password and code.

import { call, whenSignedOut } from './admin-api.js';
import { live } from './admin-live.js';
import { overview } from './admin-overview.js';
import { users } from './admin-users.js';
import { $ } from './element.js';

const numbers = overview({ onAdmin: ({ email }) => enter(email) });
const events = live({ onStatus: numbers.status });
const people = users();
const form = $('#login-form');
let isInside = null;

function enter(email) {
    $('#email').textContent = email;
    if (isInside) return;
    isInside = true;
    $('#stranger').hidden = true;
    for (const part of ['#inside', '#who']) $(part).hidden = false;
    events.open();
    people.load();
}

function leave() {
    if (isInside === false) return;
    isInside = false;
    numbers.stop();
    events.close();
    people.clear();
    for (const part of ['#inside', '#who']) $(part).hidden = true;
    $('#stranger').hidden = false;
    form.elements.email.focus();
}

whenSignedOut(leave);

form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const button = $('[type=submit]', form);
    if (button.ariaDisabled === 'true') return;
    button.ariaDisabled = 'true';
    $('.problem', form).textContent = '';
    try {
        await call('POST', 'login', Object.fromEntries(new FormData(form)));
        form.reset();
        await numbers.load();
        $('#main').focus();
    } catch (error) {
        $('.problem', form).textContent = error.message;
        form.elements.code.value = '';
    }
    button.ariaDisabled = null;
});

$('#sign-out').addEventListener('click', async () => {
    try {
        await call('POST', 'logout');
        leave();
    } catch (error) {
        $('#trouble').textContent = error.message;
    }
});

numbers.load();
