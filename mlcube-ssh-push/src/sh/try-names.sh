#!/bin/sh
# Tries whether the file system of the tree or the workspace can store names: makes a file of each name in a folder of its own.
# Given:
#   top     the folder
#   format  of the listing
#   gone    the number of paths that are deleted before
# Words: these paths; then paths that are new in the folder, sorted by folder.
# Replies:
#   listing  then the listing of the files that could be made, in one numbered folder for each folder of the paths
#   unknown  instead, if no name could be tried
# shellcheck disable=SC2154 # the client sets what is given

locate "$top"
top=$path
tries=$top/.mlcube-ssh-partial/names-$$ unknown=
# A task may have put a link there. rsync removes one, too.
[ ! -L "$top/.mlcube-ssh-partial" ] || rm -f "$top/.mlcube-ssh-partial"
mkdir -p "$tries" || problem not-writable "$tries"
# Returns whether a file with a plain name can be made. If not, on a full or read-only file system, the other names
# can't be judged either.
can_make() { command : 2>/dev/null >"$tries/plain" && rm -f "$tries/plain"; }
can_make || unknown=yes
# Returns whether the folder $2 lists the path $1 in these very bytes.
is_listed() {
  for listed in "$2"/* "$2"/.[!.]*; do
    [ "$listed" != "$1" ] || return 0
  done
  return 1
}
# Returns whether the path $1 is one of those that are deleted, by another name; the other arguments are the words.
is_gone() {
  found=$1 left=$gone
  shift
  for deleted; do
    [ "$left" -gt 0 ] || return 1
    left=$((left - 1))
    # shellcheck disable=SC3013 # every supported shell has it, and POSIX since 2024
    if [ "$top/$deleted" -ef "$found" ]; then return 0; fi
  done
  return 1
}
number=0 folder=none word=0
for new; do
  word=$((word + 1))
  [ "$word" -gt "$gone" ] || continue
  case $new in
    */*) around=/${new%/*} ;;
    *) around= ;;
  esac
  if [ "$around" != "$folder" ]; then
    folder=$around number=$((number + 1))
    mkdir "$tries/$number"
  fi
  # A path that exists but isn't listed exists under another name, unless it was made since the listing.
  if [ -e "$top/$new" ] || [ -L "$top/$new" ]; then
    is_listed "$top/$new" "$top$around" || is_gone "$top/$new" "$@" || continue
  fi
  # If the second of two names is taken for the first, its file exists already.
  place=$tries/$number/${new##*/}
  [ -e "$place" ] || command : 2>/dev/null >"$place"
done
can_make || unknown=yes
if [ -z "$unknown" ]; then
  printf 'listing\n'
  cd "$tries" && find . -mindepth 1 -printf "$format"
fi
cd / && rm -rf "$tries"
rmdir "$top/.mlcube-ssh-partial" 2>/dev/null || :
[ -z "$unknown" ] || printf 'unknown\n'
