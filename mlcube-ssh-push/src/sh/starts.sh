#!/bin/sh
# Finds the backups that are the start of the file in their place, or all of it.
# Given:
#   backups  the folder that holds them
#   folder   that of their files
# Words: pairs of a path in `backups` and one in `folder`.
# Replies:
#   start NUMBER  for each such pair
# shellcheck disable=SC2154 # the client sets what is given

locate "$backups"
backups=$path
locate "$folder"
number=0
while [ $# -ge 2 ]; do
  size=$(stat -c %s "$backups/$1") && head -c "$size" "$path/$2" 2>/dev/null | cmp -s - "$backups/$1" &&
    printf 'start %s\n' "$number"
  number=$((number + 1))
  shift 2
done
