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
  # The machine's own programs are at another place, and of them only those that can run a cube: an ssh server, rsync,
  # python and a container engine.
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
  # getent comes with the C library. cksum is an applet too, but not of Debian's busybox; and so is flock, which has no
  # time limit there.
  for program in getent rsync ssh sshd dropbear python3 podman runc conmon newuidmap newgidmap cksum; do
    for name in bin sbin; do
      if [ -e "/usr/$name/$program" ]; then ln -sf "/run/$name/$program" "$new/usr/$name/$program"; fi
    done
  done
  cat >"$new/usr/bin/flock" <<'FLOCK'
#!/bin/sh
for word; do
  case $word in -w* | -E* | --*) echo "flock: unrecognized option: ${word#-}" >&2 && exit 1 ;; esac
done
exec /run/bin/flock "$@"
FLOCK
  chmod 755 "$new/usr/bin/flock"
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
