#!/bin/sh
# Unpacks the archive that the client sends, and puts its entries in place.
# Given:
#   push           the incoming folder
#   base           the remote tree
#   workspace      that the push fills
#   name           of the folder in the incoming one that is unpacked
#   target         the folder where the entries belong
#   zstd           --zstd or nothing
#   transfer_id    as in release.sh
#   transfer_file  as in release.sh
# Words: the folders that get entries, by their path in both, the deepest first.
# Replies:
#   placed all            or `placed some` if anything is still in the folder where it was unpacked
#   noted                 as in release.sh
#   problem KIND SUBJECT  instead, if it fails
# shellcheck disable=SC2154 # the client sets what is given

# Checks whether a file keeps the time that it is given as tar gives it: without that of its last access. Some file
# systems (libfuse 2) ignore one time alone; rsync sets both. One that rounds times (FAT) keeps them.
keeps_times() {
  tried=$push/time given=1000000001
  : >"$tried" && touch -m -d "@$given" "$tried" && time=$(find "$tried" -maxdepth 0 -printf '%T@')
  rm -f "$tried"
  case ${time%.*} in "${given%?}"[0-2]) ;; *) return 1 ;; esac
}

locate "$push"
push=$path incoming=$path/$name
locate "$target"
target=$path
hold_again "$push" "$base" "$workspace"
# Others, such as busybox's, set times in whole seconds.
case $(tar --version 2>/dev/null) in *GNU*) ;; *) problem not-unpacked ;; esac
keeps_times || problem not-unpacked
# The last entry of the archive. If it exists, the archive is complete; it names the files that mustn't be used.
changed=$incoming.changed
# The line `watch` precedes the archive.
read -r _ <&3
rm -f "$changed"
# Owners differ between machines; permissions are as they are locally. TAR_OPTIONS is cleared because an account's own
# options could exclude entries.
LC_ALL=C TAR_OPTIONS='' tar -xopf - -C "$push" ${zstd:+"$zstd"} <&3 || problem not-unpacked
[ -f "$changed" ] || problem incomplete
# In a tree that a group shares, its members own what others have sent: each member gets the owner's permissions, and
# nobody else gets any.
if [ "$shared" = yes ]; then
  chgrp -hR "$(stat -c %g "$push")" "$incoming" || problem not-unpacked
  find "$incoming/" -type d -exec chmod g+rwxs,o-rwx {} + -o -type f -exec chmod g+rwX,o-rwx {} + || problem not-unpacked
fi
# A file that changed while it was read mustn't get to its place: rsync takes the rest from the incoming folder.
(cd "$incoming" && xargs -0 -r rm -f -- <"$changed") || {
  echo 'placed some'
  exit 0
}
rm -f "$changed"

for folder; do
  from=$incoming/$folder to=$target/$folder
  [ -d "$from" ] || continue
  # A folder above the sent entries that isn't sent itself.
  [ -d "$to" ] || mkdir -p "$to" || problem not-placed
  disks=$(find "$from/" "$to/" -maxdepth 0 -printf '%D ')
  # To another file system mv would copy a file under its own name, and the copy could be cut off.
  if [ "$disks" = "${disks%% *} ${disks%% *} " ]; then
    # -n: an entry that was made since the listing belongs to its maker.
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
