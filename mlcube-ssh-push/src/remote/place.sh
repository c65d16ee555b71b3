#!/bin/sh
# Puts in place what tar has brought. $1 where it lies, $2 where it belongs, $3 how many files and links it holds at the
# least, $4 how many entries changed while they were sent, and these; then for each folder that gets something, the deepest
# first, its path in both and how many entries it gets.
# Answers: `placed all`, or `placed some` where anything stays where it was brought; or problem.

incoming=$(absolute "$1") target=$(absolute "$2") least=$3 changed=$4
shift 4
came=$(find "$incoming" ! -type d -printf x | wc -c)
[ "$came" -ge "$least" ] || problem not-brought
while [ "$changed" -gt 0 ]; do
  # What can't be removed from what was brought mustn't get to its place: rsync takes the rest from here.
  rm -rf "${incoming:?}/$1" || {
    echo 'placed some'
    exit 0
  }
  changed=$((changed - 1))
  shift
done

device_of() { find "$1/" -maxdepth 0 -printf '%D'; }

while [ $# -gt 1 ]; do
  from=$incoming/$1 to=$target/$1
  came=$(find "$from/" -mindepth 1 -maxdepth 1 -printf x | wc -c)
  [ "$came" -ge "$2" ] || problem not-brought
  # A folder above what is sent, which isn't sent itself.
  [ -d "$to" ] || mkdir -p "$to" || problem not-brought
  # Onto another disk a file would be copied under its own name, and could be cut off there.
  if [ "$(device_of "$from")" = "$(device_of "$to")" ]; then
    # -n: what is there since the list was made is its owner's.
    find "$from/" -mindepth 1 -maxdepth 1 -print0 | xargs -0 -r mv -n -t "$to" --
  fi
  [ "$1" = . ] || (cd "$incoming" && rmdir -p -- "$1") 2>/dev/null
  shift 2
done
if [ -z "$(find "$incoming" -mindepth 1 -print -quit)" ]; then echo 'placed all'; else echo 'placed some'; fi
exit 0
