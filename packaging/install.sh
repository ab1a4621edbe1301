#!/bin/sh
# Install the programs of FOLDER (a build's) and what belongs to them; `make install` and the
# packages call it. Settings and collections that are there already stay.
#
#   DESTDIR= PREFIX=/usr/local SYSCONFDIR=… STATEDIR=… BASE_PATH=… UNITDIR=… install.sh FOLDER
set -eu
cd "$(dirname "$0")/.."
: "${DESTDIR:=}" "${PREFIX:=/usr/local}" "${BASE_PATH:=}"
if [ "$PREFIX" = /usr ]; then
    : "${SYSCONFDIR:=/etc}" "${STATEDIR:=/var/lib/cubby}" "${UNITDIR:=/lib/systemd/system}"
else
    : "${SYSCONFDIR:=$PREFIX/etc}" "${STATEDIR:=$PREFIX/var/lib/cubby}"
    : "${UNITDIR:=$PREFIX/lib/systemd/system}"
fi
share=$DESTDIR$PREFIX/share/cubby
etc=$DESTDIR$SYSCONFDIR/cubby

# files MODE FOLDER FILE...
files() {
    mode=$1 to=$2
    shift 2
    install -d "$to"
    install -m "$mode" "$@" "$to"
}

# tree FROM TO: every file of a tree, readable by all.
tree() {
    (cd "$1" && find . -type f -print) | while IFS= read -r file; do
        install -D -m 644 "$1/$file" "$2/$file"
    done
}

for program in cubby.fcgi cubby-pushd cubbyctl; do
    [ ! -e "$1/$program" ] || files 755 "$DESTDIR$PREFIX/bin" "$1/$program"
done
install -m 755 apache-conf/shared-host/setup.sh "$DESTDIR$PREFIX/bin/cubby-setup"
tree www "$share/www"
tree fcgi-app/mail "$share/mail"
tree apache-conf/errors "$share/apache-conf/errors"
files 644 "$share/apache-conf" apache-conf/*.conf
files 644 "$share/apache-conf/shared-host" apache-conf/shared-host/htaccess
files 644 "$share" apache-conf/cubby.ini
files 644 "$DESTDIR$PREFIX/share/doc/cubby" README.md docs/*.md
files 644 "$DESTDIR$PREFIX/share/man/man1" docs/man/*.1
if [ -x "$1/cubbyctl" ]; then
    install -d "$DESTDIR$PREFIX/share/bash-completion/completions"
    "$1/cubbyctl" completion >"$DESTDIR$PREFIX/share/bash-completion/completions/cubbyctl"
fi

install -d "$DESTDIR${STATEDIR%/*}"
[ -d "$DESTDIR$STATEDIR" ] || install -d -m 700 "$DESTDIR$STATEDIR"

# --- settings -------------------------------------------------------------------------------------

install -d -m 750 "$etc"
install -d "$etc/collections"
for file in fcgi-app/collections/*.json; do
    [ -e "$etc/collections/${file##*/}" ] || install -m 644 "$file" "$etc/collections"
done
if [ ! -e "$etc/cubby.ini" ]; then
    sed -e "s|^;data_dir = .*|data_dir = $STATEDIR|" \
        -e "s|^;collections_dir = .*|collections_dir = $SYSCONFDIR/cubby/collections|" \
        -e "s|^;mail_templates = .*|mail_templates = $PREFIX/share/cubby/mail|" \
        -e "s|^;base_path =.*|base_path = $BASE_PATH|" \
        -e "s|^;trusted_proxies =.*|trusted_proxies = 127.0.0.1 ::1 unix:|" \
        apache-conf/cubby.ini >"$etc/cubby.ini"
    chmod 640 "$etc/cubby.ini"
fi

# --- services -------------------------------------------------------------------------------------

install -d "$DESTDIR$UNITDIR"
for unit in packaging/systemd/*; do
    sed -e "s|@PREFIX@|$PREFIX|g; s|@SYSCONFDIR@|$SYSCONFDIR|g; s|@STATEDIR@|$STATEDIR|g" \
        "$unit" >"$DESTDIR$UNITDIR/${unit##*/}"
    chmod 644 "$DESTDIR$UNITDIR/${unit##*/}"
done
