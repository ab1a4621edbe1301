#!/usr/bin/env bash
# A machine to install things on: an overlay of this one, with a systemd, processes and a network
# (loopback alone) of its own; nothing of it stays. PLACE/shared is its /shared. As root.
#
#   machine.sh boot PLACE    becomes the machine; killing it ends all that runs there
#   machine.sh clear NAME    removes the control group NAME of one that ended
#
# Exit 77, with the reason: this cannot be done here.
set -eu

no() {
    echo "$*" >&2
    exit 77
}

hide() {
    local unit
    for unit in "$@"; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done
}

# Devices that hold no data.
devices() {
    local name
    mount -t tmpfs -o mode=755 none "$root/dev"
    for name in null zero full random urandom tty; do
        touch "$root/dev/$name"
        mount --bind "/dev/$name" "$root/dev/$name"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620 none "$root/dev/pts"
    mount -t tmpfs -o mode=1777 none "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    for name in 0:stdin 1:stdout 2:stderr; do
        ln -s "/proc/self/fd/${name%:*}" "$root/dev/${name#*:}"
    done
}

# The kernel is this machine's too: its settings are for reading, what would set them is not begun.
file_systems() {
    mount -t overlay overlay \
        -o "lowerdir=/,upperdir=$place/up,workdir=$place/work" "$root" || no "no overlay of /"
    mount -t proc proc "$root/proc" && mount -t sysfs -o ro none "$root/sys"
    mount --bind "$root/proc/sys" "$root/proc/sys"
    mount -o remount,bind,ro "$root/proc/sys"
    umount -l "$root/sys/fs/cgroup" 2>/dev/null || true
    mount -t cgroup2 none "$root/sys/fs/cgroup" || no "no control groups of a machine's own"
    devices
    mount -t tmpfs -o mode=755 none "$root/run"
    mkdir -p "$root/shared" && mount --bind "$shared" "$root/shared"
    rm -f "$root/usr/sbin/policy-rc.d" "$root/etc/machine-id"
    systemd-id128 new >"$root/etc/machine-id"
    ln -sf /dev/null "$root/etc/tmpfiles.d/tmp.conf" # would empty /tmp, where the source may be
    # Sanitizers look for leaks in a way that services may not.
    mkdir -p "$root/etc/systemd/system.conf.d"
    printf '[Manager]\nDefaultEnvironment=ASAN_OPTIONS=detect_leaks=0\n' \
        >"$root/etc/systemd/system.conf.d/sanitizers.conf"
    hide systemd-sysctl.service systemd-modules-load.service systemd-remount-fs.service \
        systemd-journald-audit.socket systemd-update-utmp.service systemd-sysusers.service \
        systemd-binfmt.service dev-hugepages.mount sys-kernel-debug.mount tmp.mount \
        sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount \
        proc-sys-fs-binfmt_misc.automount timers.target swap.target
}

command=$1 place=$2
case $command in
boot)
    [ -x /lib/systemd/systemd ] || no "systemd is not installed"
    unshare --mount --pid --fork true 2>/dev/null || no "mounts are not allowed"
    exec unshare --mount bash "$0" enter "$place"
    ;;
enter) # its control group
    mkdir -p "$place/cgroup" "$place/shared"
    mount -t cgroup2 none "$place/cgroup" || no "no control groups"
    mkdir "$place/cgroup/${place##*/}" || no "no control group of its own"
    echo $$ >"$place/cgroup/${place##*/}/cgroup.procs"
    exec unshare --uts --ipc --net --cgroup --pid --fork --kill-child=KILL \
        bash "$0" fill "$place"
    ;;
fill)
    root=$place/root
    mkdir "$place/disk" && mount -t tmpfs -o mode=755 none "$place/disk"
    mkdir "$place/disk/up" "$place/disk/work" "$root"
    shared=$place/shared place=$place/disk
    file_systems
    cd "$root"
    mkdir -p mnt
    pivot_root . mnt
    umount -l /mnt
    exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --unit=basic.target --log-target=journal --show-status=0
    ;;
clear)
    exec unshare --mount bash -c '
        mount -t cgroup2 none /mnt
        [ ! -d "/mnt/$1" ] || find "/mnt/$1" -depth -type d -exec rmdir {} +' clear "$place"
    ;;
esac
