// A panel above the status bar, and the button that opens and closes it. Escape closes it too.

import { $ } from './dom.js';

export function panel(name) {
    const box = $(`#${name}`);
    const button = $(`#${name}-button`);

    function open(wanted) {
        if (box.hidden === !wanted) return;
        box.hidden = !wanted;
        button.ariaExpanded = String(wanted);
    }
    function close() {
        open(false);
        button.focus();
    }

    button.addEventListener('click', () => open(box.hidden));
    $('.close', box).addEventListener('click', close);
    box.addEventListener('keydown', (event) => event.key === 'Escape' && close());
    return { open };
}
