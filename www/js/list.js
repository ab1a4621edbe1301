// Lists that follow rows: who comes unfolds, who goes folds away, who is moved slides. An element stays
// as long as its row is the same, so that focus and selections do.

const DURATION_MS = 220;
const still = matchMedia('(prefers-reduced-motion: reduce)');

const options = { duration: DURATION_MS, easing: 'cubic-bezier(.2, .8, .3, 1)' };

function unfold(node) {
    node.animate([{ height: 0, opacity: 0, overflow: 'hidden', paddingBlock: 0 },
        { height: `${node.offsetHeight}px`, opacity: 1, overflow: 'hidden' }], options);
}

function foldAway(node) {
    node.inert = true;
    node.ariaHidden = 'true';
    node.classList.add('leaving');
    const folding = node.animate([{ height: `${node.offsetHeight}px`, opacity: 1, overflow: 'hidden' },
        { height: 0, opacity: 0, overflow: 'hidden', paddingBlock: 0, marginBlock: 0 }], options);
    folding.onfinish = folding.oncancel = () => node.remove();
}

// The same row, once written and once answered: the server gave it another id.
function isAnswerTo(row, pending) {
    const own = Object.keys(pending).filter((name) => !/^(\$|id$|createdAt$|updatedAt$|version$|userId$)/.test(name));
    return own.every((name) => JSON.stringify(row[name]) === JSON.stringify(pending[name]));
}

// make(row) gives an <li>. Returns draw(rows): makes the list show them. options.keep(before, row): this
// row's element stays whatever has changed (it is being edited); its id may have.
// settled false: the rows are not there yet; what comes next does not move in.
export function followRows(list, make, { keep = () => false } = {}) {
    let shown = new Map(); // id → { row, text, node }
    let drawnBefore = false;

    function take(old, row) {
        const text = JSON.stringify(row);
        if (old && keep(old.row, row)) {
            old.node.dataset.id = row.id;
            return { ...old, row, text: '' };
        }
        if (old?.text === text) return { ...old, row };
        const node = make(row);
        if (old) {
            const focused = old.node.contains(document.activeElement) && document.activeElement.name;
            old.node.replaceWith(node);
            if (focused) node.querySelector(`[name="${focused}"]`)?.focus();
        }
        return { row, text, node, isNew: !old };
    }

    return function draw(rows, settled = true) {
        const moving = !still.matches && drawnBefore && document.visibilityState === 'visible';
        const tops = new Map(moving ? [...shown.values()].map(({ node }) => [node, node.offsetTop]) : []);
        const next = new Map();
        const ids = new Set(rows.map((row) => row.id));
        const orphans = [...shown.values()].filter(({ row }) => row.$pending && !ids.has(row.id));
        for (const row of rows) {
            let old = shown.get(row.id);
            if (!old && orphans.length) {
                const at = orphans.findIndex((orphan) => isAnswerTo(row, orphan.row));
                if (at >= 0) [old] = orphans.splice(at, 1);
            }
            if (old) shown.delete(old.row.id);
            next.set(row.id, take(old, row));
        }
        for (const { node } of shown.values()) if (moving) foldAway(node); else node.remove();
        let at = list.firstElementChild;
        for (const { node } of next.values()) {
            while (at?.classList.contains('leaving')) at = at.nextElementSibling;
            if (node === at) at = at.nextElementSibling;
            else list.insertBefore(node, at);
        }
        for (const entry of next.values()) {
            if (moving && entry.isNew) unfold(entry.node);
            else if (moving) slide(entry.node, tops.get(entry.node));
            entry.isNew = false;
        }
        shown = next;
        drawnBefore ||= settled;
    };
}

function slide(node, from) {
    const by = from === undefined ? 0 : from - node.offsetTop;
    if (by) node.animate([{ transform: `translateY(${by}px)` }, { transform: 'none' }], options);
}
