#!/bin/sh
# shellcheck disable=SC2154 # the script has find_text before this

# The scripts list folders by GNU find's -printf, -readable and their like. A find without them (busybox) is helped out by
# python, which mlcube needs there anyway: `find_python` is then the one, and empty where find will do.
know_find() {
  [ -z "${find_is_known-}" ] || return 0
  find_is_known=yes find_python=
  command find / -maxdepth 0 -readable -printf '' 2>/dev/null && return
  find_python=$(command -v python3 || command -v python) || problem no-find
}

find() {
  know_find
  if [ -z "$find_python" ]; then
    command find "$@"
  else
    "$find_python" -E -c "$find_text" "$@"
  fi
}
