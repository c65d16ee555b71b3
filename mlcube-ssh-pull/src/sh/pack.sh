#!/bin/sh
# Packs what the client names. Reads the names, each with a NUL behind it.
# Given: workspace.
# Answers: a line `archive zstd` or `archive plain`, then the archive; or problem. On standard error, last of all: `packed all`,
# where nothing went away or changed meanwhile.
# shellcheck disable=SC2154 # the client sets what is given

locate "$workspace"
workspace=$path
# The line `watch`, behind which the names begin.
read -r _ <&3
case $(tar --version 2>/dev/null) in
  'tar (GNU tar)'*) ;;
  *) problem no-tar ;;
esac
cd "$workspace" || problem no-workspace

pack() {
  # The list is all that goes: names as they are, and folders, which it holds too, without what lies in them. Before the list:
  # an option behind it doesn't count for it.
  set -- --no-recursion --null --files-from=-
  # Times to the nanosecond; others than those of the content would make headers longer.
  set -- "$@" --format=posix --pax-option=delete=atime,delete=ctime
  # Two names of one file are two files there, as rsync has it. Owners aren't looked up: they don't count.
  set -- "$@" --hard-dereference --numeric-owner --blocking-factor=128
  if LC_ALL=C TAR_OPTIONS='' tar "$@" --create --file=- <&3; then echo 'packed all' >&2; fi
}

# Its quickest level, which old ones don't have, takes the headers away and costs less than it saves.
squeeze() { zstd --quiet --fast=1 --stdout; }

if squeeze </dev/null >/dev/null 2>&1; then
  echo 'archive zstd'
  pack | squeeze
else
  echo 'archive plain'
  pack
fi
exit 0
