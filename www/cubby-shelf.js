// Where cubby.js keeps what must outlive the page: writes that the server has not answered, and the last answers
// to lists. Loaded when somebody is signed in.

// Where there is no IndexedDB (or the browser refuses it) writes live as long as the page.
function memory(rows = new Map(), last = 0) {
    const put = (row, key = row.n) => rows.set(key, row);
    return {
        put,
        add: (row) => put(row, row.n = ++last) && last,
        get: (key) => rows.get(key),
        delete: (key) => rows.delete(key),
        getAll: () => [...rows.values()],
        clear: () => rows.clear(),
    };
}

const KEPT_MAX = 100; // answers to lists

const databases = new Map(); // name → one that is open, or in memory

function open(name) {
    return new Promise((resolve) => {
        const request = indexedDB.open(name, 1);
        request.onupgradeneeded = () => {
            request.result.createObjectStore('writes', { keyPath: 'n', autoIncrement: true });
            request.result.createObjectStore('kept');
        };
        request.onsuccess = () => resolve(request.result);
        request.onerror = request.onblocked = () => resolve(null);
    }).catch(() => null);
}

// Calls a method of an object store: `writes`, or `kept`.
export async function shelf(name, store, method, ...args) {
    if (!databases.has(name)) {
        databases.set(name, { inMemory: { writes: memory(), kept: memory() }, opened: open(name) });
    }
    const { inMemory, opened } = databases.get(name);
    const database = await opened;
    if (!database) return inMemory[store][method](...args);
    const transaction = database.transaction(store, 'readwrite');
    const target = transaction.objectStore(store);
    const request = target[method](...args);
    const count = store === 'kept' && method === 'put' ? target.count() : {};
    count.onsuccess = () => count.result > KEPT_MAX && target.clear(); // they are asked for again
    return new Promise((resolve, reject) => {
        transaction.oncomplete = () => resolve(request.result); // only now it is kept: a full disk says so here
        transaction.onabort = () => reject(transaction.error);
    });
}
