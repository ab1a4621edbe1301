#!/bin/sh
# What programs are linked to: `libraries.sh files PROGRAM...` prints the shared libraries but for
# those of glibc, `libraries.sh packages PROGRAM...` the Debian packages, as Depends: has them.
set -eu
what=$1
shift
files=$(ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u)
case $what in
files) echo "$files" | grep -Ev '/(libc|libm|libdl|librt|libpthread|libresolv)\.so' ;;
packages)
    for program in "$@"; do objdump -p "$program"; done | awk '$1 == "NEEDED" { print $2 }' |
        sort -u | while IFS= read -r name; do
        file=$(realpath "$(echo "$files" | grep "/$name\$")") || continue
        # Where /lib is a link to /usr/lib, packages may know the file by either name.
        package=$(dpkg -S "$file" 2>/dev/null || dpkg -S "${file#/usr}")
        package=$(echo "$package" | head -n 1 | cut -d : -f 1)
        version=$(dpkg-query -W -f '${Version}\n' "$package" | head -n 1 | sed 's/-[^-]*$//')
        echo "$package (>= $version)"
    done | sort -u | paste -s -d , | sed 's/,/, /g'
    ;;
esac
