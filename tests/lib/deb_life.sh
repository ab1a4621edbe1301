#!/usr/bin/env bash
# The life of the .deb on a machine: installed, used through Apache, upgraded, removed, purged. The
# machine is an overlay of this one that goes with the process: deb_life.sh FILE.deb PORT, as root.
# Exit 77: mounts are not allowed here.
set -eu
deb=$(realpath "$1") port=$2

if [ "${3:-}" != inside ]; then
    unshare -m true 2>/dev/null || exit 77
    place=$(mktemp -d)
    trap 'rmdir "$place"' EXIT
    unshare -m bash -c '
        set -e
        mount -t tmpfs none "$1" && mkdir "$1/up" "$1/work" "$1/root" &&
            mount -t overlay overlay \
                -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" "$1/root" || exit 77
        for folder in proc dev; do mount --rbind /$folder "$1/root/$folder"; done
        mount -t tmpfs none "$1/root/run"
        mkdir -p "$1/root/tmp/deb"
        cp "$2" "$1/root/tmp/deb/cubby.deb" && cp "$3" "$1/root/tmp/deb/life"
        exec chroot "$1/root" bash /tmp/deb/life /tmp/deb/cubby.deb "$4" inside' \
        deb_life "$place" "$deb" "$(realpath "$0")" "$port"
    exit
fi

fail() {
    echo "failed: $*" >&2
    tail -n 20 /tmp/deb/*.log >&2 2>/dev/null || true
    exit 1
}
is() { [ "$1" = "$2" ] || fail "$3: expected \"$2\", is \"$1\""; }
rights() { stat -c '%U:%G %a' "$1"; }
url=http://127.0.0.1:$port/cubby
cd /
mkdir -p /run/lock /var/log/apache2
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive

# --- installed ------------------------------------------------------------------------------------

dpkg -i "$deb" >/tmp/deb/dpkg.log 2>&1 || fail "dpkg -i"
is "$(rights /var/lib/cubby)" "cubby:cubby 700" "data folder"
is "$(rights /etc/cubby/cubby.env)" "root:cubby 640" "secret"
is "$(rights /etc/cubby/cubby.ini)" "root:cubby 640" "settings"
is "$(grep -c '^CUBBY_JWT_SECRET=.\{64\}$' /etc/cubby/cubby.env)" 1 "a secret of 48 bytes"
is "$(dpkg --verify cubby)" "" "dpkg --verify"
units=(/lib/systemd/system/cubby{.socket,.service,-pushd.service})
complaints=$(systemd-analyze verify --man=no "${units[@]}" 2>&1 | grep -i cubby) || true
is "$complaints" "" "systemd-analyze verify"
for unit in cubby.service cubby-pushd.service; do
    systemd-analyze security --offline=yes --threshold=20 $unit >/tmp/deb/security.log 2>&1 ||
        fail "$unit is exposed"
done

# --- used, as the units start it ------------------------------------------------------------------

# In the background: a process of its own.
as_cubby() {
    set -a
    . /etc/cubby/cubby.env
    umask 007
    exec setpriv --reuid=cubby --regid=cubby --clear-groups "$@"
}
processes=()
serve() {
    install -d -o cubby -g www-data -m 2755 /run/cubby
    as_cubby /usr/bin/cubby-pushd --config /etc/cubby/cubby.ini 2>>/tmp/deb/pushd.log &
    processes+=($!)
    as_cubby /usr/bin/cubby.fcgi --config /etc/cubby/cubby.ini --socket /run/cubby/fcgi.sock \
        2>>/tmp/deb/fcgi.log &
    processes+=($!)
}
end() {
    [ ${#processes[@]} -gt 0 ] || return 0
    kill "${processes[@]}" 2>/dev/null || true
    wait "${processes[@]}" || true
    processes=()
}
trap end EXIT

echo "Listen 127.0.0.1:$port" >/etc/apache2/ports.conf
sed -i "s/<VirtualHost .*/<VirtualHost 127.0.0.1:$port>/" \
    /etc/apache2/sites-available/000-default.conf
a2enmod -q headers proxy proxy_fcgi proxy_http rewrite >/tmp/deb/a2.log 2>&1
a2enconf -q cubby >>/tmp/deb/a2.log 2>&1 || fail "a2enconf"
apache2ctl configtest >/tmp/deb/apache.log 2>&1 || fail "Apache’s configuration"
serve
(set +u && . /etc/apache2/envvars && exec apache2 -D FOREGROUND) >>/tmp/deb/apache.log 2>&1 &
apache=$!
trap 'end; kill $apache' EXIT
answers() {
    for _ in {1..100}; do
        curl -fsS -o /dev/null "$url$1" 2>/dev/null && return
        sleep 0.1
    done
    return 1
}
answers /healthz || fail "no answer of cubby.fcgi"
answers /push/healthz || fail "no answer of cubby-pushd"

person='{"email":"ada@example.org","password":"correct horse"}'
curl -fsS -c /tmp/deb/jar -o /dev/null "$url/api/signup" --json "$person" || fail "sign-up"
curl -fsSN -m 5 -b /tmp/deb/jar "$url/api/events" >/tmp/deb/events 2>/dev/null &
for _ in {1..50}; do grep -q connected /tmp/deb/events && break; sleep 0.1; done
value='{"key":"k","value":"kept"}'
curl -fsS -b /tmp/deb/jar -o /dev/null "$url/data" --json "$value" || fail "a write"
for _ in {1..30}; do grep -q '^event: kv:set' /tmp/deb/events && break; sleep 0.1; done
grep -q '^event: kv:set' /tmp/deb/events || fail "no live event"
[[ $(curl -fsS "$url/") == *'<title>Cubby'* ]] || fail "no page"

# --- upgraded: data, secret and changed settings stay ---------------------------------------------

value() { curl -fsS -b /tmp/deb/jar "$url/data?key=k"; }
before=$(cat /etc/cubby/cubby.env)
echo 'log_level = warn' >>/etc/cubby/cubby.ini
dpkg -i --force-confold "$deb" >>/tmp/deb/dpkg.log 2>&1 || fail "dpkg -i of an upgrade"
end
serve
answers /healthz || fail "no answer after the upgrade"
is "$(cat /etc/cubby/cubby.env)" "$before" "the secret"
is "$(tail -n 1 /etc/cubby/cubby.ini)" "log_level = warn" "settings"
is "$(value)" '{"ok":true,"data":"kept"}' "data"

# --- removed, and purged --------------------------------------------------------------------------

end
dpkg -r cubby >>/tmp/deb/dpkg.log 2>&1 || fail "dpkg -r"
[ ! -e /usr/bin/cubby.fcgi ] || fail "a program is left"
[ -s /var/lib/cubby/main.db ] || fail "remove took the data"
apache2ctl configtest >>/tmp/deb/apache.log 2>&1 || fail "Apache’s configuration, without Cubby"
dpkg -P cubby >>/tmp/deb/dpkg.log 2>&1 || fail "dpkg -P"
for left in /var/lib/cubby /etc/cubby /usr/share/cubby /lib/systemd/system/cubby.service; do
    [ ! -e "$left" ] || fail "purge left $left: $(find "$left")"
done
! getent passwd cubby >/dev/null || fail "purge left the user"
echo lived
