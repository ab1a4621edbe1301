// Tabs as WAI-ARIA has them: arrows move, the panel of the chosen one shows.

import { element } from './dom.js';

// parts: [{ name, title, panel }], where panel is an element. Returns { strip, choose(name) };
// chosen(part) is called whenever one opens.
export function tabs(label, parts, chosen) {
    const buttons = parts.map(({ name, title, panel }) => {
        Object.assign(panel, { id: `panel-${name}`, role: 'tabpanel', tabIndex: -1 });
        panel.setAttribute('aria-labelledby', `tab-${name}`);
        return element('button', { type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': `panel-${name}`,
            onclick: () => choose(name) }, title);
    });

    function choose(name) {
        parts.forEach((part, i) => {
            const on = part.name === name;
            buttons[i].ariaSelected = String(on);
            buttons[i].tabIndex = on ? 0 : -1;
            part.panel.hidden = !on;
            part.panel.scrollTop = 0;
            if (on) chosen(part);
        });
    }

    function move(event) {
        const at = buttons.indexOf(document.activeElement);
        const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        const button = buttons.at(to % buttons.length);
        button.focus();
        button.click();
    }

    const strip = { role: 'tablist', class: 'tablist', 'aria-label': label, onkeydown: move };
    return { strip: element('div', strip, ...buttons), choose };
}
