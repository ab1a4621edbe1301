// Helpers of cubby.js for what comes too often. Both have flush().

// Runs once nothing was said for `ms`, with the last arguments.
export function debounce(run, ms = 100) {
    let timer = 0;
    let latest = null;
    const flush = () => {
        clearTimeout(timer);
        const args = latest;
        latest = null;
        if (args) run(...args);
    };
    return Object.assign((...args) => {
        latest = args;
        clearTimeout(timer);
        timer = setTimeout(flush, ms);
    }, { flush });
}

// Gathers items for `ms`, the latest of each id, and runs once with them all.
export function batch(run, ms = 50) {
    const items = new Map();
    let timer = 0;
    const flush = () => {
        clearTimeout(timer);
        timer = 0;
        const all = [...items.values()];
        items.clear();
        if (all.length) run(all);
    };
    return Object.assign((item) => {
        items.delete(item.id);
        items.set(item.id, item);
        timer ||= setTimeout(flush, ms);
    }, { flush });
}
