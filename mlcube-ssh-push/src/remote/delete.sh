#!/bin/sh
# Deletes code that is gone on the other side. $1 the tree, then paths in it, what lies in a folder before the folder.
# Answers: a line `deleted PATH` for each (a newline in a name is shown as ?). Folders that hold anything else stay.

tree=$(cd "$(absolute "$1")" && pwd -P) || exit
shift

for path; do
  # Nothing behind a link that leads out of the tree.
  folder=$(cd "$tree/$(dirname "./$path")" 2>/dev/null && pwd -P) || continue
  case $folder/ in "$tree"/*) ;; *) continue ;; esac
  place=$folder/${path##*/}
  if [ -d "$place" ] && [ ! -L "$place" ]; then
    rmdir "$place" 2>/dev/null || continue
  elif [ -e "$place" ] || [ -L "$place" ]; then
    rm -f "$place" || problem not-writable "$path"
  else
    continue
  fi
  printf 'deleted %s\n' "$(printf '%s' "$path" | tr '\n' '?')"
done
exit 0
