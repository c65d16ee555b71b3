#!/bin/sh
# shellcheck disable=SC2154 # the script has find_text before this

# The scripts list folders with GNU find's -printf, -readable and similar predicates. Where find lacks them (busybox),
# Python, which mlcube needs on the remote anyway, runs find.py: `find_python` is the interpreter, and empty where find
# suffices.
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
