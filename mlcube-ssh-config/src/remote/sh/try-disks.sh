#!/bin/sh
# Asks file systems how they store times and permissions: makes a file in a folder on each, and lists it.
# Given:
#   state   the state folder
#   top     the folder that the words are below
#   time    that each file gets: seconds since 1970 with nine decimals
#   mode    that each file gets: octal permissions
#   format  of the listing
# Words: folders below top. Instead of one that has been removed, the folder above it is looked at.
# Replies:
#   on DISK  for each word: the number of its file system
#   listing  then the listing of the files, named by these numbers
# shellcheck disable=SC2154 # the client sets what is given

locate "$state"
state=$path
locate "$top"
cd "$path" || problem no-folder "$path"
know_find

near() {
  near=./$1
  while [ ! -d "$near" ] && [ "$near" != . ]; do near=${near%/*}; done
}
disks=$(for place; do
  near "$place"
  # The slash makes find look behind a link.
  printf '%s/\0' "$near"
done | find_places '%D\n')
for disk in $disks; do printf 'on %s\n' "$disk"; done

# Gives the file $1 its time. The touch of busybox knows no part of a second.
set_time() {
  touch -d "@$time" "$1" 2>/dev/null ||
    "${find_python:-python3}" -E -c 'import os, sys; os.utime(sys.argv[1], ns=(int(sys.argv[2]),) * 2)' \
      "$1" "${time%.*}${time#*.}" 2>/dev/null
}

# Makes the file in the folder $1 for the file system $2, and lists it.
try() {
  partial=$1/.mlcube-ssh-partial
  # A task may have put a link there, or a folder under the name of this one with a link in it.
  [ ! -L "$partial" ] || return 1
  [ -d "$partial" ] || mkdir "$partial" 2>/dev/null || return 1
  tried=$partial/attributes-$$
  mkdir "$tried" 2>/dev/null || return 1
  (set -C && : >"$tried/$2") 2>/dev/null && set_time "$tried/$2" && {
    # A disk without permissions may refuse them.
    chmod "$mode" "$tried/$2" 2>/dev/null || :
    find "$tried" -mindepth 1 -printf "$format"
  }
  could=$?
  rm -rf "$tried"
  rmdir "$partial" 2>/dev/null
  return "$could"
}

printf 'listing\n'
known=' '
# Nothing is made in the workspace if the state folder is on the same file system.
if [ -d "$state" ]; then
  disk=$(find "$state/" -maxdepth 0 -printf '%D')
  if try "$state" "$disk"; then known=" $disk "; fi
fi
for disk in $disks; do
  case $known in
    *" $disk "*) ;;
    *)
      near "$1"
      # Where one folder can't be written, another one on the same file system may be.
      if try "$near" "$disk"; then known="$known$disk "; fi
      ;;
  esac
  shift
done
