# What a person sees: two browsers of one user, through lighttpd.

section_browser() {
    app
    push_start app
    cp -r www/. "$work/app/www/"
    node tests/bench/browser.mjs "http://127.0.0.1:${port[app]}" "${BENCH_EVENTS:-10000}"
}
