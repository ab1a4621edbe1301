#!/bin/sh
# Put Cubby into a folder of a shared host, without root: pages, .htaccess and the script that
# starts the program; settings, with a secret of their own, and data stay outside of it. Run again
# it brings the files up to date, and leaves settings and data alone.
#
#   setup.sh FOLDER [BASE_PATH]      setup.sh ~/public_html/cubby /cubby
#
# HOME_OF_CUBBY (~/.cubby) is where settings and data go.
set -eu

die() {
    echo "cubby: $*" >&2
    exit 1
}

[ $# -ge 1 ] || die "usage: $0 FOLDER [BASE_PATH]"
here=$(cd "$(dirname "$0")/.." && pwd -P)
home=${HOME_OF_CUBBY:-$HOME/.cubby}
base=${2:-}
case $base in
'' | /*[!/]) ;;
*) die "BASE_PATH begins with a slash and ends with none: $base" ;;
esac
case $here$home in *[[:space:]\'\"]*) die "a path has a space or quote in it: $here, $home" ;; esac

# --- settings and data ----------------------------------------------------------------------------

mkdir -p "$home/data" "$1"
[ -d "$home/collections" ] || cp -R "$here/etc/cubby/collections" "$home/collections"
chmod 700 "$home" "$home/data"
folder=$(cd "$1" && pwd -P)
if [ ! -s "$home/cubby.ini" ]; then
    umask 077
    cat >"$home/cubby.ini.new" <<END
; Cubby's settings; $here/share/cubby/cubby.ini has them all.
jwt_secret = $(head -c 48 /dev/urandom | base64 | tr -d '\n')
data_dir = $home/data
collections_dir = $home/collections
mail_templates = $here/share/cubby/mail
base_path = $base
; One process answers one request at a time here.
threads = 1
; Each poll that waits would hold one.
poll_workers = 0
END
    mv "$home/cubby.ini.new" "$home/cubby.ini"
fi

# --- what the web server sees ---------------------------------------------------------------------

umask 022
cp -R "$here/share/cubby/www/." "$folder/"
cp "$here/share/cubby/apache-conf/shared-host/htaccess" "$folder/.htaccess"
cat >"$folder/cubby.fcgi.new" <<END
#!/bin/sh
# Started by the web server, by FastCGI or CGI.
CUBBY_CONFIG='$home/cubby.ini' exec '$here/bin/cubby.fcgi'
END
chmod 755 "$folder/cubby.fcgi.new"
mv "$folder/cubby.fcgi.new" "$folder/cubby.fcgi"
echo "Cubby is in $folder, its settings in $home/cubby.ini, its data in $home/data"
