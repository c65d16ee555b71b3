#!/bin/sh
# Lists entries of this folder, those that there are: list_places FORMAT PATH…
# shellcheck disable=SC2016 # the inner shell expands
list_places() {
  places_format=$1
  shift
  for place; do
    if [ -e "$place" ] || [ -L "$place" ]; then printf './%s\0' "$place"; fi
  done | xargs -0 -r sh -c 'format=$1; shift; find "$@" -maxdepth 0 -printf "$format"' sh "$places_format"
}
