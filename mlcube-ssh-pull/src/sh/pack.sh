#!/bin/sh
# Packs the entries that the client names. Reads the names, each followed by a NUL.
# Given:
#   workspace  that holds the entries
# Replies:
#   archive zstd          or `archive plain`; then the archive
#   problem KIND SUBJECT  instead, if it fails
# The last line on standard error is `packed all` if nothing vanished or changed meanwhile.
# shellcheck disable=SC2154 # the client sets what is given

locate "$workspace"
workspace=$path
# The line `watch` precedes the names.
read -r _ <&3
case $(tar --version 2>/dev/null) in
  'tar (GNU tar)'*) ;;
  *) problem no-tar ;;
esac
cd "$workspace" || problem no-workspace

pack() {
  # Packs exactly the listed names, taken literally; a listed folder is packed without its entries. These options come
  # before the list, because tar doesn't apply later ones to it.
  set -- --no-recursion --null --files-from=-
  # Times to the nanosecond; the times of access and of inode changes would make headers longer.
  set -- "$@" --format=posix --pax-option=delete=atime,delete=ctime
  # Hard links are sent as separate files, as rsync does. Owners aren't looked up, because they aren't used.
  set -- "$@" --hard-dereference --numeric-owner --blocking-factor=128
  if LC_ALL=C TAR_OPTIONS='' tar "$@" --create --file=- <&3; then echo 'packed all' >&2; fi
}

# The fastest level, which old versions of zstd don't have. It compresses the headers, and costs less time than it
# saves.
compress() { zstd --quiet --fast=1 --stdout; }

if compress </dev/null >/dev/null 2>&1; then
  echo 'archive zstd'
  pack | compress
else
  echo 'archive plain'
  pack
fi
exit 0
