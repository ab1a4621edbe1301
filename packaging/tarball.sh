#!/bin/sh
# For hosts without root: programs of FOLDER with the libraries they need, to be unpacked anywhere.
# tarball.sh FOLDER OUT.tar.gz
set -eu
cd "$(dirname "$0")/.."
folder=$1 out=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
umask 022

DESTDIR=$root PREFIX=/cubby UNITDIR=/none packaging/install.sh "$folder"
rm -r "${root:?}/none" "$root/cubby/etc/cubby/cubby.ini" "$root/cubby/var"
mkdir -p "$root/cubby/lib"
packaging/libraries.sh files "$root"/cubby/bin/cubby.fcgi "$root"/cubby/bin/cubby-pushd |
    while IFS= read -r library; do cp -L "$library" "$root/cubby/lib/"; done
for name in cubby.fcgi cubby-pushd cubbyctl; do
    program=$root/cubby/bin/$name
    [ -e "$program" ] || continue
    strip --strip-unneeded "$program"
    mv "$program" "$root/cubby/lib/$name"
    cat >"$program" <<END
#!/bin/sh
here=\$(readlink -f "\$0")
lib=\${here%/bin/*}/lib
LD_LIBRARY_PATH=\$lib exec "\$lib/$name" "\$@"
END
    chmod 755 "$program"
done
mkdir -p "$(dirname "$out")"
tar -C "$root" --owner=0 --group=0 -czf "$out" cubby
echo "$out"
