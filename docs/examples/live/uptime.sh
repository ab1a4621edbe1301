#!/bin/sh
# A board of how busy this host is: a static page, written again now and then, which changes by
# itself in every open browser.
#
#   CUBBY_JWT_SECRET=… uptime.sh /var/www/html/uptime.html [SECONDS]
#
# Without SECONDS once, as cron likes it; else again and again. CUBBY_URL: where Cubby answers.
set -eu
page=$1 every=${2:-}
key=/${page##*/}
: "${CUBBY_URL:=http://127.0.0.1:8080}" "${CUBBY_JWT_SECRET:?the secret of the settings of Cubby}"

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

# A backend token: whoever holds the secret can make one. It is good for a minute. (For a moment the
# secret is among the arguments of openssl: where others may list processes, make a token without
# "exp" once, elsewhere, and keep that in a file.)
token() {
    text=$(printf '{"alg":"HS256","typ":"JWT"}' | base64url)
    text=$text.$(printf '{"sub":"uptime","exp":%d}' $(($(date +%s) + 60)) | base64url)
    printf '%s.' "$text"
    printf '%s' "$text" | openssl dgst -sha256 -hmac "$CUBBY_JWT_SECRET" -binary | base64url
}

write_page() {
    read -r one five fifteen processes _ </proc/loadavg
    cat >"$page.new" <<END
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Load</title>
<h1>Load</h1>
<p data-live="load">$one now, $five for five minutes, $fifteen for fifteen</p>
<p data-live="processes">$processes processes run, at <time>$(date -u +%FT%TZ)</time></p>
<script type="module" src="/js/live.js"></script>
END
    mv "$page.new" "$page"
}

# Without "html": who shows the page fetches it.
tell() {
    printf 'header = "Authorization: Bearer %s"\n' "$(token)" |
        curl -fsS -K - -w '\n' --json "{\"key\":\"$key\"}" "$CUBBY_URL/live/render"
}

write_page
tell || [ -n "$every" ]
while [ -n "$every" ]; do
    sleep "$every"
    write_page
    tell || :
done
