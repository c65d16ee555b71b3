#!/bin/sh
# Unpacks the archive that the client sends, and puts in place what it holds.
# Given: push, the incoming folder; base and workspace, what it fills; name, of what is unpacked in it; target, where it belongs; squeezed, --zstd or nothing.
# Words: the folders that get something, by their path in both, the deepest first.
# Answers: `placed all`, or `placed some` where anything stays where it was unpacked; or problem.
# shellcheck disable=SC2154 # the client sets what is given

locate "$push"
push=$path incoming=$path/$name
locate "$target"
target=$path
hold_again "$push" "$base" "$workspace"
# The last entry of the archive: all of it has come, but for what stands in this file.
changed=$incoming.changed
# The line `watch`, behind which the archive begins.
read -r _ <&3
rm -f "$changed"
# Owners are each machine's own, permissions are as they are there; nobody's own options leave anything out.
LC_ALL=C TAR_OPTIONS='' tar -xopf - -C "$push" ${squeezed:+"$squeezed"} <&3 || problem not-unpacked
[ -f "$changed" ] || problem not-brought
# In a tree that a group shares its members own what others have sent: what one may its members may, and nobody else.
if [ "$shared" = yes ]; then
  chgrp -hR "$(stat -c %g "$push")" "$incoming" || problem not-unpacked
  find "$incoming/" -type d -exec chmod g+rwxs,o-rwx {} + -o -type f -exec chmod g+rwX,o-rwx {} + || problem not-unpacked
fi
# What changed while it was read mustn't get to its place: rsync takes the rest from here.
(cd "$incoming" && xargs -0 -r rm -f -- <"$changed") || {
  echo 'placed some'
  exit 0
}
rm -f "$changed"

for folder; do
  from=$incoming/$folder to=$target/$folder
  [ -d "$from" ] || continue
  # A folder above what is sent, which isn't sent itself.
  [ -d "$to" ] || mkdir -p "$to" || problem not-placed
  disks=$(find "$from/" "$to/" -maxdepth 0 -printf '%D ')
  # Onto another disk a file would be copied under its own name, and could be cut off there.
  if [ "$disks" = "${disks%% *} ${disks%% *} " ]; then
    # -n: what is there since the list was made is its owner's.
    find "$from/" -mindepth 1 -maxdepth 1 -print0 | xargs -0 -r mv -n -t "$to" --
  fi
  [ "$folder" = . ] || (cd "$incoming" && rmdir -p -- "$folder") 2>/dev/null
done
if holds_anything "$incoming"; then
  echo 'placed some'
else
  release_incoming "$push"
  echo 'placed all'
fi
exit 0
