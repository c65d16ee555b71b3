#!/bin/sh
# Runs a command in another root, in this mount namespace, which nobody else is in (unshare --mount).
# $1 the root; then the folders that are seen in it (PATH, or PATH=WHERE for one seen at another place); then -- and
# the command. Nothing is written into the root: an overlay in memory takes it.
# Not chroot: in one the kernel makes no user namespace, which container engines need.
set -eu
path=$PATH
PATH=/usr/sbin:/usr/bin:/sbin:/bin
folder=$(pwd)
root=$1
shift

memory=/mnt
mount -t tmpfs -o mode=755 memory "$memory"
new=$memory/new
mkdir "$memory/changes" "$memory/work" "$new"
mount -t overlay -o "lowerdir=$root,upperdir=$memory/changes,workdir=$memory/work" root "$new"
for name in dev proc sys; do
  mkdir -p "$new/$name"
  mount --rbind "/$name" "$new/$name"
done
mount -t tmpfs -o mode=1777 tmp "$new/tmp"
mount -t tmpfs -o mode=755 run "$new/run"
mkdir "$new/run/sshd"
for name in hosts resolv.conf; do
  cp "/etc/$name" "$new/etc/$name"
done
while [ "$1" != -- ]; do
  mkdir -p "$new/${1#*=}"
  mount --rbind "${1%%=*}" "$new/${1#*=}"
  shift
done
shift

if [ "$root" = / ] && [ -n "${USERLAND_OF_BUSYBOX-}" ]; then
  # The machine's own programs are at another place, and of them only those that no system of busybox lacks for a
  # cube: an ssh server, rsync, python and a container engine.
  mkdir "$new/run/bin" "$new/run/sbin"
  for name in bin sbin; do
    mount --bind "/usr/$name" "$new/run/$name"
    mount -t tmpfs -o mode=755 userland "$new/usr/$name"
  done
  cp "$new/run/bin/busybox" "$new/usr/bin/busybox"
  "$new/run/bin/busybox" --list-full | while read -r applet; do
    link=$new/usr/${applet#usr/}
    [ -e "$link" ] || ln -s /bin/busybox "$link"
  done
  for program in rsync ssh sshd dropbear python3 podman runc conmon newuidmap newgidmap; do
    for name in bin sbin; do
      if [ -e "/usr/$name/$program" ]; then ln -sf "/run/$name/$program" "$new/usr/$name/$program"; fi
    done
  done
  sed -i 's,^\(root:.*\):[^:]*$,\1:/bin/sh,' "$new/etc/passwd"
fi

mkdir "$new/run/old"
cd "$new"
pivot_root . run/old
# Of the old root's programs this one needs nothing that lies there.
/run/old/bin/busybox umount -l /run/old
cd "$folder"
PATH=$path
exec "$@"
