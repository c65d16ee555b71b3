#!/bin/sh
# Lists the entries of the current folder that exist: list_places FORMAT PATH…
# shellcheck disable=SC2016,SC2154 # the inner shell expands; find.sh sets what is missing
list_places() {
  know_find
  places_format=$1
  shift
  for place; do
    if [ -e "$place" ] || [ -L "$place" ]; then printf './%s\0' "$place"; fi
  done | xargs -0 -r sh -c '
    format=$1 python=$2 text=$3
    shift 3
    if [ -z "$python" ]; then set -- find "$@"; else set -- "$python" -E -c "$text" "$@"; fi
    "$@" -maxdepth 0 -printf "$format"' sh "$places_format" "$find_python" "$find_text"
}
