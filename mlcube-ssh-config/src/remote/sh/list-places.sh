#!/bin/sh
# Lists entries of the current folder.
# shellcheck disable=SC2016,SC2154 # the inner shell expands; find.sh sets what is missing

# Lists those of the paths that exist: list_places FORMAT PATH…
list_places() {
  know_find
  places_format=$1
  shift
  for place; do
    if [ -e "$place" ] || [ -L "$place" ]; then printf './%s\0' "$place"; fi
  done | find_places "$places_format"
}

# Lists, in the format $1, the paths on standard input, each of which ends with a NUL.
find_places() {
  know_find
  xargs -0 -r sh -c '
    format=$1 python=$2 text=$3
    shift 3
    if [ -z "$python" ]; then set -- find "$@"; else set -- "$python" -E -c "$text" "$@"; fi
    "$@" -maxdepth 0 -printf "$format"' sh "$1" "$find_python" "$find_text"
}
