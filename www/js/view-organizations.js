// Which organizations one owns, is a member of, or is invited to; and a new one.

import { client, explain } from './client.js';
import { $, button, element, onPress, onSubmit, toast } from './dom.js';
import { followRows } from './list.js';
import { view } from './view.js';

// onOpen({id, name, isOwner} or null): the address names another one.
export function organizationsView({ onOpen }) {
    const form = $('#organization-form');
    let me = null;
    let all = []; // {id, name, role, status, owner}
    let loading = 0; // counts the questions: an older answer is not shown

    const follow = followRows($('#organization-list'), item);

    function item({ id, name, role, status, openHere }) {
        if (status === 'invited') {
            return element('li', { class: 'choice', 'data-id': id }, element('b', {}, name),
                element('span', { class: 'badge' }, 'invited'),
                onPress(button('Accept', '', { 'aria-label': `Accept: ${name}` }), async () => {
                    await client.request('POST', `/organizations/${id}/accept`, {});
                    location.hash = id;
                    await load();
                }));
        }
        return element('li', { class: openHere ? 'choice open' : 'choice', 'data-id': id },
            element('a', { href: `#${id}`, 'aria-current': openHere && 'true' }, name),
            element('span', { class: 'badge' }, role));
    }

    function draw() {
        const named = location.hash.slice(1);
        const open = all.find(({ id, status }) => id === named && status !== 'invited') ?? null;
        follow(all.map((one) => ({ ...one, openHere: one === open })));
        $('#organization-empty').hidden = all.length > 0;
        onOpen(open && { ...open, isOwner: open.role === 'owner' });
    }

    async function load() {
        const mine = ++loading;
        try {
            const { organizations, memberOrganizations } = await client.request('GET', '/organizations');
            if (mine !== loading) return;
            const mineToo = { role: 'owner', status: 'active', owner: me.email };
            all = [...organizations.map(({ id, name }) => ({ id, name, ...mineToo })),
                ...memberOrganizations.map((m) => ({ id: m.organizationId, name: m.organizationName, role: m.role,
                    status: m.status, owner: m.ownerEmail }))];
            $('#organization-problem').textContent = '';
            draw();
        } catch (error) {
            if (mine === loading) $('#organization-problem').textContent = explain(error);
        }
    }

    onSubmit(form, async (fields) => {
        const { organization } = await client.request('POST', '/organizations', { name: fields.get('name') });
        form.reset();
        location.hash = organization.id;
        await load();
    });

    return view((user) => {
        me = user;
        const heard = (data, { event, space }) => {
            if (space) return; // the open one's own log says the same
            load();
            const mine = event === 'organization:member_added' && data.member?.email === user.email;
            if (mine && data.member.status === 'invited') toast('You are invited to an organization.');
        };
        client.on('organization:*', heard);
        client.on('realtime:connected', load);
        client.on('realtime:resync', load);
        window.addEventListener('hashchange', draw);
        load();
        return [() => {
            client.off('organization:*', heard);
            client.off('realtime:connected', load);
            client.off('realtime:resync', load);
            window.removeEventListener('hashchange', draw);
            loading++;
            all = [];
            follow([], false);
            form.reset();
        }];
    });
}
