#!/bin/sh
# Deletes code that is gone on the other side. Of what a program does for a path the shell does what it can: there may be
# thousands.
# Given: tree; aside, the folder in which what is on the list `keep` is kept.
# Words, in pairs: `keep` for what somebody changed here, `drop` for what is as it was pushed; and a path in the tree, what lies
# in a folder before the folder.
# Answers: a line `deleted PATH` for each (a newline in a name is shown as ?). Folders that hold anything else stay.
# shellcheck disable=SC2154 # the client sets what is given

locate "$tree"
tree=$path
locate "$aside"
aside=$path
cd -P "$tree" || exit
tree=$PWD folder='' is_in_tree=no

while [ $# -gt 1 ]; do
  how=$1 place=$2
  shift 2
  case $place in
    */*) around=${place%/*} ;;
    *) around=. ;;
  esac
  if [ "$around" != "$folder" ]; then
    folder=$around is_in_tree=no
    # Nothing behind a link that leads out of the tree.
    if cd -P "$tree/$folder" 2>/dev/null; then
      case $PWD/ in "$tree"/*) is_in_tree=yes ;; esac
    fi
  fi
  [ "$is_in_tree" = yes ] || continue
  name=./${place##*/}
  if [ -d "$name" ] && [ ! -L "$name" ]; then
    rmdir "$name" 2>/dev/null || continue
  elif [ -e "$name" ] || [ -L "$name" ]; then
    if [ "$how" = keep ]; then
      make_private "$aside/$around" || problem not-writable "$aside"
      mv "$name" "$aside/$around/" || problem not-writable "$place"
    else
      rm -f "$name" || problem not-writable "$place"
    fi
  else
    continue
  fi
  case $place in
    *"
"*) place=$(printf '%s' "$place" | tr '\n' '?') ;;
  esac
  printf 'deleted %s\n' "$place"
done
