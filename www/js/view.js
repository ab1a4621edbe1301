// What views have in common.
//
// A view: one part of the page, at work while somebody is signed in. start(user) returns what ends it,
// a list of functions.

export function view(start) {
    let ends = [];
    return {
        start(user) {
            this.stop();
            ends = start(user);
        },
        stop() {
            for (const end of ends) end();
            ends = [];
        },
    };
}

// However often it is called: at most one run a frame. For what a burst of events would redraw.
export function oncePerFrame(run) {
    let due = 0;
    return () => {
        due ||= requestAnimationFrame(() => {
            due = 0;
            run();
        });
    };
}
