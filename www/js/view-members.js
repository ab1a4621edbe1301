// The open organization: its members, who of them is here now, invitations, and its end.

import { client } from './client.js';
import { $, button, element, onPress, onSubmit, sayFailure, toast } from './dom.js';
import { followRows } from './list.js';
import { avatar } from './people.js';

export function membersView() {
    const form = $('#invite-form');
    const heading = $('#organization-heading');
    const follow = followRows($('#member-list'), item);
    let organization = null; // {id, name, isOwner, role, owner}
    let me = null;
    let members = [];
    let present = new Set();
    let ends = [];

    const path = (rest = '') => `/organizations/${organization.id}${rest}`;
    const mayInvite = () => organization.isOwner || organization.role === 'admin';

    function item({ userId, email, role, status, here, removable }) {
        return element('li', { class: here ? 'item' : 'item away', 'data-id': userId }, avatar(userId, email),
            element('p', {}, email, ' ', element('span', { class: here ? 'badge here' : 'badge' },
                status === 'invited' ? 'invited' : here ? `${role}, here now` : role)),
            removable ? remover(userId, email) : null);
    }

    function remover(userId, email) {
        return onPress(button('Remove', 'quiet danger', { 'aria-label': `Remove ${email}` }), async () => {
            heading.focus();
            await client.request('DELETE', path(`/members/${userId}`));
            await load();
        });
    }

    function draw() {
        if (!organization) return;
        follow(members.map((member) => ({ ...member, here: present.has(member.userId),
            removable: mayInvite() && member.userId !== me.id && member.role !== 'owner' })));
        const { size } = present;
        $('#organization-present').textContent = size > 1 ? `${size} of you are here now.` : 'You are alone here now.';
    }

    async function load() {
        const asked = organization;
        try {
            const answer = await client.request('GET', path());
            if (asked !== organization) return;
            const owner = { userId: answer.organization.ownerId, email: asked.owner, role: 'owner', status: 'active' };
            members = [owner, ...answer.members];
            draw();
        } catch (error) {
            if (error.status !== 404) sayFailure(error);
        }
    }

    onSubmit(form, async (fields) => {
        const { member } = await client.request('POST', path('/members'), Object.fromEntries(fields));
        toast(member.status === 'invited' ? `${member.email} is invited.` : `${member.email} is a member now.`);
        form.reset();
        await load();
    });
    onPress($('#organization-leave'), () => client.request('DELETE', path(`/members/${me.id}`)));
    onPress($('#organization-delete'), async () => {
        if (confirm(`Delete ${organization.name} with all its tasks?`)) await client.request('DELETE', path());
    });

    return {
        start(opened, user) {
            [organization, me, members] = [opened, user, []];
            const room = `org:${organization.id}`;
            present = new Set([me.id]);
            heading.textContent = organization.name;
            form.hidden = !mayInvite();
            $('#organization-delete').hidden = !organization.isOwner;
            $('#organization-leave').hidden = organization.isOwner;
            const on = (event, run) => {
                client.on(event, run);
                ends.push(() => client.off(event, run));
            };
            const inRoom = (run) => (data) => {
                if (data?.room !== room) return;
                run(data);
                draw();
            };
            on('presence', inRoom((data) => (present = new Set(data.members))));
            on('user:online', inRoom((data) => present.add(data.userId)));
            on('user:offline', inRoom((data) => present.delete(data.userId)));
            on('organization:member_*', (data) => data.organizationId === organization.id && load());
            on('realtime:connected', load);
            client.join(room).catch(() => {});
            ends.push(() => client.leave(room));
            draw();
            load();
        },
        stop() {
            for (const end of ends) end();
            ends = [];
            organization = null;
            follow([], false);
            form.reset();
        },
    };
}
