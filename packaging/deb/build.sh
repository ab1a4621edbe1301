#!/bin/sh
# Make a .deb of the programs of FOLDER: build.sh FOLDER OUT.deb
set -eu
cd "$(dirname "$0")/../.."
folder=$1 out=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
umask 022

DESTDIR=$root PREFIX=/usr BASE_PATH=/cubby packaging/install.sh "$folder"
rm -r "$root/usr/bin/cubby-setup" "$root/var"
for program in "$root"/usr/bin/*; do
    strip --strip-unneeded "$program"
done
gzip -9n "$root"/usr/share/man/man1/*
for file in load conf; do
    install -D -m 644 "packaging/deb/apache.$file" "$root/etc/apache2/mods-available/cubby.$file"
done
install -D -m 644 packaging/deb/lighttpd.conf "$root/etc/lighttpd/conf-available/60-cubby.conf"
install -d "$root/etc/nginx/snippets"
sed -e 's|@CUBBY_BASE_PATH@|/cubby|g; s|@CUBBY_WWW@|/usr/share/cubby/www|g' \
    -e 's|@CUBBY_SOCKET@|/run/cubby/fcgi.sock|g; s|@CUBBY_PUSH@|127.0.0.1:8090|g' \
    -e '1,/^$/d' apache-conf/nginx-site.conf | cat packaging/deb/nginx.head - \
    >"$root/etc/nginx/snippets/cubby.conf"
install -D -m 644 LICENSE "$root/usr/share/doc/cubby/copyright"
gzip -9n >"$root/usr/share/doc/cubby/changelog.gz" <<END
cubby ($(packaging/version.sh)) unstable; urgency=medium

  * As of this version of the source.

 -- Cubby <cubby@localhost>  $(date -R)
END

install -d "$root/DEBIAN"
for script in postinst prerm postrm; do
    install -m 755 "packaging/deb/$script" "$root/DEBIAN/$script"
done
(cd "$root" && find etc -type f | sort | sed 's|^|/|') >"$root/DEBIAN/conffiles"
(cd "$root" && find usr lib -type f -exec md5sum {} +) >"$root/DEBIAN/md5sums"
cat >"$root/DEBIAN/control" <<END
Package: cubby
Version: $(packaging/version.sh)
Architecture: $(dpkg --print-architecture)
Maintainer: Cubby <cubby@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f 1)
Depends: $(packaging/libraries.sh packages "$root"/usr/bin/*), adduser
Recommends: apache2 | lighttpd | nginx
Section: web
Priority: optional
Description: backend for applications with users, one SQLite file each
 Accounts, key-value pairs, rows of declared collections and a log of every
 change, served by FastCGI or CGI behind Apache, lighttpd or nginx; changes
 are delivered live by Server-Sent Events and WebSocket.
END
mkdir -p "$(dirname "$out")"
dpkg-deb --root-owner-group -Zxz --build "$root" "$out" >/dev/null
echo "$out"
